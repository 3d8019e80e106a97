//! Lengths of the programs.

/// How long most programs run, s.
pub(super) const RUN_S: f64 = 20.0;

/// Time between the last span and the end of the run, ns.
pub(super) const TAIL_NS: i64 = 200_000_000;
