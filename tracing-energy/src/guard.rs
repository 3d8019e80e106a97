//! The guard that ends a recording.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::clock::Clock;
use crate::power::Sampler;
use crate::record::Shared;
use crate::recorder::{Control, RunSummary};
use crate::rows::{RunMetadata, RunStatus};
use crate::units::Nanos;

/// Ends the recording when it is dropped, or earlier by [`EnergyGuard::finish`].
/// Without it the run stays open in the database and counts as crashed; its
/// samples and spans are there all the same, up to the last flush.
///
/// `std::process::exit` and aborts do not drop guards; a panic that unwinds does.
/// In a forked child the guard does nothing; a recording of the child's own is
/// another one.
#[must_use = "dropping the guard ends the recording at once"]
pub struct EnergyGuard {
    ending: Arc<Ending>,
}

impl EnergyGuard {
    pub(crate) fn new(ending: Arc<Ending>) -> Self {
        Self { ending }
    }

    /// Changes what the run says of itself: prompt, response, token counts, tags.
    pub fn update_metadata(&self, change: impl FnOnce(&mut RunMetadata)) {
        // In a fork the lock may be held for ever, by a thread that is not there.
        if !self.ending.shared.gate.is_forked() {
            self.ending.control.update_metadata(change);
        }
    }

    /// Counts the CPU time of the process with that id, and of all that it starts, to
    /// the run: what they use is the program's, not that of others. Those that record
    /// spans join the run if they were started with [`EnergyGuard::variables`].
    pub fn watch_process(&self, pid: u32) {
        self.ending.control.watch(pid);
    }

    /// Environment variables for programs that are to join this run: their layers
    /// record no power and write their spans to this run's database, on its clock.
    /// [`attribute_joined`](crate::attribute_joined) takes them in. None without a
    /// database, or where processes share no clock.
    pub fn variables(&self) -> Option<crate::Variables> {
        let database = std::path::absolute(self.ending.database.as_ref()?).ok()?;
        let since = self.ending.clock.now() - self.ending.zero;
        crate::join::variables(database, &self.ending.uuid, since.nanos())
    }

    /// The run's id.
    pub fn uuid(&self) -> &str {
        &self.ending.uuid
    }

    /// Ends the recording now: open activations end here, the power source is
    /// asked for its last interval, everything is written, and attributed again if the
    /// method wants it ([`Builder::method`](crate::Builder::method)).
    pub fn finish(self) -> RunSummary {
        self.ending.finish(RunStatus::Complete)
    }

    /// As [`EnergyGuard::finish`], for work that was given up; nothing is attributed
    /// again.
    pub fn cancel(self) -> RunSummary {
        self.ending.finish(RunStatus::Cancelled)
    }
}

impl Drop for EnergyGuard {
    fn drop(&mut self) {
        let _ = self.ending.finish(RunStatus::Complete);
    }
}

impl std::fmt::Debug for EnergyGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnergyGuard")
            .field("run", &self.ending.uuid)
            .finish_non_exhaustive()
    }
}

/// What has to be stopped, once, by whoever comes first.
pub(crate) struct Ending {
    pub(crate) uuid: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Time of the clock that is the run's zero.
    pub(crate) zero: Nanos,
    pub(crate) database: Option<PathBuf>,
    pub(crate) state: Mutex<State>,
}

/// How far the end has come.
pub(crate) enum State {
    /// Recording.
    Running(Sampler, JoinHandle<RunSummary>),
    /// Ended.
    Ended(RunSummary),
}

impl Ending {
    /// Ends the recording; a second call gets the first one's summary.
    pub(crate) fn finish(&self, status: RunStatus) -> RunSummary {
        if self.shared.gate.is_forked() {
            return RunSummary {
                uuid: self.uuid.clone(),
                ..RunSummary::default()
            };
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = State::Ended(RunSummary {
            uuid: self.uuid.clone(),
            ..RunSummary::default()
        });
        let summary = match std::mem::replace(&mut *state, nothing) {
            State::Ended(summary) => summary,
            State::Running(sampler, collector) => self.stop(sampler, collector, status),
        };
        *state = State::Ended(summary.clone());
        summary
    }

    fn stop(
        &self,
        sampler: Sampler,
        collector: JoinHandle<RunSummary>,
        status: RunStatus,
    ) -> RunSummary {
        let end = self.clock.now();
        self.shared.gate.close();
        self.control.set_end(end, status);
        // The conditions of the end are read while the sources are waited for.
        self.shared.wake_collector();
        let notices = sampler.stop();
        self.control.set_complete(notices);
        self.shared.wake_collector();
        collector.join().unwrap_or_else(|_| RunSummary {
            uuid: self.uuid.clone(),
            warnings: vec![
                "the recorder failed; what it had flushed is in the database".to_owned(),
            ],
            ..RunSummary::default()
        })
    }
}
