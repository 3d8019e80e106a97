//! OpenTelemetry signals over HTTP with Protocol Buffers.
//!
//! [`OtlpStream`] turns rows of a run that is being recorded into requests, [`Outbox`] sends them on a
//! thread of its own, and [`OtlpSink`] is both as a sink of the recorder. [`Client`] sends requests
//! and waits for the result.

mod attributes;
mod client;
mod events;
mod exemplars;
mod held;
mod ids;
mod items;
mod live_totals;
mod metrics;
mod options;
mod outbox;
mod outcome;
mod reports;
mod request;
mod resource;
mod signals;
mod sink;
mod spans;
mod stream;
mod traces;

pub use client::Client;
pub use ids::RunIds;
pub use items::{MAX_ITEMS, RequestItems};
pub use options::{OtlpError, OtlpOptions, Signals};
pub use outbox::Outbox;
pub use outcome::DeliveryCounts;
pub use reports::LossReports;
pub use request::{EncodedRequest, OtlpItem, Signal};
pub use resource::RunResource;
#[cfg(feature = "rows")]
pub(crate) use resource::service_tag;
#[cfg(feature = "rows")]
pub(crate) use signals::RunSignals;
pub use sink::OtlpSink;
pub use spans::{EnergySource, SpanCost, SpanEncoder};
pub use stream::OtlpStream;
pub use traces::{SpanTraces, TracePlace};
