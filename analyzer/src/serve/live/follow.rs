//! The thread that follows the served file and sends messages about what is recorded to it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use energy_data::live::Update;
use energy_host::unix_ns;
use serde_json::json;
use tracing_energy::live::{FollowFrom, Follower};

use super::live_run::LiveRun;
use super::message::{Detail, MessageKind, Publish};
use super::outlet::Outlet;
use super::pending::PendingRuns;
use super::texts::LiveTexts;
use crate::serve::readers::LogWatch;

/// Interval between polls.
const POLL: Duration = Duration::from_millis(50);
/// Interval at which a file that cannot be read is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Time for which failures are not reported: a file may be locked, or have no tables yet because it is
/// being created.
const TRANSIENT: Duration = Duration::from_secs(5);

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
        // Determined before the caller continues, and perhaps records to the file.
        let from = match path.exists() {
            true => FollowFrom::Now,
            false => FollowFrom::Beginning,
        };
        let thread = std::thread::Builder::new()
            .name("energy-follow".to_owned())
            .spawn(move || {
                let publish: Arc<dyn Publish> = Arc::new(publish);
                LiveFile::new(&path, from, publish).run(&ended);
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
    logs: LogWatch,
    texts: LiveTexts,
    pending: PendingRuns,
    runs: BTreeMap<Arc<str>, LiveRun>,
    /// The beginning, if the file has appeared since the start.
    from: FollowFrom,
    /// The message about an error that was sent, until reading succeeds.
    failure: Option<String>,
    failing_since: Option<Instant>,
}

impl LiveFile {
    fn new(path: &Path, from: FollowFrom, publish: Arc<dyn Publish>) -> Self {
        Self {
            path: path.to_owned(),
            publish,
            logs: LogWatch::default(),
            texts: LiveTexts::new(path),
            pending: PendingRuns::default(),
            runs: BTreeMap::new(),
            from,
            failure: None,
            failing_since: None,
        }
    }

    fn run(&mut self, is_ended: &AtomicBool) {
        let mut follower: Option<Follower> = None;
        while !is_ended.load(Ordering::Relaxed) {
            if let Err(error) = self.logs.check(&self.path) {
                // All connections of a process to one file share its log, also after it was moved.
                if follower.take().is_some() {
                    self.from = FollowFrom::Beginning;
                    self.update(Update::FileReplaced, false);
                }
                self.poll_failed(&error);
                std::thread::sleep(RETRY);
                continue;
            }
            let Some(opened) = &mut follower else {
                follower = self.open();
                if follower.is_none() {
                    std::thread::sleep(RETRY);
                }
                continue;
            };
            let pause = match opened.poll() {
                Ok(updates) => {
                    (self.failure, self.failing_since) = (None, None);
                    let is_behind = opened.has_more();
                    for update in updates {
                        self.update(update, is_behind);
                    }
                    if is_behind {
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
            self.from = FollowFrom::Beginning;
            return None;
        }
        match Follower::open_from(&self.path, self.from) {
            Ok(follower) => Some(follower),
            Err(error) => {
                // It may be a file that is being created.
                self.from = FollowFrom::Beginning;
                self.poll_failed(&error);
                None
            }
        }
    }

    /// Sends messages about an update. `is_behind`: the follower has more to read.
    fn update(&mut self, update: Update, is_behind: bool) {
        let Self {
            path,
            publish,
            texts,
            pending,
            runs,
            ..
        } = self;
        let outlet = Outlet {
            publish,
            path,
            texts,
            pending,
        };
        match update {
            Update::Rows { run, batch } => {
                let live = runs
                    .entry(Arc::clone(&run))
                    .or_insert_with(|| LiveRun::new(&run));
                live.rows(&batch, is_behind, &outlet);
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
                // Clients do not know joined runs: they were merged into their parent run.
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
    fn poll_failed(&mut self, error: &impl Display) {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() < TRANSIENT {
            return;
        }
        let message = error.to_string();
        if self.failure.as_ref() == Some(&message) {
            return;
        }
        let outlet = Outlet {
            publish: &self.publish,
            path: &self.path,
            texts: &self.texts,
            pending: &self.pending,
        };
        outlet.fail(&message);
        self.failure = Some(message);
    }
}
