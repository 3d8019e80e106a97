//! Where a recording goes: rows, in batches, from one writer thread.

mod memory;
mod spread;
mod tree;

pub use crate::rows::*;
pub use memory::MemorySink;
pub use spread::{Stretch, WindowPowers};
pub use tree::tree;

/// Takes batches of rows. Called from one thread, in order of time; a batch's
/// tables are to be written in the order of its fields, so that every row's
/// references stand before it.
pub trait Sink: Send {
    /// A short name for messages: `sqlite`, `chrome`, `memory`.
    fn name(&self) -> &'static str;

    /// Writes one batch.
    ///
    /// # Errors
    /// A message that names the thing and the next step. The caller counts the
    /// rows lost, tells other sinks through an event, and goes on calling.
    fn write(&mut self, batch: &Batch) -> Result<(), String>;

    /// Returns how many rows are lost of a batch that [`Sink::write`] has just refused;
    /// a sink that keeps some of them for later does not count those.
    fn lost_rows(&self, batch: &Batch) -> u64 {
        batch.rows()
    }

    /// Called once after the last batch.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn finish(&mut self) -> Result<(), String>;
}

/// Rows of one flush.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The run as it is now; the first batch has it, later ones when it changed.
    pub run: Option<RunRow>,
    /// New rails.
    pub rails: Vec<RailRow>,
    /// New or changed processes of the tree that is recorded (same id: replaces).
    pub processes: Vec<ProcessRow>,
    /// New or renamed threads.
    pub threads: Vec<ThreadRow>,
    /// New callsites.
    pub callsites: Vec<CallsiteRow>,
    /// New nodes, parents first.
    pub nodes: Vec<NodeRow>,
    /// New or changed instances (same id: replaces).
    pub instances: Vec<InstanceRow>,
    /// New or changed activations, by ascending `seq` (same seq: replaces the
    /// open row written before).
    pub spans: Vec<SpanRow>,
    /// Data fields (same span: replaces).
    pub fields: Vec<FieldsRow>,
    /// Per node, thread and window totals, where activations are not rows.
    pub node_windows: Vec<NodeWindowRow>,
    /// `follows_from` links.
    pub links: Vec<LinkRow>,
    /// `tracing` events.
    pub marks: Vec<MarkRow>,
    /// CPU time.
    pub cpu: Vec<CpuRow>,
    /// Power samples.
    pub samples: Vec<SampleRow>,
    /// What sensors tell besides energies.
    pub extras: Vec<ExtraRow>,
    /// Use of rails' devices by process.
    pub device_use: Vec<DeviceUseRow>,
    /// Idle baselines (same rail: replaces).
    pub baselines: Vec<BaselineRow>,
    /// Conditions of the run (same moment and key: replaces).
    pub conditions: Vec<ConditionRow>,
    /// Losses, gaps, restarts, warnings.
    pub events: Vec<EventRow>,
    /// What attribution made of windows that closed.
    pub attribution: AttributionRows,
    /// Time of this flush (run time): the run was being recorded then.
    pub time_ns: i64,
    /// Wall clock of this flush, ns since 1970.
    pub heartbeat_unix_ns: i64,
}

impl Batch {
    /// How many rows it holds of activations, samples and CPU times: what is lost
    /// when a sink refuses it.
    pub fn rows(&self) -> u64 {
        let rows = self.spans.len()
            + self.fields.len()
            + self.samples.len()
            + self.cpu.len()
            + self.marks.len();
        rows as u64
    }
}
