//! Visits the activations of a run in time order, with the cost of each.
//!
//! ```text
//! thread 1   |-token---------------------|     enter token, enter layer, enter op,
//!              |-layer-----------------|       exit op, exit layer, exit token:
//!                 |-op-|                       each exit knows its energy
//! self       t l  o    l               t
//! ```
//!
//! Activations of one thread nest; those of several threads are visited in the order of their
//! starts. Memory holds the open activations and the power windows around them, independent of
//! the number of spans.
//!
//! A walk over a time window starts at the window: activations that ended before it are neither
//! visited nor priced.

mod activation;
mod fields;
mod filter;
mod lane;
mod parse;
mod pass;
mod price;
mod seek;
mod select;

pub use activation::{ActivationVisitor, EntryCost, PricedActivation, WalkStats};
pub use filter::WalkFilter;
pub use filter::share;
pub use parse::{parse_energy, parse_window};
pub use pass::{RowsInMemory, WalkPrice, walk, walk_by, walk_rows};
