//! Reads the totals of a run.

mod accounts;
mod activations;
mod facts;
mod nodes;
mod phases;
mod rails;
mod totals;

pub(crate) use activations::{ActivationWindow, requests, spans};
pub(crate) use facts::{facts, method};
pub(crate) use totals::{CurrentTotals, totals};
