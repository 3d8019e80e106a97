//! Tests of whole fits on traces whose powers are known.

mod bad_input;
mod known_powers;
mod priors;
mod trace;
