//! Internal to tracing-energy, without a stability promise: energies as signals of OpenTelemetry and
//! as metrics of Prometheus.
//!
//! ```text
//! recorder --batches--> otlp::OtlpSink --+
//! follower --batches--> otlp::OtlpStream +--> otlp::Outbox (thread, bounded) --> collector
//! recording --rows----> rows::push ---------> otlp::Client ---------------------> collector
//!             \--rows-> totals::RunTotals --> prometheus::encode ----------------> scraper
//! ```
//!
//! - [`names`] - every name of a metric, an attribute, a label and an event.
//! - [`named_kinds`] - which operations metrics name.
//! - [`otlp`] - spans, log events and metrics over HTTP, and their delivery.
//! - [`totals`] - totals of a run, of which metrics are made.
//! - `prometheus` (feature) - the text of a scrape.
//! - `rows` (feature) - reads totals and spans of a recording.
//!
//! Signals are approximate copies for dashboards: they may be lost on the way, and every known loss
//! is counted. The recording is exact.

pub mod named_kinds;
pub mod names;
pub mod otlp;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "rows")]
pub mod rows;
pub mod totals;
