//! A second request is refused or waits; runs are cancelled by request, by the end of their
//! client, and by the end of the server.
#![cfg(unix)]

use std::io::Write;

use energy_data::rows::RunStatus;
use serde_json::{Value, json};

use super::generated::{Generating, MANY};
use super::raw;
use super::served::until;

fn status(served: &Generating, id: &str) -> RunStatus {
    served.run(id).unwrap().row.status
}

#[test]
fn a_second_run_is_refused_or_waits() {
    let served = Generating::start();
    let first = served.long(json!({}));
    let refused = served.generate(json!({}));
    assert!(refused.problem(409).contains(&first));
    assert!(refused.header("retry-after").is_some());
    let queued: Vec<Value> = (1..=8)
        .map(|position| {
            let answered = served.generate(json!({"on_busy": "queue"}));
            assert_eq!(answered.status, 202, "{}", answered.text());
            let body = answered.json();
            assert_eq!(
                (&body["status"], &body["position"]),
                (&json!("queued"), &json!(position))
            );
            body["run_id"].clone()
        })
        .collect();
    served.generate(json!({"on_busy": "queue"})).problem(429);
    let id = |at: usize| queued[at].as_str().unwrap();
    let state = served.server.json("/api/profiling/status");
    assert_eq!(
        (&state["generating"], &state["queued"]),
        (&json!(first), &json!(queued))
    );
    // A run that is not in the file yet is not unknown.
    let path = format!("/api/profiling/run/{}", id(7));
    for path in [&path, &format!("{path}/summary")] {
        let waits = served.server.get(path);
        assert!(waits.problem(404).contains("waits to be generated"));
        assert!(waits.text().contains("/api/profiling/generate/"));
    }
    let deleted = served.server.delete(&path, &json!({"confirm": id(7)}));
    assert!(deleted.problem(409).contains("waits to be generated"));
    assert!(deleted.text().contains("/api/profiling/cancel/"));
    // A run that waits is removed, and the next ones move up.
    let cancelled = served.cancel(id(0));
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(served.state(id(0))["status"], "cancelled");
    assert_eq!(served.state(id(1))["position"], 1);
    served.cancel(id(0)).problem(409);
    for at in 2..8 {
        assert_eq!(served.cancel(id(at)).status, 200);
    }
    // The running one is stored as cancelled, and the last one starts.
    let answered = served.cancel(&first[..8]);
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert_eq!(answered.json()["run_id"], first);
    assert_eq!(status(&served, &first), RunStatus::Cancelled);
    served.wait_for(id(1), "complete");
    assert_eq!(status(&served, id(1)), RunStatus::Complete);
    assert!(served.run(id(0)).is_none());
    served.cancel(&first).problem(409);
    served.cancel("absent").problem(404);
}

#[test]
fn a_stopped_run_is_cancelled_and_stored() {
    let served = Generating::start();
    let id = served.long(json!({}));
    let pid = served.run(&id).unwrap().row.pid;
    let pid = libc::pid_t::try_from(pid).unwrap();
    // SAFETY: a plain system call on the process of the run, which the server has not reaped.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGSTOP) }, 0);
    assert_eq!(served.cancel(&id).status, 200);
    until("the end of the run", || {
        status(&served, &id) == RunStatus::Cancelled
    });
}

#[test]
fn a_run_continues_or_ends_without_its_client() {
    let served = Generating::start();
    for (on_disconnect, expected) in [("continue", "running"), ("cancel", "cancelled")] {
        let body = json!({
            "prompt": "again", "model": "sub/tiny.gguf", "raw": true, "baseline_ms": 0,
            "max_tokens": MANY, "wait": true, "on_disconnect": on_disconnect, "depth": "layer",
            "name": on_disconnect,
        })
        .to_string();
        let mut client = raw::connect(&served.server);
        let head = format!(
            "POST /api/profiling/generate HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        client.write_all(head.as_bytes()).unwrap();
        until("the run in the file", || {
            served.run(on_disconnect).is_some()
        });
        let id = served.run(on_disconnect).unwrap().row.uuid;
        drop(client);
        if expected == "cancelled" {
            served.wait_for(&id, expected);
            assert_eq!(status(&served, &id), RunStatus::Cancelled);
        } else {
            // Later spans of the same run show that it continues.
            let spans = || {
                let recording = energy_analyzer::query::Recording::open(&served.database).unwrap();
                let count = "SELECT count(*) FROM spans";
                let count = recording
                    .connection()
                    .query_row(count, [], |row| row.get::<_, i64>(0));
                count.unwrap()
            };
            let before = spans();
            until("more spans", || spans() > before + 100);
            assert_eq!(served.state(&id)["status"], expected);
            assert_eq!(served.cancel(&id).status, 200);
        }
    }
}

#[test]
fn the_end_of_the_server_cancels_its_run() {
    let mut served = Generating::start();
    let id = served.long(json!({}));
    let waiting = served.generate(json!({"on_busy": "queue"}));
    let waiting = waiting.json()["run_id"].as_str().unwrap().to_owned();
    assert_eq!(served.server.end(libc::SIGTERM).code(), Some(0));
    assert_eq!(status(&served, &id), RunStatus::Cancelled);
    assert!(served.run(&waiting).is_none());
}

#[test]
fn a_killed_process_is_a_failure_and_the_next_run_starts() {
    let served = Generating::start();
    let id = served.long(json!({}));
    let pid = libc::pid_t::try_from(served.run(&id).unwrap().row.pid).unwrap();
    // SAFETY: a plain system call on the process of the run, which the server has not reaped.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    let state = served.wait_for(&id, "failed");
    assert!(
        state["message"].as_str().unwrap().contains("signal: 9"),
        "{state}"
    );
    assert_eq!(served.generate(json!({"wait": true})).status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_server_leaves_no_run_behind() {
    let mut served = Generating::start();
    let id = served.long(json!({}));
    served.server.end(libc::SIGKILL);
    until("the end of the run", || {
        status(&served, &id) == RunStatus::Cancelled
    });
}
