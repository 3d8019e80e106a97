//! Energy of each kind of work. Together with the accounts outside of spans the list sums to
//! the measured energy:
//!
//! ```text
//! shares + (idle) + (other accounts) = measured
//! ```
//!
//! The estimate for time without samples is a separate row and not part of the sum.
//!
//! For a phase or a basis only shares are listed, because accounts are not divided by these.

mod list;
mod table;
mod write;

pub use list::{AccountEnergies, OperationList, OpsOptions};
