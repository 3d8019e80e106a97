//! Spans with their energies, and metrics, for a collector of OpenTelemetry.
//!
//! ```no_run
//! use tracing_energy::EnergyLayer;
//! use tracing_energy::otlp::{OtlpOptions, OtlpSink};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = OtlpOptions::new("http://localhost:4318")?;
//! let (layer, guard) = EnergyLayer::builder()
//!     .database("energy.db")
//!     .sink(OtlpSink::new(options)?)
//!     .build()?;
//! # drop((layer, guard));
//! # Ok(())
//! # }
//! ```
//!
//! A dead collector costs the program nothing: requests wait in a queue of limited size, and what has
//! no place there is lost, counted, and reported as a warning of the run. `energy otlp push` sends a
//! recording again; spans keep their ids, except those that were sent before their trace was known.
//!
//! Addresses with `https` need the feature `otel-tls`.
//!
//! # Traces
//!
//! A span belongs to the trace in its field `traceparent` (the header of the request that it answers)
//! or `trace_id`, otherwise to that of the span around it, otherwise to the trace of the run, whose id
//! is the run's uuid. A recorder writes fields when a span is closed: spans in a request wait for that, at
//! most 30 s. Spans that still have no trace then are sent in that of the run.
//!
//! # Spans that another exporter sends
//!
//! A program that exports its spans itself, for example with `tracing-opentelemetry`, records the ids
//! that they have there in the fields `trace_id` and `span_id`. With [`Signals::events`] instead of
//! [`Signals::spans`] the sink sends a log event for each of these spans, with the same ids and the
//! energies, and no second span.
//!
//! ```
//! use tracing_energy::otlp::Signals;
//!
//! let signals = Signals { spans: false, events: true, metrics: true };
//! # let _ = signals;
//! ```

pub use energy_telemetry::otlp::{DeliveryCounts, OtlpError, OtlpOptions, OtlpSink, Signals};
