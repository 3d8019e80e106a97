//! Spans: instances, their activations, fields, links and events.

/// `instances`: created spans. An instance has a row only if it was entered several times
/// or never; a single activation's row implies it.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRow {
    /// Instance id.
    pub id: u64,
    /// Callsite.
    pub callsite: u32,
    /// Parent instance.
    pub parent: Option<u64>,
    /// When it was created.
    pub created_ns: i64,
    /// When its last handle was dropped.
    pub closed_ns: Option<i64>,
}

/// Field of a span that a GPU works for: when the GPU began, in run time in ns. A program records
/// it relative to the latest enter or exit on its thread.
pub const GPU_BEGAN: &str = "energy.gpu.began_ns";
/// Field of a span that a GPU works for: when the GPU ended; see [`GPU_BEGAN`].
pub const GPU_ENDED: &str = "energy.gpu.ended_ns";

/// `spans`: activations, one outermost enter..exit of a span on one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanRow {
    /// Number within the run, from 1, ascending with `start_ns`.
    pub seq: u64,
    /// Node.
    pub node: u32,
    /// Instance, if it has a row in `instances`; otherwise the activation is the only one
    /// of its instance.
    pub instance: Option<u64>,
    /// The activation it ran in.
    pub parent: Option<u64>,
    /// Thread.
    pub thread: u32,
    /// Entered.
    pub start_ns: i64,
    /// Left; `None` while open.
    pub end_ns: Option<i64>,
    /// Value of its field `token`.
    pub token: Option<i64>,
}

/// `span_fields`: the data fields of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldsRow {
    /// The first activation of the instance that has the fields.
    pub span: u64,
    /// The fields, a JSON object.
    pub json: String,
}

/// `links`: `follows_from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRow {
    /// Activation (or the latest of the instance) that follows.
    pub span: u64,
    /// Activation it follows from.
    pub follows: u64,
}

/// `span_events`: `tracing` events.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEventRow {
    /// Run time.
    pub time_ns: i64,
    /// Thread.
    pub thread: u32,
    /// The activation it happened in.
    pub span: Option<u64>,
    /// Callsite.
    pub callsite: u32,
    /// Its fields, a JSON object; `message` is one of them.
    pub json: String,
}
