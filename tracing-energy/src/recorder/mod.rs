//! The recorder: the threads behind a layer and their data flow.
//!
//! ```text
//! traced threads --logs--> collector --batches--> writer --> sinks
//! power sources --samples--^  | ^
//!                          engine (attribution)
//! ```

mod active;
mod baseline_cpu;
mod batch;
mod calibration;
mod collector;
mod control;
mod cpu;
mod device_use;
mod losses;
#[cfg_attr(not(feature = "sqlite"), path = "no_offline.rs")]
mod offline;
mod processes;
mod signal;
mod source_rails;
mod summary;
mod writer;

pub(crate) use active::{ActiveRecording, RecordingState};
pub(crate) use baseline_cpu::{BaselineCpu, measure_baseline_cpu};
pub(crate) use collector::{Collector, CollectorParts};
pub(crate) use control::Control;
pub(crate) use device_use::DeviceUseReader;
pub(crate) use offline::Offline;
pub(crate) use signal::end_on_signal;
pub(crate) use source_rails::SourceRails;
pub use summary::{RailSummary, RunSummary};
pub(crate) use writer::SinkWriter;
