//! A recording in progress, and how it ends.

#[cfg(feature = "signals")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use energy_data::rows::RunStatus;
use energy_data::units::Nanos;
use energy_power::{Clock, Sampler};

use super::{Control, RunSummary};
use crate::live::PowerNow;
use crate::record::Shared;

/// A function of the program that receives the number of a signal.
pub(crate) type OnSignal = Box<dyn FnOnce(i32) + Send>;

/// The parts of a recording in progress. The first caller of [`Self::finish`] stops them.
pub(crate) struct ActiveRecording {
    pub(crate) uuid: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The clock's time at run time zero.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    pub(crate) zero: Nanos,
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    pub(crate) database: Option<PathBuf>,
    /// The latest reading of each rail.
    pub(crate) power_now: Arc<PowerNow>,
    pub(crate) state: Mutex<RecordingState>,
    /// Receives the next signal, which then does not end the recording.
    #[cfg_attr(not(feature = "signals"), allow(dead_code))]
    pub(crate) next_signal: Mutex<Option<OnSignal>>,
}

/// State of the recording.
pub(crate) enum RecordingState {
    /// Recording.
    Running(Sampler, JoinHandle<RunSummary>),
    /// Ended.
    Ended(RunSummary),
}

impl ActiveRecording {
    /// Ends the recording. A second call returns the first one's summary.
    pub(crate) fn finish(&self, status: RunStatus) -> RunSummary {
        if self.shared.gate.is_forked() {
            return RunSummary {
                uuid: self.uuid.clone(),
                ..RunSummary::default()
            };
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = RecordingState::Ended(RunSummary {
            uuid: self.uuid.clone(),
            ..RunSummary::default()
        });
        let summary = match std::mem::replace(&mut *state, nothing) {
            RecordingState::Ended(summary) => summary,
            RecordingState::Running(sampler, collector) => self.stop(sampler, collector, status),
        };
        *state = RecordingState::Ended(summary.clone());
        summary
    }

    /// Hands a signal over to the program, if it requested the next one. Returns whether the program
    /// has received it.
    #[cfg(feature = "signals")]
    pub(crate) fn hand_over(&self, signal: i32) -> bool {
        // A fork that listens for signals has the recordings of its parent, too. The lock may be held
        // forever by a thread that does not exist there.
        if self.shared.gate.is_forked() {
            return false;
        }
        let mut next = self
            .next_signal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let receiver = next.take();
        drop(next);
        // A panic of the program must not end the thread that receives signals.
        let call = |receiver: OnSignal| catch_unwind(AssertUnwindSafe(|| receiver(signal))).is_ok();
        receiver.is_some_and(call)
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
