//! Repeats of a run: several configurations in shuffled rounds, each run a process and
//! a recording of its own, all of one group.
//!
//! ```text
//! round 1   warm-up b  b    cool-down   warm-up a  a
//! round 2   cool-down  a    cool-down   b                  shuffled anew
//! ```
//!
//! What differs between two configurations must not be what time of day it was, or how
//! warm the machine: each round has every configuration once. The plan is kept in every
//! run, so that what was interrupted can go on.

mod answer;
mod execute;
mod plan;

pub use answer::answer;
pub use execute::{Resumed, execute, resume};
pub use plan::{Config, Plan, Turn};

/// The tag that all repeats share.
const GROUP_TAG: &str = "group";
/// The tag with the number of a repeat, from 1.
const REPEAT_TAG: &str = "repeat";
/// The tag of a configuration, where there are several.
const CONFIG_TAG: &str = "config";
