//! What the builder passes to the collector.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::live::PowerNow;
use crate::record::{Detail, Shared, SpanAssembler};
use crate::recorder::baseline_cpu::BaselineCpu;
use crate::recorder::control::Control;
use crate::recorder::device_use::DeviceUseReader;
use crate::recorder::offline::Offline;
use crate::recorder::source_rails::SourceRails;
use crate::recorder::writer::SinkWriter;
use energy_data::rows::{BaselineRow, EventRow, RunRow};
use energy_data::units::Nanos;
use energy_power::conditions::System;
use energy_power::{Clock, SamplerMessage, SamplerWatch};

/// Parts that the builder passes to the collector.
pub(crate) struct CollectorParts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The sampler clock's time at run time zero.
    pub(crate) zero: Nanos,
    pub(crate) samples: Receiver<SamplerMessage>,
    pub(crate) rails: SourceRails,
    pub(crate) configured_idle: Vec<BaselineRow>,
    /// Whether an idle baseline before run time zero was requested.
    pub(crate) baseline_requested: bool,
    /// CPU times during that baseline.
    pub(crate) baseline_cpu: Option<BaselineCpu>,
    /// Source of the run's conditions.
    pub(crate) system: System,
    /// The recorder's threads and the sensors' processes.
    pub(crate) watch: SamplerWatch,
    /// Devices of rails, whose use by process is read.
    pub(crate) devices: DeviceUseReader,
    pub(crate) assembler: SpanAssembler,
    pub(crate) detail: Detail,
    pub(crate) flush_every: Duration,
    pub(crate) run: RunRow,
    pub(crate) notices: Vec<EventRow>,
    pub(crate) writer: SinkWriter,
    /// Estimates the power of kinds while recording.
    pub(crate) live: bool,
    /// The attribution to perform once the recording is written.
    pub(crate) offline: Option<Offline>,
    /// Receives the latest reading of each rail.
    pub(crate) power_now: Arc<PowerNow>,
    /// The run's file.
    pub(crate) database: Option<PathBuf>,
    /// Set when another process has closed the run.
    pub(crate) was_closed: Option<Arc<AtomicBool>>,
}
