//! Rows of totals, made from the ledger during and at the end of a run.
//!
//! ```text
//! ledger (sums) --> shown (without negatives) --+--> balance of each rail
//! spans (times, parents) -----------------------+--> nodes, phases
//! estimates (intervals, power) -----------------+--> kinds, groups
//!                                               `--> head, warnings
//! ```

pub(crate) mod balance;
pub(crate) mod finished;
pub(crate) mod head;
pub(crate) mod kinds;
pub(crate) mod nodes;
pub(crate) mod phases;
pub(crate) mod rows;
pub(crate) mod warnings;
