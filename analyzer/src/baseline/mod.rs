//! Detection of energy regressions: runs saved as a baseline, and checks of a program
//! against them.
//!
//! ```text
//! save   CMD CMD CMD ..      runs tagged baseline=NAME
//! check  CMD CMD CMD analysis CMD CMD analysis ..    runs tagged group=check-NAME-..
//!        or interleaved with the old program:        OLD CMD OLD CMD .. analysis
//! ```
//!
//! Statistics are in [`compare`](crate::compare). This module plans executions and interim
//! analyses, and decides after each.

mod answer;
mod check;
mod probes;
mod saved;
mod tags;
mod verdict;

pub use answer::{check_answer, list_answer};
pub use check::{CheckOptions, Checked, check, check_runs};
pub use probes::analyses;
pub use saved::{IfExists, SaveOptions, Saved, find, list, remove, save, save_runs};
pub use tags::{CHECK_TAG, TAG};
pub use verdict::{CheckOutcome, CheckVerdict, KindVerdict, Limits};
