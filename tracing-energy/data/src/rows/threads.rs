//! Threads and CPU times.

/// Owner of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadRole {
    /// The traced program's.
    Program,
    /// The recorder's own.
    Profiler,
}

impl ThreadRole {
    /// Returns the name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Profiler => "profiler",
        }
    }
}

/// `threads`: threads with spans, and the recorder's.
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
    /// The [process](super::ProcessRow) of the thread; `None` for the run's own.
    pub process: Option<u32>,
}

/// The thread, process or machine whose CPU time a [`CpuRow`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CpuScope {
    /// The thread with that id.
    Thread(u32),
    /// This whole process.
    Process,
    /// All processors of the machine: busy time of all processes.
    Machine,
    /// The child process of a power source.
    Sensor,
    /// The process with that id, recorded together with this one.
    Child(u32),
}

/// `cpu`: CPU time used in `[start_ns, end_ns)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuRow {
    /// Thread, process or machine.
    pub scope: CpuScope,
    /// Start of the interval.
    pub start_ns: i64,
    /// End of the interval.
    pub end_ns: i64,
    /// CPU time used in it, summed over processors.
    pub on_cpu_ns: i64,
}
