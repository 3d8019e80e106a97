//! What the server does before the first and after the last request.
#![cfg(unix)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::fixture;
use super::raw;
use super::served::Served;

fn start(database: &Path, listen: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_energy"))
        .arg("--db")
        .arg(database)
        .args(["serve", "--listen", listen])
        .env_remove("ENERGY_TOKEN")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_used_port_is_reported_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    let server = Served::start(&database, &[]);
    let used = server.url.strip_prefix("http://").unwrap();
    let message = message(&start(&database, used));
    assert!(
        message.contains(used) && message.contains("--listen 127.0.0.1:0"),
        "{message}"
    );
}

#[test]
fn files_that_are_no_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "no recording".repeat(100)).unwrap();
    for path in [text.as_path(), folder.path()] {
        let output = start(path, "127.0.0.1:0");
        assert!(!output.status.success() && output.stdout.is_empty());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
    let message = message(&start(&folder.path().join("no/energy.db"), "127.0.0.1:0"));
    assert!(message.contains("does not exist"), "{message}");
}

#[test]
fn a_folder_of_models_must_exist() {
    let output = Command::new(env!("CARGO_BIN_EXE_energy"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--models",
            "/no/such/folder",
        ])
        .output()
        .unwrap();
    assert!(message(&output).contains("/no/such/folder"));
}

#[test]
fn the_file_may_appear_later() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let server = Served::start(&database, &[]);
    assert_eq!(server.get("/").status, 200);
    assert!(!database.exists());
    fixture::recording(folder.path(), "measured");
    assert_eq!(server.json("/api/profiling/runs")["total"], 1);
}

#[test]
fn an_open_connection_does_not_keep_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut server = Served::start(&database, &[]);
        // Half of a request, and a connection that was used and is kept open.
        let mut half = raw::connect(&server);
        half.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            .unwrap();
        let mut used = raw::connect(&server);
        used.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut first = [0; 15];
        used.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        let status = server.end(signal);
        assert_eq!(status.code(), Some(0), "{status:?}");
    }
}
