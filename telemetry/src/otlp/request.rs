//! Encoded requests.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::resource::RunResource;
use crate::names::SCHEMA_URL;

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
pub trait OtlpItem: Message + Sized + Default {
    /// Its signal.
    const SIGNAL: Signal;

    /// Returns the number of items that collectors count.
    fn count(&self) -> u64 {
        1
    }

    /// Encodes a request with items of one run.
    fn encode_request(items: Vec<Self>, run: &RunResource) -> Vec<u8>;
}

impl OtlpItem for Span {
    const SIGNAL: Signal = Signal::Traces;

    fn encode_request(spans: Vec<Self>, run: &RunResource) -> Vec<u8> {
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
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }
}

impl OtlpItem for LogRecord {
    const SIGNAL: Signal = Signal::Logs;

    fn encode_request(log_records: Vec<Self>, run: &RunResource) -> Vec<u8> {
        let scope_logs = vec![ScopeLogs {
            scope: Some(run.scope.clone()),
            log_records,
            schema_url: SCHEMA_URL.to_owned(),
        }];
        let resource_logs = vec![ResourceLogs {
            resource: Some(run.resource.clone()),
            scope_logs,
            schema_url: SCHEMA_URL.to_owned(),
        }];
        ExportLogsServiceRequest { resource_logs }.encode_to_vec()
    }
}

impl OtlpItem for Metric {
    const SIGNAL: Signal = Signal::Metrics;

    fn count(&self) -> u64 {
        super::metrics::points(self)
    }

    fn encode_request(metrics: Vec<Self>, run: &RunResource) -> Vec<u8> {
        let scope_metrics = vec![ScopeMetrics {
            scope: Some(run.scope.clone()),
            metrics,
            schema_url: SCHEMA_URL.to_owned(),
        }];
        let resource_metrics = vec![ResourceMetrics {
            resource: Some(run.resource.clone()),
            scope_metrics,
            schema_url: SCHEMA_URL.to_owned(),
        }];
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    }
}
