//! Live messages over WebSocket and HTTP, from a program that records into the served file.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::fixture;
use super::served::Served;

/// Longest time that something may take, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn connect(server: &Served, query: &str) -> WebSocket<TcpStream> {
    let address = server.url.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://{address}/ws/profiling{query}");
    tungstenite::client::client(url, stream).unwrap().0
}

fn next(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Receives until `is_last`, and returns the messages of runs.
fn receive(
    socket: &mut WebSocket<TcpStream>,
    mut is_last: impl FnMut(&Value) -> bool,
) -> Vec<Value> {
    let begun = Instant::now();
    let mut received = Vec::new();
    loop {
        assert!(begun.elapsed() < PATIENCE, "{received:?}");
        let message = next(socket);
        if !message["run"].is_null() {
            received.push(message.clone());
        }
        if is_last(&message) {
            return received;
        }
    }
}

/// Records a program that sleeps.
fn record(database: &Path) {
    let recorded = Command::new(env!("CARGO_BIN_EXE_energy"))
        .arg("--db")
        .arg(database)
        .args([
            "record",
            "--source",
            "modelled",
            "--baseline",
            "0s",
            "--",
            "sleep",
            "1",
        ])
        .env_remove("ENERGY_DB")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&recorded.stderr);
    assert!(recorded.status.success(), "{printed}");
}

#[test]
fn a_run_that_is_not_recorded_now_has_no_messages() {
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start(&fixture::recording(folder.path(), "measured"), &[]);
    let mut socket = connect(&server, "");
    let hello = next(&mut socket);
    assert_eq!(
        (&hello["type"], &hello["run"]),
        (&json!("hello"), &Value::Null)
    );
    let epoch = hello["data"]["epoch"].as_str().unwrap();
    for run in ["last", fixture::UUID, &fixture::UUID[..8]] {
        let page = server.json(&format!("/api/profiling/run/{run}/events?epoch={epoch}"));
        assert_eq!(page["events"], json!([]), "{run}");
        assert_eq!(page["epoch"], epoch);
    }
    server.get("/api/profiling/run/absent/events").problem(404);
    let gone = server.get(&format!(
        "/api/profiling/run/last/events?from=1&epoch=x{epoch}"
    ));
    gone.problem(410);
    assert_eq!(gone.json()["oldest_seq"], hello["data"]["oldest_seq"]);
    let early = server.get("/api/profiling/run/last/events?from=999999");
    assert!(early.problem(422).contains("the newest one is"));
    assert_eq!(early.json()["newest_seq"], hello["data"]["seq"]);
    server.get("/ws/profiling").problem(400);
}

#[test]
fn messages_of_all_runs_can_be_awaited_before_the_file_exists() {
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start(&folder.path().join("energy.db"), &[]);
    let page = server.json("/api/profiling/run/*/events");
    assert_eq!(page["events"], json!([]));
    server.get("/api/profiling/run/last/events").problem(404);
}

#[test]
fn a_program_that_records_appears_in_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let server = Served::start(&database, &[]);
    let mut socket = connect(&server, "");
    let hello = next(&mut socket);
    let epoch = hello["data"]["epoch"].as_str().unwrap().to_owned();
    record(&database);
    let received = receive(&mut socket, |message| {
        message["type"] == "inference_complete"
    });
    let run = received[0]["run"].as_str().unwrap().to_owned();
    assert_eq!(received[0]["type"], "run_started");
    assert!(
        received
            .iter()
            .any(|message| message["type"] == "power_sample")
    );
    let seqs: Vec<u64> = received
        .iter()
        .map(|one| one["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");

    let last = seqs[seqs.len() - 1];
    let path = format!("/api/profiling/run/{run}/events");
    let page = server.json(&format!("{path}?epoch={epoch}"));
    let events = page["events"].as_array().unwrap();
    let fetched: Vec<_> = events
        .iter()
        .filter(|one| one["seq"].as_u64() <= Some(last))
        .collect();
    assert_eq!(
        fetched,
        received.iter().collect::<Vec<_>>(),
        "pages have the same messages"
    );

    let mut again = connect(&server, &format!("?seq={}&epoch={epoch}", seqs[0]));
    assert_eq!(next(&mut again)["type"], "hello");
    let replayed = receive(&mut again, |message| message["seq"] == last);
    assert_eq!(
        replayed,
        received[1..],
        "a connection that resumes misses nothing"
    );

    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let stream = agent
        .get(format!("{}{path}", server.url))
        .header("accept", "text/event-stream")
        .header("last-event-id", seqs[0].to_string())
        .call()
        .unwrap();
    let lines = BufReader::new(stream.into_body().into_reader()).lines();
    let messages = lines.filter_map(|line| {
        let line = line.unwrap();
        let text = line.strip_prefix("data: ")?;
        Some(serde_json::from_str::<Value>(text).unwrap())
    });
    let of_run = messages.filter(|message| !message["run"].is_null());
    let streamed: Vec<Value> = of_run.take(received.len() - 1).collect();
    assert_eq!(
        streamed,
        received[1..],
        "an event stream has the same messages"
    );
}
