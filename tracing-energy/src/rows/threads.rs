//! Threads and CPU times.

/// Whose thread it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadRole {
    /// The traced program's.
    Program,
    /// The recorder's own.
    Profiler,
}

impl ThreadRole {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Profiler => "profiler",
        }
    }
}

/// `threads`: threads that carry spans, and our own.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadRow {
    /// Thread id within the run.
    pub id: u32,
    /// The operating system's thread id.
    pub tid: i64,
    /// Its name.
    pub name: Option<String>,
    /// Program or profiler.
    pub role: ThreadRole,
    /// The [process](super::ProcessRow) whose thread it is; none is the run's own.
    pub process: Option<u32>,
}

/// Whose CPU time a [`CpuRow`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CpuOf {
    /// The thread with that id.
    Thread(u32),
    /// This whole process.
    Process,
    /// All processors of the machine, busy time of everyone.
    Machine,
    /// The child process of a power source.
    Sensor,
    /// The process with that id, which is recorded together with this one.
    Child(u32),
}

/// `cpu`: CPU time used in `[start_ns, end_ns)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuRow {
    /// Whose.
    pub of: CpuOf,
    /// Start of the interval.
    pub start_ns: i64,
    /// End of the interval.
    pub end_ns: i64,
    /// CPU time used in it, all processors added.
    pub on_cpu_ns: i64,
}
