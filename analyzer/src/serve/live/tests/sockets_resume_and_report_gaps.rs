//! WebSocket connections: subscriptions, resumption, gaps, limits.

use super::super::ring::RingLimits;
use super::*;

/// Clients may subscribe to a run of this uuid before it starts.
const RUN_B: &str = "bbbbbbbb-0000-4000-8000-000000000000";

fn with_ring(bytes: usize) -> FeedLimits {
    FeedLimits {
        ring: RingLimits {
            bytes,
            ..RingLimits::default()
        },
        ..FeedLimits::default()
    }
}

#[test]
fn a_connection_resumes_after_its_last_number() {
    let server = Server::start(FeedLimits::default());
    for _ in 0..5 {
        publish(&server.feed, "run-a", 10);
    }
    let (mut socket, hello) = server.connect("");
    assert_eq!(hello["data"]["seq"], 5);
    assert_eq!(hello["data"]["oldest_seq"], 1);
    assert_eq!(hello["data"]["server_version"], env!("CARGO_PKG_VERSION"));
    publish(&server.feed, "run-a", 10);
    let first = socket.next();
    assert_eq!((&first["seq"], &first["run"]), (&json!(6), &json!("run-a")));
    assert_eq!(first["timestamp"], "2026-11-30T00:53:20.000000Z");
    drop(socket);
    publish(&server.feed, "run-a", 10);
    let epoch = hello["data"]["epoch"].as_str().unwrap();
    let (mut socket, _) = server.connect(&format!("?seq=6&epoch={epoch}"));
    publish(&server.feed, "run-a", 10);
    assert_eq!(seqs(&[socket.next(), socket.next()]), [7, 8]);
    for elsewhere in ["?seq=6&epoch=0123", "?seq=99"] {
        let (mut socket, hello) = server.connect(elsewhere);
        assert_eq!(hello["seq"], server.feed.last_seq());
        publish(&server.feed, "run-a", 10);
        assert_eq!(socket.next()["seq"], server.feed.last_seq());
    }
}

#[test]
fn a_subscription_selects_runs_and_types() {
    let server = Server::start(FeedLimits::default());
    let (mut socket, _) = server.connect("");
    let send = |run: &str, kind, detail| {
        server.feed.publish(Message {
            kind,
            detail,
            ..message(Some(run), 0)
        });
    };
    send("run-a", MessageKind::OperationMetrics, Detail::Operations);
    send("run-a", MessageKind::ComponentMetrics, Detail::Components);
    assert_eq!(socket.next()["seq"], 2, "the default excludes operations");
    socket.send(&json!({"type": "subscribe", "runs": [RUN_B], "detail": "operations"}));
    socket.ping();
    send("run-a", MessageKind::PowerSample, Detail::Power);
    send(RUN_B, MessageKind::OperationMetrics, Detail::Operations);
    assert_eq!(socket.next()["seq"], 4);
    socket.send(&json!({"type": "subscribe", "runs": ["latest"], "types": ["run_started"]}));
    socket.ping();
    send("run-a", MessageKind::RunStarted, Detail::Power);
    send(RUN_B, MessageKind::RunStarted, Detail::Power);
    send("run-a", MessageKind::RunStarted, Detail::Power);
    send(RUN_B, MessageKind::PowerSample, Detail::Power);
    send(RUN_B, MessageKind::RunStarted, Detail::Power);
    let got = [socket.next(), socket.next(), socket.next()];
    assert_eq!(
        seqs(&got),
        [5, 6, 9],
        "a description sent again starts no run"
    );
    socket.send(&json!({"type": "unsubscribe"}));
    socket.ping();
    publish(&server.feed, RUN_B, 0);
    socket.ping();
    socket.send(&json!({"type": "subscribe"}));
    socket.ping();
    publish(&server.feed, RUN_B, 0);
    assert_eq!(socket.next()["seq"], server.feed.last_seq());
}

