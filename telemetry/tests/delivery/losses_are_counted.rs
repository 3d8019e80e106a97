//! The queue is bounded, and what it has no place for is counted.

use std::time::{Duration, Instant};

use energy_telemetry::otlp::{OtlpOptions, Outbox};

use crate::receiver::{Answer, Receiver};
use crate::rows;

#[test]
fn a_full_queue_loses_new_requests() {
    let hanging = Answer {
        delay: Duration::from_secs(30),
        ..Answer::status(200)
    };
    let receiver = Receiver::start(vec![hanging]);
    let mut options = OtlpOptions::new(receiver.endpoint()).unwrap();
    let size = rows::request(100).body.len();
    options.queue_bytes = 3 * size + size / 2;
    options.linger = Duration::from_millis(300);
    let outbox = Outbox::start(&options).unwrap();
    outbox.push(rows::request(100));
    assert!(
        receiver.until(Duration::from_secs(10), |received| received.requests.len()
            == 1)
    );
    let begin = Instant::now();
    (0..10).for_each(|_| outbox.push(rows::request(100)));
    assert!(
        begin.elapsed() < Duration::from_millis(200),
        "nobody waits for a collector"
    );
    assert_eq!(outbox.counts().lost, 700);
    let counts = outbox.finish();
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (counts.accepted, counts.lost),
        (0, 1_100),
        "all are accounted for"
    );
    assert!(counts.message.unwrap().contains("queue is full"));
}

#[test]
fn the_end_waits_for_requests_that_are_accepted() {
    let receiver = Receiver::start([]);
    let options = OtlpOptions::new(receiver.endpoint()).unwrap();
    let outbox = Outbox::start(&options).unwrap();
    (0..20).for_each(|_| outbox.push(rows::request(100)));
    let counts = outbox.finish();
    assert_eq!((counts.accepted, counts.missing()), (2_000, 0));
    assert_eq!(receiver.received().spans.len(), 2_000);
}

#[test]
fn the_end_does_not_wait_for_a_dead_collector() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let outbox = Outbox::start(&OtlpOptions::new(&endpoint).unwrap()).unwrap();
    (0..20).for_each(|_| outbox.push(rows::request(100)));
    let begin = Instant::now();
    let counts = outbox.finish();
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!((counts.accepted, counts.lost), (0, 2_000));
}

#[test]
fn the_end_may_wait_without_limit() {
    let receiver = Receiver::start([]);
    let mut options = OtlpOptions::new(receiver.endpoint()).unwrap();
    options.linger = Duration::MAX;
    let outbox = Outbox::start(&options).unwrap();
    outbox.push(rows::request(100));
    assert_eq!(outbox.finish().accepted, 100);
}

#[test]
fn a_warning_is_no_reason_of_a_later_loss() {
    let hanging = Answer {
        delay: Duration::from_secs(30),
        ..Answer::status(200)
    };
    let receiver = Receiver::start([Answer::partial(0, "deprecated field"), hanging]);
    let mut options = OtlpOptions::new(receiver.endpoint()).unwrap();
    let size = rows::request(100).body.len();
    options.queue_bytes = size + size / 2;
    options.linger = Duration::from_millis(100);
    let outbox = Outbox::start(&options).unwrap();
    let of_requests = |count| {
        let limit = Duration::from_secs(10);
        receiver.until(limit, |received| received.requests.len() == count)
    };
    outbox.push(rows::request(100));
    assert!(of_requests(1));
    outbox.push(rows::request(100));
    assert!(of_requests(2));
    assert!(!outbox.is_half_full());
    outbox.push(rows::request(100));
    assert!(outbox.is_half_full());
    outbox.push(rows::request(100));
    let counts = outbox.finish();
    assert_eq!(counts.warning.as_deref(), Some("deprecated field"));
    assert!(!counts.message.unwrap().contains("deprecated"));
}
