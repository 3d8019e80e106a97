//! Ids in the table `spans`: the run's number, then the activation's.

/// Bits of a span id that hold the number within the run.
pub(crate) const SEQ_BITS: u32 = 40;
/// Highest number within a run.
pub(crate) const MAX_SEQ: i64 = (1 << SEQ_BITS) - 1;

/// Returns the id in `spans` of activation `seq` of run number `run`.
pub fn span_id(run: i64, seq: u64) -> i64 {
    run << SEQ_BITS | (seq as i64 & MAX_SEQ)
}

/// Splits the span id `id` into the run number and the number within the run.
pub fn split_span_id(id: i64) -> (i64, u64) {
    (id >> SEQ_BITS, (id & MAX_SEQ) as u64)
}

/// Returns the lowest and the highest span id of run number `run`.
pub fn span_ids(run: i64) -> (i64, i64) {
    (run << SEQ_BITS, run << SEQ_BITS | MAX_SEQ)
}
