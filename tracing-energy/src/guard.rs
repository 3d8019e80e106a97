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

/// Ends the recording when it is dropped, or earlier by [`EnergyGuard::finish`]. If it is
/// leaked, the run has no end in the database and counts as crashed; its samples and spans
/// are stored up to the last flush.
///
/// `std::process::exit` and aborts do not drop guards; a panic that unwinds does. In a
/// forked child the guard does nothing; the child needs a recording of its own.
#[must_use = "dropping the guard ends the recording at once"]
pub struct EnergyGuard {
    ending: Arc<Ending>,
}

impl EnergyGuard {
    pub(crate) fn new(ending: Arc<Ending>) -> Self {
        Self { ending }
    }

    /// Changes the run's metadata: prompt, response, token counts, tags.
    pub fn update_metadata(&self, change: impl FnOnce(&mut RunMetadata)) {
        // In a fork the lock may be held forever by a thread that does not exist there.
        if !self.ending.shared.gate.is_forked() {
            self.ending.control.update_metadata(change);
        }
    }

    /// Attributes the CPU time of the process `pid` and its descendants to the run instead
    /// of to other processes. Descendants that record spans join the run if they were
    /// started with [`EnergyGuard::child_env`].
    pub fn watch_process(&self, pid: u32) {
        self.ending.control.watch(pid);
    }

    /// Returns environment variables for programs that join this run: their layers record
    /// no power and write their spans to this run's database, on its clock.
    /// [`attribute_joined`](crate::attribute_joined) merges them. `None` without a
    /// database, or on systems without a clock shared by processes.
    pub fn child_env(&self) -> Option<crate::ChildEnv> {
        let database = std::path::absolute(self.ending.database.as_ref()?).ok()?;
        let since = self.ending.clock.now() - self.ending.zero;
        crate::join::child_env(database, &self.ending.uuid, since.nanos())
    }

    /// Returns the run's id.
    pub fn uuid(&self) -> &str {
        &self.ending.uuid
    }

    /// Ends the recording now: open activations end, the power source is read a last time,
    /// everything is written, and attributed again if the method requires it
    /// ([`EnergyLayerBuilder::method`](crate::EnergyLayerBuilder::method)).
    pub fn finish(self) -> RunSummary {
        self.ending.finish(RunStatus::Complete)
    }

    /// Ends the recording as [`EnergyGuard::finish`] does, with status cancelled and
    /// without a second attribution.
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

/// The parts to stop at the end of a recording. The first caller stops them.
pub(crate) struct Ending {
    pub(crate) uuid: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The clock's time at run time zero.
    pub(crate) zero: Nanos,
    pub(crate) database: Option<PathBuf>,
    pub(crate) state: Mutex<State>,
}

/// State of the recording.
pub(crate) enum State {
    /// Recording.
    Running(Sampler, JoinHandle<RunSummary>),
    /// Ended.
    Ended(RunSummary),
}

impl Ending {
    /// Ends the recording. A second call returns the first one's summary.
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
        // The collector reads the end conditions while this thread waits for the sources.
        self.shared.wake_collector();
        let notices = sampler.stop();
        self.control.set_complete(notices);
        self.shared.wake_collector();
        collector.join().unwrap_or_else(|_| RunSummary {
            uuid: self.uuid.clone(),
            warnings: vec![
                "the recorder failed; rows flushed before are in the database".to_owned(),
            ],
            ..RunSummary::default()
        })
    }
}
