//! Sinks of a recording: receive rows in batches from one writer thread.

use crate::rows::{
    AttributionRows, BaselineRow, CallsiteRow, ConditionRow, CpuRow, DeviceUseRow, EventRow,
    FieldsRow, InstanceRow, LinkRow, NodeRow, NodeWindowRow, ProcessRow, RailRow, RunRow,
    SampleRow, SensorMetricRow, SpanEventRow, SpanRow, ThreadRow,
};

/// Writes batches of rows. Called from one thread, in time order. A batch's tables must be
/// written in the order of its fields, so that every row's references precede it.
pub trait Sink: Send {
    /// Returns a short name for messages: `sqlite`, `chrome`, `memory`.
    fn name(&self) -> &'static str;

    /// Writes one batch.
    ///
    /// # Errors
    /// Names the target and the next step. The caller counts the lost rows,
    /// reports an event to other sinks, and continues to call this sink.
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// Returns the number of lost rows of a batch that [`Sink::write`] has just refused,
    /// without those kept for later.
    fn lost_rows(&self, batch: &Batch) -> u64 {
        batch.rows()
    }

    /// Finishes the output; called once after the last batch.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// A sink cannot write. Rows that it has lost are counted; the recording continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkError(String);

impl SinkError {
    /// Creates an error. The message names the target, the cause and the next step.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl std::fmt::Display for SinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SinkError {}

/// Rows of one flush.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The current run; in the first batch, and in later ones after a change.
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
    /// Totals per node, thread and window, for levels of detail without activation rows.
    pub node_windows: Vec<NodeWindowRow>,
    /// `follows_from` links.
    pub links: Vec<LinkRow>,
    /// `tracing` events.
    pub span_events: Vec<SpanEventRow>,
    /// CPU time.
    pub cpu: Vec<CpuRow>,
    /// Power samples.
    pub samples: Vec<SampleRow>,
    /// Sensor metrics other than energies.
    pub sensor_metrics: Vec<SensorMetricRow>,
    /// Device use by process.
    pub device_use: Vec<DeviceUseRow>,
    /// Idle baselines (same rail: replaces).
    pub baselines: Vec<BaselineRow>,
    /// Conditions of the run (same time and key: replaces).
    pub conditions: Vec<ConditionRow>,
    /// Losses, gaps, restarts, warnings.
    pub events: Vec<EventRow>,
    /// Attribution of closed windows.
    pub attribution: AttributionRows,
    /// Run time of this flush.
    pub time_ns: i64,
    /// Wall clock of this flush, ns since 1970.
    pub heartbeat_unix_ns: i64,
}

impl Batch {
    /// Returns the number of activation, field, sample, CPU and event rows: those lost if a
    /// sink refuses the batch.
    pub fn rows(&self) -> u64 {
        let rows = self.spans.len()
            + self.fields.len()
            + self.samples.len()
            + self.cpu.len()
            + self.span_events.len();
        rows as u64
    }

    /// Returns whether it has no row: it then only reports that its recorder is alive.
    pub fn is_empty(&self) -> bool {
        let Self {
            run,
            rails,
            processes,
            threads,
            callsites,
            nodes,
            instances,
            spans,
            fields,
            node_windows,
            links,
            span_events,
            cpu,
            samples,
            sensor_metrics,
            device_use,
            baselines,
            conditions,
            events,
            attribution,
            time_ns: _,
            heartbeat_unix_ns: _,
        } = self;
        run.is_none()
            && rails.is_empty()
            && processes.is_empty()
            && threads.is_empty()
            && callsites.is_empty()
            && nodes.is_empty()
            && instances.is_empty()
            && spans.is_empty()
            && fields.is_empty()
            && node_windows.is_empty()
            && links.is_empty()
            && span_events.is_empty()
            && cpu.is_empty()
            && samples.is_empty()
            && sensor_metrics.is_empty()
            && device_use.is_empty()
            && baselines.is_empty()
            && conditions.is_empty()
            && events.is_empty()
            && *attribution == AttributionRows::default()
    }
}
