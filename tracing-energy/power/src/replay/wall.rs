//! Start of a recording on the wall clock.

use energy_data::units::Nanos;

/// The start of a recording by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wall {
    /// Start of the first sample, ns since 1970.
    pub start_unix_ns: i64,
    /// Half the width of the interval that contains the start.
    pub uncertainty: Nanos,
}
