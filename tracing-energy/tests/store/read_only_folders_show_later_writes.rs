//! A file in a folder that its reader may not write is read as it is now, also after a recorder
//! has begun to write it.

#![cfg(target_os = "linux")]

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use energy_data::rows::RunStatus;
use energy_store::{FollowFrom, Follower, SqliteSink, Store};
use tracing_energy::live::Update;
use tracing_energy::{Batch, Sink};

use crate::store_support::rows::{self, MS};
use crate::store_support::{ended, recording, write};

/// Executes `read` as a user who may read `folder` but not write it.
fn as_reader<T>(folder: &Path, read: impl FnOnce() -> T) -> T {
    let mode = |mode| set_permissions(folder, Permissions::from_mode(mode)).expect("permitted");
    // SAFETY: both calls only change the identity with which this thread opens files.
    #[allow(unsafe_code)]
    let identity = |user| unsafe { libc::setfsuid(user) };
    // SAFETY: it only returns a number.
    #[allow(unsafe_code)]
    let own = unsafe { libc::geteuid() };
    mode(0o555);
    if own == 0 {
        identity(65_534);
    }
    let result = read();
    if own == 0 {
        identity(0);
    }
    mode(0o755);
    result
}

fn spans(updates: &[Update]) -> Vec<u64> {
    let spans = |update: &Update| match update {
        Update::Rows { batch, .. } => batch.spans.iter().map(|row| row.seq).collect(),
        _ => Vec::new(),
    };
    updates.iter().flat_map(spans).collect()
}

fn readable(path: &Path) {
    set_permissions(path, Permissions::from_mode(0o644)).expect("permitted");
}

#[test]
fn a_follower_sees_what_a_recorder_adds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (folder, path) = (folder.path(), folder.path().join("a.db"));
    write(&path, &ended("old"));
    readable(&path);
    let follower = as_reader(folder, || {
        Follower::open_from(&path, FollowFrom::Now).expect("opens")
    });
    let mut follower = follower;
    let first = as_reader(folder, || follower.poll().expect("readable"));
    assert!(first.is_empty(), "{first:?}");
    let mut sink = SqliteSink::create(&path).expect("opens");
    sink.write(&recording("new")).expect("written");
    let second = as_reader(folder, || follower.poll().expect("readable"));
    assert_eq!(spans(&second), (1..=9).collect::<Vec<u64>>());
    let more = Batch {
        spans: vec![rows::span(10, 3, 400 * MS, 401 * MS)],
        ..Batch::default()
    };
    sink.write(&more).expect("written");
    let third = as_reader(folder, || follower.poll().expect("readable"));
    assert_eq!(spans(&third), [10], "rows are reported once");
    let none = as_reader(folder, || follower.poll().expect("readable"));
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn a_reader_knows_that_it_must_open_the_file_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (folder, path) = (folder.path(), folder.path().join("a.db"));
    write(&path, &ended("old"));
    readable(&path);
    let store = as_reader(folder, || Store::open(&path).expect("opens"));
    assert!(!store.is_outdated());
    assert_eq!(store.runs().expect("readable").len(), 1);
    write(&path, &ended("new"));
    assert!(store.is_outdated());
    let store = as_reader(folder, || Store::open(&path).expect("opens"));
    let runs = store.runs().expect("readable");
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[1].row.status, RunStatus::Complete);
    assert!(!store.is_outdated());
}

#[test]
fn a_reader_of_a_shared_file_is_never_outdated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    write(&path, &ended("old"));
    let store = Store::open(&path).expect("opens");
    write(&path, &ended("new"));
    assert!(!store.is_outdated());
    assert_eq!(store.runs().expect("readable").len(), 2);
}
