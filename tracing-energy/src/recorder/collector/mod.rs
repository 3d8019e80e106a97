//! The collector thread: logs, samples and CPU times in, batches out.
//!
//! Each part has its own state and passes rows to `rows`:
//!
//! ```text
//! logs of threads  --> spans -------+
//! CPU clocks       --> cpu_intake --+--> rows (engine, batch) --> writer
//! power sources    --> samples -----+
//!                       +-> baselines, conditions
//! ```
//!
//! `thread` calls them in order, once per pass. `run_time` is the clock of all. `delivery`
//! has the run's row and lease, and reports failures of sinks. `ending` makes the summary.

mod baselines;
mod conditions;
mod cpu_intake;
mod delivery;
mod ending;
mod parts;
mod rows;
mod run_time;
mod samples;
mod spans;
mod thread;

pub(crate) use parts::CollectorParts;
pub(crate) use thread::Collector;
