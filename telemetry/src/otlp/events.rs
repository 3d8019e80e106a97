//! Log events with the energies of spans that another exporter has sent.

use energy_data::rows::SpanRow;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::spans::{SpanCost, SpanEncoder};
use super::traces::TracePlace;
use crate::names::SPAN_ENERGY_EVENT;

/// Returns the event of an entry into a span that another exporter sends. `None` if the span's
/// fields do not contain the id that it has there, or if its energies are unknown.
pub(super) fn energy_event(
    encoder: &SpanEncoder,
    (row, end_ns): (&SpanRow, i64),
    cost: &SpanCost,
    place: &TracePlace,
) -> Option<LogRecord> {
    let external = place.external?;
    let mut attributes = Vec::new();
    encoder.add_energies(cost, &mut attributes);
    if attributes.is_empty() {
        return None;
    }
    encoder.add_names(row.node, &mut attributes);
    let time = encoder.unix_ns(end_ns);
    Some(LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: SeverityNumber::Info as i32,
        attributes,
        trace_id: place.trace.bytes().to_vec(),
        span_id: external.bytes().to_vec(),
        event_name: SPAN_ENERGY_EVENT.to_owned(),
        ..LogRecord::default()
    })
}
