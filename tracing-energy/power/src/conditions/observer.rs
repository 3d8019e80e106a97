//! The thread that reads conditions: once when a run starts, once when it ends.
//!
//! ```text
//! observer  | start | hash ... pause ... hash ... | (waits) | end |
//! collector     ^ polls updates at each pass   request ^       ^ receives the last updates
//! ```
//!
//! The wait at the end is bounded. Conditions that have not arrived by then are absent.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

#[cfg(feature = "binary-hash")]
use super::binary::own_sha256;
use super::snapshot::ConditionValues;
use super::system::System;
use crate::cpu_time;

/// Timeout of the wait for the end conditions, from the time of the request.
pub(super) const TIMEOUT: Duration = Duration::from_millis(500);
/// Time for which hashing continues after that request.
const HASH_TIMEOUT: Duration = Duration::from_millis(100);
/// Pause after each hashed piece, as a multiple of the time that the piece took.
const PAUSE_FACTOR: u32 = 9;
const STACK_BYTES: usize = 256 * 1024;

/// A message from the observer thread.
#[derive(Debug, PartialEq)]
pub(super) enum Update {
    /// Id of the observer thread, which belongs to the recorder.
    Thread(i64),
    /// Conditions at the start.
    Start(ConditionValues),
    /// SHA-256 of the program's executable.
    Binary(String),
    /// Conditions at the end.
    End(ConditionValues),
}

/// The handle of the thread. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct ConditionObserver {
    requests: Sender<()>,
    updates: Receiver<Update>,
    requested_at: Option<Instant>,
}

impl ConditionObserver {
    /// Starts the thread; `None` if it cannot be started.
    pub(super) fn spawn(system: System) -> Option<Self> {
        let (requests, request_receiver) = channel();
        let (update_sender, updates) = channel();
        std::thread::Builder::new()
            .name("energy-observe".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || observe(&system, &request_receiver, &update_sender))
            .ok()?;
        Some(Self {
            requests,
            updates,
            requested_at: None,
        })
    }

    /// Returns the updates received since the last call.
    pub(super) fn poll(&self) -> Vec<Update> {
        self.updates.try_iter().collect()
    }

    /// Requests the conditions at the end of the run. Later calls do nothing.
    pub(super) fn request_end(&mut self) {
        if self.requested_at.is_none() {
            self.requested_at = Some(Instant::now());
            // A thread that has ended already sent all updates.
            let _ = self.requests.send(());
        }
    }

    /// Receives the remaining updates until the thread ends, or until `timeout` has passed
    /// since the end conditions were requested.
    pub(super) fn drain(mut self, timeout: Duration) -> Vec<Update> {
        self.request_end();
        let deadline = self.requested_at.unwrap_or_else(Instant::now) + timeout;
        let mut all = Vec::new();
        let remaining = || deadline.saturating_duration_since(Instant::now());
        while let Ok(update) = self.updates.recv_timeout(remaining()) {
            all.push(update);
        }
        all
    }
}

/// Runs the thread. A closed channel is no error: the recorder no longer needs the updates.
fn observe(system: &System, requests: &Receiver<()>, updates: &Sender<Update>) {
    let _ = updates.send(Update::Thread(cpu_time::current_tid()));
    let start = system.read();
    let mut values = start.values.clone();
    values.extend(system.read_once());
    let _ = updates.send(Update::Start(values));
    let mut ended = None;
    let binary = own_sha256(|took| match ended {
        Some(end) => is_within(end, HASH_TIMEOUT),
        None => match requests.recv_timeout(took * PAUSE_FACTOR) {
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
            Ok(()) => {
                ended = Some(Instant::now());
                let _ = updates.send(Update::End(system.read().since(&start)));
                true
            }
        },
    });
    if let Some(hash) = binary {
        let _ = updates.send(Update::Binary(hash));
    }
    if ended.is_none() && requests.recv().is_ok() {
        let _ = updates.send(Update::End(system.read().since(&start)));
    }
}

/// Without the feature `binary-hash`, the hash is unknown.
#[cfg(not(feature = "binary-hash"))]
fn own_sha256(_go_on: impl FnMut(Duration) -> bool) -> Option<String> {
    None
}

fn is_within(begin: Instant, timeout: Duration) -> bool {
    begin.elapsed() < timeout
}

#[cfg(test)]
mod tests {
    use super::super::keys::{BINARY_SHA256, CORES, KERNEL};
    use super::*;

    fn observed() -> Vec<Update> {
        let mut observer = ConditionObserver::spawn(System::default()).unwrap();
        observer.request_end();
        observer.drain(Duration::from_secs(600))
    }

    #[test]
    fn an_empty_run_has_start_and_end_conditions() {
        let all = observed();
        let start = all.iter().find_map(|update| match update {
            Update::Start(values) => Some(values),
            _ => None,
        });
        let start = start.unwrap();
        assert!(start.contains_key(KERNEL) && start.contains_key(CORES));
        assert!(!start.contains_key(BINARY_SHA256));
        let end = all.iter().any(|update| matches!(update, Update::End(_)));
        assert!(end, "{all:?}");
    }

    #[test]
    fn the_hash_is_that_of_the_test_program() {
        let expected = own_sha256(|_| true).unwrap();
        assert_eq!(expected.len(), 64);
        let is_received = observed()
            .into_iter()
            .any(|update| update == Update::Binary(expected.clone()));
        assert!(is_received);
    }

    #[test]
    fn a_blocked_read_delays_the_end_by_the_timeout_only() {
        // Nobody ever writes to this pipe: reading the file never ends.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sys/firmware/acpi/platform_profile");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        let root = folder.path().to_owned();
        let observer = ConditionObserver::spawn(System { root }).unwrap();
        let updates = observer.drain(Duration::from_millis(50));
        if cfg!(target_os = "linux") {
            let is_read = updates
                .iter()
                .any(|update| !matches!(update, Update::Thread(_)));
            assert!(!is_read, "{updates:?}");
        }
    }
}
