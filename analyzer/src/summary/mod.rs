//! Summary of a run: energy by rail, phase, token and node.

mod csv;
mod data;
mod efficiency;
mod groups;
mod json;
mod kinds;
mod page;
mod rails;
mod table;
mod warnings;
mod write;

pub use data::{HOTTEST, HotNode, Summary, SummaryOptions};
pub(crate) use data::{coverage_notes, hot};
pub(crate) use json::tags;
pub use kinds::{KindEnergy, KindGroup, KindTable};
pub(crate) use warnings::{kinds_name, method, warnings};
