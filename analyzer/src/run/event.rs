//! What happens before and while a run is recorded.

/// An event for a progress indicator, or a warning to show at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunEvent<'t> {
    /// A warning.
    Warning(&'t str),
    /// A step begins: `warming up`.
    Step(&'t str),
    /// A part of the model is loaded.
    Loading {
        /// Loaded bytes.
        done: u64,
        /// Bytes of the file.
        total: u64,
        /// Bytes of memory that the model needs.
        needed: u64,
    },
    /// The step has ended, or the model is loaded.
    Done,
}

/// Receives events.
pub type OnRunEvent<'c> = dyn FnMut(RunEvent<'_>) + 'c;