#[test]
fn malformed_messages_are_answered() {
    let server = Server::start(FeedLimits::default());
    let (mut socket, _) = server.connect("");
    for text in [
        "",
        "{",
        "[]",
        r#"{"type":"dance"}"#,
        r#"{"type":"subscribe","detail":7}"#,
        r#"{"type":"subscribe","runs":["*","no such run"]}"#,
        r#"{"type":"subscribe","runs":["last"]}"#,
    ] {
        socket.send_text(text);
        let answer = socket.next();
        assert_eq!(answer["type"], "error", "{text}: {answer}");
        assert!(answer["data"]["remedy"].is_string());
    }
    let bytes = tungstenite::Message::binary(vec![1, 2, 3]);
    socket.0.send(bytes).unwrap();
    assert_eq!(socket.next()["type"], "error");
    publish(&server.feed, "run-a", 0);
    assert_eq!(socket.next()["seq"], 1, "the connection goes on");
    let too_large = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(1 << 20));
    let _ = socket.0.send(tungstenite::Message::text(too_large));
    until("the connection is closed", || socket.0.read().is_err());
}

#[test]
fn a_slow_client_gets_gaps_that_it_can_fetch() {
    let server = Server::start(with_ring(256 << 10));
    let (mut slow, _) = server.connect("");
    let (mut fast, _) = server.connect("");
    // More than the buffers of a socket hold.
    let total = 1800_u64;
    let mut all = Vec::new();
    for seq in 1..=total {
        publish(&server.feed, "run-a", 10_000);
        // The small ring would otherwise outrun a disk that is busy, which loses what is fetched below.
        spooled(&server.feed);
        let got = fast.next();
        assert_eq!(got["seq"], seq, "a client that reads is not delayed");
        all.push(got);
    }
    let mut expected = 1;
    let mut gaps = 0;
    while expected <= total {
        let got = slow.next();
        if got["type"] != "gap" {
            assert_eq!(got["seq"], expected);
            expected += 1;
            continue;
        }
        gaps += 1;
        let number = |key: &str| got["data"][key].as_u64().unwrap();
        let (from, to) = (number("from"), number("to"));
        assert_eq!((from, number("count")), (expected, to + 1 - from));
        let mut fetched = Vec::new();
        let mut next = from;
        while next <= to {
            let path = format!("/api/profiling/run/*/events?from={next}&limit=300");
            let (status, page) = server.get(&path);
            assert_eq!(status, 200, "{page}");
            next = page["next"].as_u64().unwrap();
            fetched.extend(page["events"].as_array().unwrap().iter().cloned());
        }
        fetched.retain(|event| event["seq"].as_u64().unwrap() <= to);
        assert_eq!(fetched, all[from as usize - 1..to as usize]);
        expected = to + 1;
    }
    assert!(gaps > 0, "the client was not slow");
}

#[test]
fn connections_are_limited() {
    let limits = FeedLimits {
        clients: 2,
        ..FeedLimits::default()
    };
    let server = Server::start(limits);
    let first = server.connect("");
    let _second = server.connect("");
    let url = server.url("ws", "/ws/profiling");
    let status = |server: &Server| match tungstenite::client::client(&url, server.stream()) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            answer.status().as_u16()
        }
        Err(error) => panic!("{error}"),
        Ok(_) => 101,
    };
    assert_eq!(status(&server), 503);
    drop(first);
    until("its place is free", || status(&server) == 101);
    assert_eq!(server.get("/ws/profiling").0, 400);
    assert_eq!(server.get("/ws/profiling?seq=x").0, 422);
}

#[test]
fn connections_are_kept_alive_and_ended() {
    let limits = FeedLimits {
        heartbeat: Duration::from_millis(10),
        ..FeedLimits::default()
    };
    let server = Server::start(limits);
    publish(&server.feed, "run-a", 0);
    let (mut socket, _) = server.connect("");
    for _ in 0..3 {
        let text = socket.0.read().unwrap();
        let message: Value = serde_json::from_str(text.to_text().unwrap()).unwrap();
        assert_eq!(
            (&message["type"], &message["seq"]),
            (&json!("heartbeat"), &json!(1))
        );
    }
    server.feed.close();
    until("the connection is closed", || match socket.0.read() {
        Ok(tungstenite::Message::Close(frame)) => {
            assert_eq!(
                frame.unwrap().code,
                tungstenite::protocol::frame::coding::CloseCode::Away
            );
            true
        }
        Ok(_) => false,
        Err(error) => panic!("{error}"),
    });
}

#[test]
fn a_client_that_answers_no_ping_is_disconnected() {
    let limits = FeedLimits {
        clients: 1,
        ping: Duration::from_millis(10),
        silence: Duration::from_millis(100),
        ..FeedLimits::default()
    };
    let server = Server::start(limits);
    let (_socket, _) = server.connect("");
    until("its place is free", || server.feed.admit().is_some());
}
