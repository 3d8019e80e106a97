//! What became of requests.

use super::request::Signal;

/// Maximum number of characters of a collector's message.
const MAX_MESSAGE: usize = 200;

/// Numbers of items of one or several requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryCounts {
    /// Items that the collector accepted.
    pub accepted: u64,
    /// Items that it refused although it accepted their request.
    pub rejected: u64,
    /// Items of requests that it did not accept, or for which there was no place.
    pub lost: u64,
    /// Number of requests that were sent, without repetitions.
    pub requests: u64,
    /// Number of repetitions.
    pub retries: u64,
    /// The latest reason for rejected or lost items.
    pub message: Option<String>,
    /// The latest warning of the collector about items that it accepted.
    pub warning: Option<String>,
}

impl DeliveryCounts {
    /// Returns the number of items that are missing in the collector.
    pub fn missing(&self) -> u64 {
        self.rejected + self.lost
    }

    /// Adds later numbers.
    pub fn add(&mut self, later: &Self) {
        self.accepted += later.accepted;
        self.rejected += later.rejected;
        self.lost += later.lost;
        self.requests += later.requests;
        self.retries += later.retries;
        let latest = |own: &mut Option<String>, later: &Option<String>| {
            if later.is_some() {
                own.clone_from(later);
            }
        };
        latest(&mut self.message, &later.message);
        latest(&mut self.warning, &later.warning);
    }

    pub(super) fn of_lost(items: u64, message: impl Into<String>) -> Self {
        Self {
            lost: items,
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// Describes what is missing: `31 of 900 spans, ... were not delivered to ...`.
    pub fn problem(&self, endpoint: &str) -> Option<String> {
        let (missing, all) = (self.missing(), self.missing() + self.accepted);
        let message = self.message.as_deref().unwrap_or("no reason was given");
        (missing > 0).then(|| {
            format!(
                "{missing} of {all} spans, events or metric points were not delivered to \
                 {endpoint}: {message}; they are in the recording, if there is one: send them with \
                 `energy otlp push`"
            )
        })
    }
}

/// Answer to one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The collector accepted the request, except `rejected` items.
    Accepted {
        rejected: u64,
        message: Option<String>,
    },
    /// It may accept it later.
    Retry {
        after: Option<std::time::Duration>,
        message: String,
    },
    /// It will not accept it.
    Refused(String),
}

/// Returns the beginning of what a collector has written, without control characters.
pub(super) fn printable(text: &str) -> String {
    let printable = text.chars().filter(|char| !char.is_control());
    let text: String = printable.take(MAX_MESSAGE).collect();
    text.trim().to_owned()
}

/// Returns the answer in the body of a response with the status 200.
pub(super) fn accepted(signal: Signal, body: &[u8]) -> Attempt {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse as Logs;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse as Metrics;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse as Traces;
    use prost::Message;
    let partial = match signal {
        Signal::Traces => Traces::decode(body).map(|answer| {
            let partial = answer.partial_success;
            partial.map(|partial| (partial.rejected_spans, partial.error_message))
        }),
        Signal::Logs => Logs::decode(body).map(|answer| {
            let partial = answer.partial_success;
            partial.map(|partial| (partial.rejected_log_records, partial.error_message))
        }),
        Signal::Metrics => Metrics::decode(body).map(|answer| {
            let partial = answer.partial_success;
            partial.map(|partial| (partial.rejected_data_points, partial.error_message))
        }),
    };
    // Some collectors answer with a text.
    let (rejected, message) = partial.ok().flatten().unwrap_or_default();
    let message = printable(&message);
    Attempt::Accepted {
        rejected: u64::try_from(rejected).unwrap_or(0),
        message: (!message.is_empty()).then_some(message),
    }
}
