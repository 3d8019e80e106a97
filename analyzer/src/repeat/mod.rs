//! Repeats of a run: several configurations in shuffled rounds. Each run is a separate
//! process, and all runs form one group.
//!
//! ```text
//! round 1   warm-up b  b    cool-down   warm-up a  a
//! round 2   cool-down  a    cool-down   b                  shuffled again
//! ```
//!
//! Each round runs every configuration once, so that time of day and temperature do not
//! bias the comparison. The plan is stored in every run, so that interrupted repeats can be
//! resumed.

mod answer;
mod execute;
mod options;
mod plan;
mod tags;

pub use answer::answer;
pub use execute::{Resumed, execute, resume};
pub use options::RepeatOptions;
pub use plan::{Config, PlannedRun, RepeatPlan, RunOfPlan};
