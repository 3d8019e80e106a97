//! State exchanged between the guard and the collector.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use energy_data::rows::{RunMetadata, RunStatus};
use energy_data::units::Nanos;
use energy_power::Notice;

/// Shared by guard, signal thread and collector; never touched by traced threads.
#[derive(Debug)]
pub(crate) struct Control {
    end: Mutex<Option<(Nanos, RunStatus)>>,
    complete: AtomicBool,
    metadata: Mutex<(RunMetadata, bool)>,
    last_notices: Mutex<Vec<Notice>>,
    /// Kinds and messages of the program's own warnings.
    warnings: Mutex<Vec<(String, String)>>,
    /// The root of the processes that are watched; 0 for none.
    watched: AtomicU32,
    /// Whether prompt and response may be kept.
    keeps_text: bool,
}

impl Control {
    /// Creates the state for a run with this metadata; `keeps_text` keeps prompt and response.
    pub(crate) fn new(metadata: RunMetadata, keeps_text: bool) -> Self {
        Self {
            end: Mutex::new(None),
            complete: AtomicBool::new(false),
            metadata: Mutex::new((metadata, false)),
            last_notices: Mutex::new(Vec::new()),
            warnings: Mutex::new(Vec::new()),
            watched: AtomicU32::new(0),
            keeps_text,
        }
    }

    /// Watches the process `pid` and its descendants from now on.
    pub(crate) fn watch(&self, pid: u32) {
        self.watched.store(pid, Ordering::Release);
    }

    /// Returns the watched process.
    pub(crate) fn watched(&self) -> Option<u32> {
        Some(self.watched.load(Ordering::Acquire)).filter(|&pid| pid != 0)
    }

    /// Ends the run at `time` of the sampler's clock; later calls have no effect.
    pub(crate) fn set_end(&self, time: Nanos, status: RunStatus) {
        if let Ok(mut end) = self.end.lock() {
            end.get_or_insert((time, status));
        }
    }

    /// Returns the time and status of the run's end, if it has ended.
    pub(crate) fn end(&self) -> Option<(Nanos, RunStatus)> {
        self.end.lock().ok().and_then(|end| *end)
    }

    /// Marks all samples up to the end as delivered; `notices` are the sources' last ones.
    pub(crate) fn set_complete(&self, notices: Vec<Notice>) {
        if let Ok(mut last) = self.last_notices.lock() {
            *last = notices;
        }
        self.complete.store(true, Ordering::Release);
    }

    /// Takes the sources' last notices.
    pub(crate) fn last_notices(&self) -> Vec<Notice> {
        self.last_notices
            .lock()
            .map(|mut notices| std::mem::take(&mut *notices))
            .unwrap_or_default()
    }

    /// Adds a warning of the program.
    pub(crate) fn add_warning(&self, kind: String, message: String) {
        if let Ok(mut warnings) = self.warnings.lock() {
            warnings.push((kind, message));
        }
    }

    /// Takes the warnings of the program.
    pub(crate) fn take_warnings(&self) -> Vec<(String, String)> {
        self.warnings
            .lock()
            .map(|mut warnings| std::mem::take(&mut *warnings))
            .unwrap_or_default()
    }

    /// Returns whether all data of the run is delivered.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Changes the metadata.
    pub(crate) fn update_metadata(&self, change: impl FnOnce(&mut RunMetadata)) {
        if let Ok(mut metadata) = self.metadata.lock() {
            change(&mut metadata.0);
            if !self.keeps_text {
                metadata.0.forget_texts();
            }
            metadata.1 = true;
        }
    }

    /// Returns the metadata, if it changed since the last call.
    pub(crate) fn changed_metadata(&self) -> Option<RunMetadata> {
        let mut metadata = self.metadata.lock().ok()?;
        std::mem::take(&mut metadata.1).then(|| metadata.0.clone())
    }
}
