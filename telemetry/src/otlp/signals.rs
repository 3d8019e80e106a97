//! Ended spans and totals as items of requests.

use energy_data::rows::{RunRow, SpanRow};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::events::energy_event;
use super::exemplars::KindExemplars;
use super::ids::RunIds;
use super::items::RequestItems;
use super::metrics::run_metrics;
use super::options::{OtlpOptions, Signals};
use super::request::EncodedRequest;
use super::resource::RunResource;
use super::spans::{SpanCost, SpanEncoder};
use super::traces::{SpanTraces, TracePlace};
use crate::named_kinds::{MAX_KINDS, NamedKinds};
use crate::totals::RunTotals;

/// The signals of one run that the options select.
pub(crate) struct RunSignals {
    signals: Signals,
    /// Names and energies of spans.
    pub(crate) encoder: SpanEncoder,
    /// Traces of spans.
    pub(crate) traces: SpanTraces,
    /// Number of spans and of events.
    pub(crate) counts: (u64, u64),
    exemplars: KindExemplars,
    named: NamedKinds,
    spans: RequestItems<Span>,
    events: RequestItems<LogRecord>,
    metrics: RequestItems<Metric>,
}

impl RunSignals {
    pub(crate) fn new(run: &RunRow, options: &OtlpOptions) -> Self {
        let resource = RunResource::new(run);
        Self {
            signals: options.signals,
            encoder: SpanEncoder::new(run, options.fields),
            traces: SpanTraces::new(RunIds::new(&run.uuid)),
            counts: (0, 0),
            exemplars: KindExemplars::default(),
            named: NamedKinds::default(),
            spans: RequestItems::new(&resource),
            events: RequestItems::new(&resource),
            metrics: RequestItems::new(&resource),
        }
    }

    /// Replaces the description of the run. Returns requests with what was described before.
    pub(crate) fn set_run(&mut self, run: &RunRow) -> Vec<EncodedRequest> {
        let resource = RunResource::new(run);
        self.encoder.run(run);
        let before = [
            self.spans.set_run(&resource),
            self.events.set_run(&resource),
            self.metrics.set_run(&resource),
        ];
        before.into_iter().flatten().collect()
    }

    /// Adds an entry into a span that ended at `end_ns`. Returns requests that are full.
    pub(crate) fn add(
        &mut self,
        (row, end_ns): (&SpanRow, i64),
        fields: Option<&str>,
        cost: &SpanCost,
    ) -> Vec<EncodedRequest> {
        let place = self.traces.end(row);
        self.add_exemplar((row, end_ns), cost, &place);
        let mut full = Vec::new();
        if self.signals.events
            && let Some(event) = energy_event(&self.encoder, (row, end_ns), cost, &place)
        {
            self.counts.1 += 1;
            full.extend(self.events.push(&event));
        }
        if self.signals.spans {
            self.counts.0 += 1;
            let span = self.encoder.span((row, end_ns), fields, cost, &place);
            full.extend(self.spans.push(&span));
        }
        full
    }

    /// Adds an entry as an example of its operation, if a collector has a span of it.
    fn add_exemplar(&mut self, (row, end_ns): (&SpanRow, i64), cost: &SpanCost, at: &TracePlace) {
        let span_id = match self.signals.spans {
            true => Some(at.id),
            false => at.external.map(|id| id.bytes()),
        };
        if let (true, Some(span_id)) = (self.signals.metrics, span_id)
            && let Some((kind, self_j)) = self.encoder.kind(row.node).zip(cost.self_j)
        {
            let unix_ns = i64::try_from(self.encoder.unix_ns(end_ns)).unwrap_or(i64::MAX);
            let place = (at.trace, span_id);
            self.exemplars.add(kind, self_j, place, unix_ns);
        }
    }

    /// Returns requests with the metrics of totals.
    pub(crate) fn metrics(&mut self, totals: RunTotals) -> Vec<EncodedRequest> {
        let mut totals = [totals];
        self.named.limit(&mut totals, MAX_KINDS);
        self.exemplars.take(&mut totals[0].kinds);
        let metrics = run_metrics(&totals[0]);
        let full = metrics.iter().filter_map(|one| self.metrics.push(one));
        let mut requests: Vec<EncodedRequest> = full.collect();
        requests.extend(self.metrics.take());
        requests
    }

    /// Returns requests with all spans and events that were added.
    pub(crate) fn flush(&mut self) -> Vec<EncodedRequest> {
        let requests = [self.spans.take(), self.events.take()];
        requests.into_iter().flatten().collect()
    }
}
