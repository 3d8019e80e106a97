//! A guard against energy regressions: runs that are kept as a baseline, and checks of
//! a program against them.
//!
//! ```text
//! save   CMD CMD CMD ..      runs tagged baseline=NAME
//! check  CMD CMD CMD look? CMD CMD look? ..    runs tagged group=check-NAME-..
//!        or in turns with the old program:     OLD CMD OLD CMD .. look?
//! ```
//!
//! Statistics are [`compare`](crate::compare)'s; here is who is run when, what is
//! looked at, and what a look decides.

mod answer;
mod check;
mod looks;
mod saved;
mod verdict;

pub use answer::{checked, listed};
pub use check::{CheckOptions, Checked, check, check_runs};
pub use looks::looks;
pub use saved::{SaveOptions, Saved, When, find, list, remove, save, save_runs};
pub use verdict::{Limits, Node, Outcome, Verdict};

/// The tag of runs that are a baseline, with its name.
pub const TAG: &str = "baseline";
/// The tag of runs that were checked against one.
pub const CHECK_TAG: &str = "check";
/// The tag that keeps a baseline's command, a JSON list of words.
const COMMAND_TAG: &str = "baseline-command";
