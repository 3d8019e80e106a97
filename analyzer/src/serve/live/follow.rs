//! The thread that follows the served file and sends messages about what is recorded to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use energy_data::live::Update;
use energy_data::rows::RunStatus;
use energy_host::unix_ns;
use serde_json::{Value, json};
use tracing_energy::live::Follower;

use super::complete::{completed, without_totals};
use super::live_run::LiveRun;
use super::message::{Detail, Message, MessageKind, Publish};
use super::texts::LiveTexts;
use crate::query::Recording;

/// Interval between polls.
const POLL: Duration = Duration::from_millis(50);
/// Interval at which a file that cannot be read is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Time for which a locked file is no error.
const LOCKED: Duration = Duration::from_secs(5);

/// The thread; dropping it ends it.
#[derive(Debug)]
pub(in crate::serve) struct FollowThread {
    is_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FollowThread {
    /// Follows the recording at `path`, which need not exist yet.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(in crate::serve) fn start(
        path: PathBuf,
        publish: impl Publish + 'static,
    ) -> std::io::Result<Self> {
        let is_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_ended);
        let thread = std::thread::Builder::new()
            .name("energy-follow".to_owned())
            .spawn(move || {
                let publish: Arc<dyn Publish> = Arc::new(publish);
                LiveFile::new(&path, publish).run(&ended);
            })?;
        Ok(Self {
            is_ended,
            thread: Some(thread),
        })
    }
}

impl Drop for FollowThread {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The followed file and its runs.
struct LiveFile {
    path: PathBuf,
    publish: Arc<dyn Publish>,
    texts: LiveTexts,
    runs: BTreeMap<Arc<str>, LiveRun>,
    /// The message about an error that was sent, until reading succeeds.
    failure: Option<String>,
    locked_since: Option<Instant>,
}

/// Sends messages of one file.
pub(super) struct Outlet<'f> {
    publish: &'f Arc<dyn Publish>,
    path: &'f Path,
    /// Reads what messages need in addition.
    pub(super) texts: &'f LiveTexts,
}

impl LiveFile {
    fn new(path: &Path, publish: Arc<dyn Publish>) -> Self {
        Self {
            path: path.to_owned(),
            publish,
            texts: LiveTexts::new(path),
            runs: BTreeMap::new(),
            failure: None,
            locked_since: None,
        }
    }

    fn run(&mut self, is_ended: &AtomicBool) {
        let mut follower: Option<Follower> = None;
        while !is_ended.load(Ordering::Relaxed) {
            let Some(opened) = &mut follower else {
                follower = self.open();
                if follower.is_none() {
                    std::thread::sleep(RETRY);
                }
                continue;
            };
            let pause = match opened.poll() {
                Ok(updates) => {
                    (self.failure, self.locked_since) = (None, None);
                    updates.into_iter().for_each(|update| self.update(update));
                    if opened.has_more() {
                        continue;
                    }
                    POLL
                }
                Err(error) => {
                    self.poll_failed(&error);
                    RETRY
                }
            };
            std::thread::sleep(pause);
        }
    }

    fn open(&mut self) -> Option<Follower> {
        // Nothing was recorded yet, if there is no file.
        if !self.path.exists() {
            return None;
        }
        match Follower::open(&self.path) {
            Ok(follower) => Some(follower),
            Err(error) => {
                self.poll_failed(&error);
                None
            }
        }
    }

    fn update(&mut self, update: Update) {
        let Self {
            path,
            publish,
            texts,
            runs,
            ..
        } = self;
        let outlet = Outlet {
            publish,
            path,
            texts,
        };
        match update {
            Update::Rows { run, batch } => {
                let live = runs
                    .entry(Arc::clone(&run))
                    .or_insert_with(|| LiveRun::new(&run));
                live.rows(&batch, &outlet);
            }
            Update::Ended { run, status } => {
                if let Some(live) = runs.remove(&run) {
                    live.end(status, &outlet);
                }
            }
            Update::Attributed {
                run,
                attribution,
                method,
            } => {
                let data = json!({ "attribution": attribution, "method": method });
                let message = (MessageKind::FiguresReplaced, Detail::Power);
                outlet.send(Some(run), message, unix_ns(), data);
            }
            Update::Deleted { run } => {
                // A joined run is merged into another one, which nobody needs to know.
                let was_joined = runs.remove(&run).is_some_and(|live| live.is_joined());
                texts.forget();
                if !was_joined {
                    let message = (MessageKind::RunDeleted, Detail::Power);
                    outlet.send(Some(run), message, unix_ns(), json!({}));
                }
            }
            Update::FileReplaced => {
                runs.clear();
                texts.forget();
                outlet.fail_with(
                    "the file was replaced by another one",
                    "reload the list of runs",
                );
            }
            Update::FileGone => {
                runs.clear();
                texts.forget();
                outlet.fail_with(
                    "the file was removed",
                    "record to this path again, or restart the server with another file",
                );
            }
            _ => {}
        }
    }

    /// Reports an error once.
    fn poll_failed(&mut self, error: &energy_store::Error) {
        if matches!(error, energy_store::Error::Busy { .. }) {
            let since = *self.locked_since.get_or_insert_with(Instant::now);
            if since.elapsed() < LOCKED {
                return;
            }
        }
        let message = error.to_string();
        if self.failure.as_ref() == Some(&message) {
            return;
        }
        let outlet = Outlet {
            publish: &self.publish,
            path: &self.path,
            texts: &self.texts,
        };
        outlet.fail(&message);
        self.failure = Some(message);
    }
}

impl Outlet<'_> {
    /// Sends a message.
    pub(super) fn send(
        &self,
        run: Option<Arc<str>>,
        (kind, detail): (MessageKind, Detail),
        timestamp_unix_ns: i64,
        data: Value,
    ) {
        self.publish.publish(Message {
            run,
            kind,
            detail,
            timestamp_unix_ns,
            data,
        });
    }

    /// Reports that the file cannot be followed.
    pub(super) fn fail(&self, message: &str) {
        self.fail_with(message, "check the file; the server tries again");
    }

    fn fail_with(&self, message: &str, remedy: &str) {
        let data = json!({
            "message": format!("{}: {message}", self.path.display()), "remedy": remedy,
        });
        self.send(None, (MessageKind::Error, Detail::Power), unix_ns(), data);
    }

    /// Sends the totals of a run that has ended. Those of a crashed run are computed on a thread of
    /// their own, because the whole run is attributed for them.
    pub(super) fn complete(&self, run: &Arc<str>, status: RunStatus, timestamp_unix_ns: i64) {
        let (path, run) = (self.path.to_owned(), Arc::clone(run));
        let publish = Arc::clone(self.publish);
        let send = move || {
            let recording = match status {
                RunStatus::Crashed => Recording::open_repaired(&path),
                _ => Recording::open(&path),
            };
            let data = recording.and_then(|recording| completed(&recording, &run, status));
            publish.publish(Message {
                run: Some(run),
                kind: MessageKind::InferenceComplete,
                detail: Detail::Power,
                timestamp_unix_ns,
                data: data.unwrap_or_else(|_| without_totals(status)),
            });
        };
        match status {
            RunStatus::Crashed => {
                let thread = std::thread::Builder::new().name("energy-totals".to_owned());
                // Without a thread there are no totals; the run's end is still in the list.
                let _ = thread.spawn(send);
            }
            _ => send(),
        }
    }
}
