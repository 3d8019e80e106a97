//! The choice of a CPU clock.

/// How traced threads read their CPU time at the edges of spans.
///
/// The default suits every program; the others are for tests and measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum EdgeClock {
    /// A perf event that is read without a system call if the system permits it, else the
    /// thread's CPU clock.
    #[default]
    Auto,
    /// The thread's CPU clock, by a system call.
    System,
    /// A perf event; without one, edges are not read.
    Perf,
    /// Edges are not read: CPU time of threads is known every 50 ms only.
    Off,
}
