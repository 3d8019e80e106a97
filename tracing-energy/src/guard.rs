//! The guard that ends a recording.

use std::sync::Arc;
#[cfg(feature = "signals")]
use std::sync::PoisonError;

use energy_data::rows::{RunMetadata, RunStatus};

use crate::live::RailPower;
use crate::recorder::{ActiveRecording, RunSummary};

/// Ends the recording when it is dropped, or earlier by [`EnergyGuard::finish`]. If it is
/// leaked, the run has no end in the database and counts as crashed; its samples and spans
/// are stored up to the last flush.
///
/// `std::process::exit` and aborts do not drop guards; a panic that unwinds does. In a
/// forked child the guard does nothing; the child needs a recording of its own.
#[must_use = "dropping the guard ends the recording at once"]
pub struct EnergyGuard {
    recording: Arc<ActiveRecording>,
}

impl EnergyGuard {
    pub(crate) fn new(recording: Arc<ActiveRecording>) -> Self {
        Self { recording }
    }

    /// Changes the run's metadata: prompt, response, token counts, tags.
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_energy::Error> {
    /// let (_layer, guard) = tracing_energy::EnergyLayer::builder().build()?;
    /// guard.update_metadata(|metadata| metadata.output_tokens = Some(128));
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_metadata(&self, change: impl FnOnce(&mut RunMetadata)) {
        // In a fork the lock may be held forever by a thread that does not exist there.
        if !self.recording.shared.gate.is_forked() {
            self.recording.control.update_metadata(change);
        }
    }

    /// Adds a warning to the run: an event that views of the run show, and a warning of its summary.
    /// `kind` is a short name of its cause.
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_energy::Error> {
    /// let (_layer, guard) = tracing_energy::EnergyLayer::builder().build()?;
    /// guard.add_warning("queue", "another job was running on this machine");
    /// let summary = guard.finish();
    /// assert!(summary.warnings.iter().any(|text| text.contains("another job")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_warning(&self, kind: impl Into<String>, message: impl Into<String>) {
        // In a fork the lock may be held forever by a thread that does not exist there.
        if !self.recording.shared.gate.is_forked() {
            let control = &self.recording.control;
            control.add_warning(kind.into(), message.into());
        }
    }

    /// Attributes the CPU time of the process `pid` and its descendants to the run instead
    /// of to other processes. Descendants that record spans join the run if they were
    /// started with [`EnergyGuard::child_env`].
    pub fn watch_process(&self, pid: u32) {
        self.recording.control.watch(pid);
    }

    /// Returns the latest reading of each rail. The recorder takes what sensors have delivered every
    /// 50 ms. A sensor that has stopped leaves its last reading, which shows in
    /// [`end_ns`](RailPower::end_ns). Waits for neither sensor nor disk. Empty without power sources.
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_energy::Error> {
    /// let (_layer, guard) = tracing_energy::EnergyLayer::builder().build()?;
    /// for rail in guard.power_now().iter().filter(|rail| rail.is_root) {
    ///     match rail.power_w {
    ///         Some(watts) => println!("{}/{}: {watts:.1} W", rail.source, rail.rail),
    ///         None => println!("{}/{}: unknown", rail.source, rail.rail),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn power_now(&self) -> Arc<[RailPower]> {
        // In a fork the lock may be held forever by a thread that does not exist there.
        match self.recording.shared.gate.is_forked() {
            true => Arc::default(),
            false => self.recording.power_now.get(),
        }
    }

    /// Returns environment variables for programs that join this run: their layers record
    /// no power and write their spans to this run's database, on its clock.
    /// `energy record` starts any program this way; `energy_store::attribute_joined` then
    /// merges the recordings. `None` without a database, or on systems without a clock shared
    /// by processes.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (_layer, guard) = tracing_energy::EnergyLayer::builder()
    ///     .database("energy.db")
    ///     .build()?;
    /// let mut child = std::process::Command::new("./worker")
    ///     .envs(guard.child_env().into_iter().flatten())
    ///     .spawn()?;
    /// guard.watch_process(child.id());
    /// child.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "sqlite")]
    pub fn child_env(&self) -> Option<Vec<(&'static str, std::ffi::OsString)>> {
        let database = std::path::absolute(self.recording.database.as_ref()?).ok()?;
        let since = self.recording.clock.now() - self.recording.zero;
        crate::join::child_env(database, &self.recording.uuid, since.nanos())
    }

    /// Hands the next signal over to the program: `on_signal` gets its number on another thread, and
    /// the signal has no other effect. The recording goes on, so that the program can add to the
    /// metadata and end it by [`EnergyGuard::cancel`]; then the program ends itself. A further signal
    /// ends the recording at once, as does the first one if `on_signal` panics. Effective with
    /// [`EnergyLayerBuilder::end_on_signal`](crate::EnergyLayerBuilder::end_on_signal).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicI32, Ordering};
    ///
    /// # fn main() -> Result<(), tracing_energy::Error> {
    /// let (_layer, guard) = tracing_energy::EnergyLayer::builder().end_on_signal().build()?;
    /// let signal = Arc::new(AtomicI32::new(0));
    /// let received = Arc::clone(&signal);
    /// guard.take_signal(move |number| received.store(number, Ordering::Release));
    /// // ... work, until `signal` is not 0 ...
    /// if signal.load(Ordering::Acquire) != 0 {
    ///     guard.cancel();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "signals")]
    pub fn take_signal(&self, on_signal: impl FnOnce(i32) + Send + 'static) {
        let next = &self.recording.next_signal;
        // In a fork the lock may be held forever by a thread that does not exist there.
        if !self.recording.shared.gate.is_forked() {
            *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(on_signal));
        }
    }

    /// Undoes [`EnergyGuard::take_signal`]: the next signal ends the recording again.
    #[cfg(feature = "signals")]
    pub fn return_signal(&self) {
        let next = &self.recording.next_signal;
        if !self.recording.shared.gate.is_forked() {
            *next.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Returns the database that is written; it may differ from the path given to
    /// [`EnergyLayerBuilder::database`](crate::EnergyLayerBuilder::database), which an
    /// environment variable replaces.
    #[cfg(feature = "sqlite")]
    pub fn database(&self) -> Option<&std::path::Path> {
        self.recording.database.as_deref()
    }

    /// Returns the run's id.
    pub fn uuid(&self) -> &str {
        &self.recording.uuid
    }

    /// Ends the recording now: open activations end, the power source is read a last time,
    /// everything is written, and attributed again if the method requires it
    /// ([`EnergyLayerBuilder::method`](crate::EnergyLayerBuilder::method)).
    pub fn finish(self) -> RunSummary {
        self.recording.finish(RunStatus::Complete)
    }

    /// Ends the recording as [`EnergyGuard::finish`] does, with status cancelled and
    /// without a second attribution.
    pub fn cancel(self) -> RunSummary {
        self.recording.finish(RunStatus::Cancelled)
    }
}

impl Drop for EnergyGuard {
    fn drop(&mut self) {
        let _ = self.recording.finish(RunStatus::Complete);
    }
}

impl std::fmt::Debug for EnergyGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnergyGuard")
            .field("run", &self.recording.uuid)
            .finish_non_exhaustive()
    }
}
