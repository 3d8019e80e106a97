//! The part of a forward pass that belongs to one sequence.

/// New positions of one sequence. A pass has those of all its sequences behind one another,
/// as one row of positions without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PassRow {
    /// Index of the sequence.
    pub row: usize,
    /// Positions that the sequence has already.
    pub start: usize,
    /// New positions; at least one.
    pub count: usize,
    /// Length that the sequence may reach.
    pub reach: usize,
}
