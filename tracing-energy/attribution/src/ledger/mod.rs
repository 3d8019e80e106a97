//! The ledger: totals of all closed windows, and the rows of each.
//!
//! ```text
//! view + allocation --> entries --+--> sums of each rail (accounts, nodes)
//!                                 |--> sets of phases, gaps (coverage)
//!                                 |--> intervals of activations
//!                                 `--> rows of the window, events
//! ```

pub(crate) mod coverage;
pub(crate) mod energy_curve;
pub(crate) mod entries;
pub(crate) mod events;
pub(crate) mod gaps;
pub(crate) mod intervals;
pub(crate) mod pruned_gap;
pub(crate) mod rail_account;
pub(crate) mod rail_sums;
pub(crate) mod scatter;
pub(crate) mod set_energy;
pub(crate) mod shown;
pub(crate) mod window_rows;
