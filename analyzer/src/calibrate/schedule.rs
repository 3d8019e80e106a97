//! Time intervals of a measurement.

use energy_data::units::Nanos;

/// Time interval of one slot or idle time, with the number of runs in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SlotInterval {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) runs: u64,
}

/// Time intervals of all slots and idle times.
#[derive(Debug, Default)]
pub(super) struct SlotSchedule {
    /// Idle times, one more than rounds.
    pub(super) idle: Vec<SlotInterval>,
    /// Slots of each round in the plan's order.
    pub(super) slots: Vec<Vec<SlotInterval>>,
    /// Empty loop of each round, if measured.
    pub(super) empty: Vec<Option<SlotInterval>>,
}
