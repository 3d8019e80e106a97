//! Reads the totals of a run.

mod accounts;
mod activations;
mod current;
mod facts;
mod nodes;
mod phases;
mod rails;
mod totals;
mod traces;

pub(crate) use activations::{ActivationWindow, requests, spans};
pub(crate) use current::CurrentTotals;
pub(crate) use facts::{facts, method};
pub(crate) use totals::totals;
