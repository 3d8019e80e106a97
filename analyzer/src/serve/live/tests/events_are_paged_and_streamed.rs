//! Events over HTTP: pages, streams, and numbers that are not kept.

use super::super::ring::RingLimits;
use super::super::spool::SpoolLimits;
use super::*;

fn small() -> FeedLimits {
    FeedLimits {
        ring: RingLimits {
            bytes: 2000,
            ..RingLimits::default()
        },
        spool: SpoolLimits {
            segments: 2,
            segment_bytes: 4000,
            ..SpoolLimits::default()
        },
        ..FeedLimits::default()
    }
}

#[test]
fn pages_follow_each_other() {
    let server = Server::start(FeedLimits::default());
    let (status, page) = server.get("/api/profiling/run/*/events");
    assert_eq!(status, 200);
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &json!(1)));
    for _ in 0..7 {
        publish(&server.feed, "run-a", 10);
    }
    let mut next = 1;
    let mut all = Vec::new();
    for expected in [3, 3, 1, 0] {
        let path = format!("/api/profiling/run/*/events?from={next}&limit=3");
        let (_, page) = server.get(&path);
        let events = page["events"].as_array().unwrap();
        assert_eq!(events.len(), expected);
        all.extend(seqs(events));
        next = page["next"].as_u64().unwrap();
    }
    assert_eq!((all, next), ((1..=7).collect(), 8));
    let (status, problem) = server.get("/api/profiling/run/*/events?limit=0");
    assert_eq!((status, &problem["status"]), (422, &json!(422)));
    assert_eq!(server.get("/api/profiling/run/*/events?detail=all").0, 422);
    assert_eq!(server.get("/api/profiling/run/*/events?types=x").0, 422);
    assert_eq!(server.get("/api/profiling/run/unknown/events").0, 404);
    let (_, page) = server.get("/api/profiling/run/*/events?types=gap,pong");
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &json!(8)));
}

#[test]
fn numbers_that_are_not_kept_are_gone_and_later_ones_are_refused() {
    let server = Server::start(small());
    for _ in 0..60 {
        publish(&server.feed, "run-a", 100);
        spooled(&server.feed);
    }
    let oldest = server.feed.oldest_seq();
    assert!(oldest > 1);
    let epoch = server.feed.epoch().to_owned();
    for (query, expected) in [
        (format!("from={}", oldest - 1), 410),
        (format!("from={oldest}&epoch=other"), 410),
        ("from=1".into(), 410),
        ("from=62".into(), 422),
        (format!("from={}", u64::MAX), 422),
        (format!("from={}&epoch=other", u64::MAX), 410),
    ] {
        let (status, problem) = server.get(&format!("/api/profiling/run/*/events?{query}"));
        assert_eq!(status, expected, "{query}");
        assert_eq!(problem["oldest_seq"], oldest);
        assert_eq!(problem["epoch"], epoch);
        assert!(problem["remedy"].is_string());
    }
    let path = format!("/api/profiling/run/*/events?from={oldest}&epoch={epoch}");
    let (status, page) = server.get(&path);
    assert_eq!((status, &page["epoch"]), (200, &json!(epoch)));
    let expected: Vec<u64> = (oldest..=60).collect();
    assert_eq!(seqs(page["events"].as_array().unwrap()), expected);
}

#[test]
fn a_stream_resumes_after_the_last_event() {
    let server = Server::start(small());
    for _ in 0..70 {
        publish(&server.feed, "run-a", 100);
        spooled(&server.feed);
    }
    let oldest = server.feed.oldest_seq();
    assert!(oldest > 1 && oldest < 55, "{oldest}");
    let path = "/api/profiling/run/*/events";
    let mut events = Events::open(&server, path, Some(oldest));
    let (id, hello) = events.next().unwrap();
    assert_eq!((id, &hello["type"]), (oldest, &json!("hello")));
    for seq in oldest + 1..=70 {
        let (id, event) = events.next().unwrap();
        assert_eq!(
            (id, &event["seq"]),
            (seq, &json!(seq)),
            "from the files, then the ring"
        );
    }
    publish(&server.feed, "run-a", 0);
    assert_eq!(events.next().unwrap().0, 71);
    let mut new = Events::open(&server, path, None);
    assert_eq!(new.next().unwrap().1["data"]["seq"], 71);
    publish(&server.feed, "run-a", 0);
    assert_eq!(new.next().unwrap().0, 72);
    server.feed.close();
    assert_eq!(new.next(), None, "the server can end");
}

#[test]
fn messages_of_deleted_runs_are_not_returned() {
    let server = Server::start(FeedLimits::default());
    publish(&server.feed, "run-a", 0);
    publish(&server.feed, "run-b", 0);
    server.feed.publish(Message {
        kind: MessageKind::RunDeleted,
        ..message(Some("run-a"), 0)
    });
    let (_, page) = server.get("/api/profiling/run/*/events");
    assert_eq!(seqs(page["events"].as_array().unwrap()), [2, 3]);
    let (mut socket, _) = server.connect(&format!("?seq=0&epoch={}", server.feed.epoch()));
    let received = [socket.next(), socket.next()];
    assert_eq!(seqs(&received), [2, 3], "a resumed connection neither");
}
