//! Recording: callbacks on traced threads, and the assembly of their records.
//!
//! Independent of power. Traced threads write words into their own logs (`hot`,
//! `thread_log`, `chunk`, `wire`); the collector reads all logs as one stream (`merge`) and
//! assembles activations and nodes from it (`assemble`).

mod assemble;
mod callsite;
mod capture;
mod chunk;
mod detail;
mod device_fields;
mod edge_clock;
mod hash;
mod hot;
mod instances;
mod log;
mod merge;
mod output;
mod raw_clock;
mod shared;
mod thread_log;
mod threads;
mod tree;
mod values;
mod wire;

pub(crate) use assemble::SpanAssembler;
pub(crate) use callsite::Naming;
pub use detail::Detail;
pub use edge_clock::EdgeClock;
pub(crate) use edge_clock::Fallback;
pub(crate) use hot::{HotPath, SpanParent};
pub(crate) use log::ThreadLog;
pub(crate) use merge::{LogMerge, Verdict};
pub(crate) use output::{Activation, AssemblerOutput, Loss};
pub use shared::{Capture, OnFull};
pub(crate) use shared::{FieldCapture, RecorderOptions, Shared};
pub(crate) use wire::Record;

#[cfg(test)]
mod tests;
