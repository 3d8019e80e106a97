//! Processes recorded together with the run's own.

/// `processes`: a process of the recorded tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    /// Process id within the run, from 1.
    pub id: u32,
    /// The operating system's process id.
    pub pid: u32,
    /// Start time in the system's own unit, to distinguish reused pids.
    pub pid_start: Option<i64>,
    /// Name of its executable.
    pub name: Option<String>,
    /// Time of the first observation.
    pub start_ns: i64,
    /// Time of the last observation, or of the end of its recording.
    pub end_ns: Option<i64>,
    /// Whether it recorded spans.
    pub has_spans: bool,
}
