//! Which answers lead to a repetition, and when it comes.

use std::time::{Duration, Instant};

use energy_telemetry::otlp::{Client, DeliveryCounts, EncodedRequest, OtlpOptions};

use crate::receiver::{Answer, Receiver};
use crate::rows;

fn deliver(answers: Vec<Answer>, retry_for: Duration) -> (DeliveryCounts, Receiver, Duration) {
    let receiver = Receiver::start(answers);
    let mut options = OtlpOptions::new(receiver.endpoint()).unwrap();
    options.retry_for = retry_for;
    options.timeout = Duration::from_millis(500);
    let begin = Instant::now();
    let counts = Client::new(&options).deliver(&rows::request(5), &|| false);
    (counts, receiver, begin.elapsed())
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_request_is_repeated_until_it_is_accepted() {
    let closed = Answer::status(0);
    let slow = Answer {
        delay: Duration::from_secs(2),
        ..Answer::status(200)
    };
    for temporary in [429, 502, 503, 504]
        .map(Answer::status)
        .into_iter()
        .chain([closed, slow])
    {
        let (counts, receiver, _) = deliver(vec![temporary.clone(), temporary.clone()], LONG);
        assert_eq!((counts.accepted, counts.missing()), (5, 0), "{temporary:?}");
        assert_eq!(counts.retries, 2, "{temporary:?}");
        assert_eq!(receiver.received().requests.len(), 3);
    }
}

#[test]
fn a_request_that_is_refused_is_not_repeated() {
    for status in [400, 401, 404, 413, 500, 301] {
        let answer = Answer {
            body: b"no such tenant".to_vec(),
            ..Answer::status(status)
        };
        let (counts, receiver, _) = deliver(vec![answer], LONG);
        assert_eq!((counts.accepted, counts.lost), (0, 5), "{status}");
        assert_eq!(receiver.received().requests.len(), 1);
        let message = counts.message.unwrap();
        assert!(message.contains(&status.to_string()), "{message}");
        assert!(message.contains("no such tenant"), "{message}");
    }
}

#[test]
fn the_pause_that_a_collector_demands_is_kept() {
    let busy = Answer {
        header: Some("Retry-After: 1"),
        ..Answer::status(429)
    };
    let (counts, _, time) = deliver(vec![busy.clone()], LONG);
    assert_eq!(counts.accepted, 5);
    assert!(time >= Duration::from_secs(1), "{time:?}");
    // A pause beyond the limit is not begun.
    let busy = Answer {
        header: Some("Retry-After: 3600"),
        ..busy
    };
    let (counts, _, time) = deliver(vec![busy], LONG);
    assert_eq!(counts.lost, 5);
    assert!(time < Duration::from_secs(10), "{time:?}");
}

#[test]
fn a_pause_of_any_length_is_understood() {
    for (header, is_lost) in [
        ("Retry-After: 18446744073709551615", true),
        ("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", true),
        ("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", false),
        ("Retry-After: soon", false),
    ] {
        let busy = Answer {
            header: Some(header),
            ..Answer::status(503)
        };
        let (counts, _, time) = deliver(vec![busy], LONG);
        assert_eq!(counts.lost > 0, is_lost, "{header}");
        assert!(time < Duration::from_secs(10), "{header}: {time:?}");
    }
}

#[test]
fn repetitions_end_after_the_given_time() {
    let answers = vec![Answer::status(503); 1_000];
    let (counts, _, time) = deliver(answers, Duration::from_secs(1));
    assert_eq!((counts.accepted, counts.lost), (0, 5));
    assert!(time < Duration::from_secs(5), "{time:?}");
}

#[test]
fn a_dead_collector_is_named_as_the_reason() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut options = OtlpOptions::new(format!("http://{address}")).unwrap();
    options.retry_for = Duration::from_millis(100);
    let request: EncodedRequest = rows::request(7);
    let counts = Client::new(&options).deliver(&request, &|| false);
    assert_eq!(counts.lost, 7);
    let problem = counts.problem(&options.endpoint).unwrap();
    assert!(problem.contains(&address.to_string()), "{problem}");
    assert!(problem.contains("energy otlp push"), "{problem}");
}

#[test]
fn rejected_spans_are_counted() {
    let (counts, _, _) = deliver(vec![Answer::partial(2, "too old")], LONG);
    assert_eq!((counts.accepted, counts.rejected, counts.lost), (3, 2, 0));
    assert_eq!(counts.message.as_deref(), Some("too old"));
    let (counts, _, _) = deliver(vec![Answer::partial(0, "deprecated field")], LONG);
    assert_eq!((counts.accepted, counts.missing()), (5, 0));
    assert_eq!(counts.warning.as_deref(), Some("deprecated field"));
    assert_eq!(
        counts.message, None,
        "a warning is no reason of a later loss"
    );
    assert_eq!(counts.problem("x"), None, "a warning is no loss");
    let long = "\u{1b}[31mred\n".repeat(10_000);
    let (counts, _, _) = deliver(vec![Answer::partial(1, &long)], LONG);
    let message = counts.message.unwrap();
    assert!(
        message.len() <= 200 && message.starts_with("[31mred[31m"),
        "{message}"
    );
    let (counts, _, _) = deliver(vec![Answer::partial(99, "more than there are")], LONG);
    assert_eq!((counts.accepted, counts.rejected), (0, 5));
}

#[test]
fn headers_are_sent() {
    let receiver = Receiver::start([]);
    let options = OtlpOptions::new(receiver.endpoint()).unwrap();
    let options = options.header("X-Tenant", "blue").unwrap();
    Client::new(&options).deliver(&rows::request(1), &|| false);
    let received = receiver.received();
    let (path, headers, _) = &received.requests[0];
    assert_eq!(path, "/v1/traces");
    let headers = headers.join("\n").to_lowercase();
    assert!(headers.contains("x-tenant: blue"), "{headers}");
    assert!(
        headers.contains("content-type: application/x-protobuf"),
        "{headers}"
    );
}
