//! Processes that are recorded together with the run's own.

/// `processes`: a process of the tree that a run records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    /// Process id within the run, from 1.
    pub id: u32,
    /// The operating system's process id.
    pub pid: u32,
    /// When it started, in the system's own unit (tells reused pids apart).
    pub pid_start: Option<i64>,
    /// Name of its executable.
    pub name: Option<String>,
    /// When it was first seen.
    pub start_ns: i64,
    /// When it was last seen, or ended its recording.
    pub end_ns: Option<i64>,
    /// Whether it told spans of its own.
    pub has_spans: bool,
}
