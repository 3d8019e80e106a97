//! Encoded requests.

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::resource::RunResource;
use crate::names::SCHEMA_URL;

/// Number of the field of items in `ScopeSpans`, `ScopeLogs` and `ScopeMetrics`.
const ITEMS: u32 = 2;

/// A kind of signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// Returns the path of its endpoint.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// Returns what its items are called.
    pub const fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "events",
            Self::Metrics => "metric points",
        }
    }
}

/// An encoded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRequest {
    /// What it contains.
    pub signal: Signal,
    /// The message.
    pub body: Vec<u8>,
    /// Number of spans, log records or points.
    pub items: u64,
}

/// A span, a log record or a metric.
pub trait OtlpItem: Message {
    /// Its signal.
    const SIGNAL: Signal;

    /// Returns the number of items that collectors count.
    fn count(&self) -> u64 {
        1
    }
}

impl OtlpItem for Span {
    const SIGNAL: Signal = Signal::Traces;
}

impl OtlpItem for LogRecord {
    const SIGNAL: Signal = Signal::Logs;
}

impl OtlpItem for Metric {
    const SIGNAL: Signal = Signal::Metrics;

    fn count(&self) -> u64 {
        super::metrics::points(self)
    }
}

/// Appends an item as it is encoded in its scope.
pub(super) fn add_item(item: &impl OtlpItem, items: &mut Vec<u8>) {
    let before = items.len();
    encode_key(ITEMS, WireType::LengthDelimited, items);
    // A vector has always place.
    if item.encode_length_delimited(items).is_err() {
        items.truncate(before);
    }
}

/// Returns the message with encoded items of one run.
///
/// The messages of all signals have the same numbers of fields:
///
/// ```text
/// request 1: { resource 1, scope 2: { scope 1, item 2, item 2, ..., schema 3 }, schema 3 }
/// ```
///
/// Each item is encoded once. The generated code would compute the length of all items again at each
/// level.
pub(super) fn message(items: &[u8], run: &RunResource) -> Vec<u8> {
    let mut scope = Vec::with_capacity(items.len() + 256);
    add_field(1, &run.scope.encode_to_vec(), &mut scope);
    scope.extend_from_slice(items);
    add_field(3, SCHEMA_URL.as_bytes(), &mut scope);
    let mut resource = Vec::with_capacity(scope.len() + 1_024);
    add_field(1, &run.resource.encode_to_vec(), &mut resource);
    add_field(2, &scope, &mut resource);
    add_field(3, SCHEMA_URL.as_bytes(), &mut resource);
    let mut request = Vec::with_capacity(resource.len() + 16);
    add_field(1, &resource, &mut request);
    request
}

fn add_field(number: u32, content: &[u8], to: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, to);
    encode_varint(content.len() as u64, to);
    to.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

    use super::*;
    use crate::otlp::attributes::text;

    #[test]
    fn messages_are_those_of_the_generated_code() {
        let span = |name: &str| Span {
            name: name.to_owned(),
            span_id: vec![1; 8],
            attributes: vec![text("a", "b")],
            ..Span::default()
        };
        let run = RunResource {
            resource: Resource {
                attributes: vec![text("service.name", "shop")],
                ..Resource::default()
            },
            scope: InstrumentationScope {
                name: "s".to_owned(),
                ..InstrumentationScope::default()
            },
        };
        let spans = vec![span("one"), span(&"long ".repeat(1_000)), Span::default()];
        let mut items = Vec::new();
        spans.iter().for_each(|span| add_item(span, &mut items));
        let scope_spans = vec![ScopeSpans {
            scope: Some(run.scope.clone()),
            spans,
            schema_url: SCHEMA_URL.to_owned(),
        }];
        let resource_spans = vec![ResourceSpans {
            resource: Some(run.resource.clone()),
            scope_spans,
            schema_url: SCHEMA_URL.to_owned(),
        }];
        let expected = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        assert_eq!(message(&items, &run), expected);
    }
}
