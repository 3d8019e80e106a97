//! Signals of a run while it is recorded.
//!
//! ```text
//! batch --> names, traces, totals
//!      \--> ended activations --(when windows cover them)--> spans, events --> requests
//! ```

use energy_attribution::ended::{EndedActivation, EndedActivations};
use energy_data::rows::RunRow;
use energy_data::sink::Batch;
use energy_data::units::Energy;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::events::energy_event;
use super::exemplars::KindExemplars;
use super::held::HeldSpans;
use super::ids::RunIds;
use super::items::RequestItems;
use super::live_totals::LiveTotals;
use super::metrics::run_metrics;
use super::options::OtlpOptions;
use super::request::EncodedRequest;
use super::resource::RunResource;
use super::spans::{EnergySource, SpanCost, SpanEncoder};
use super::traces::SpanTraces;
use crate::totals::{MAX_KINDS, RunTotals, limit_kinds};

/// Turns the rows of one run into requests. Each entry into a span is sent once: when windows cover it,
/// or three intervals after its end without energies, and when its trace is known.
pub struct OtlpStream {
    options: OtlpOptions,
    run: RunRow,
    encoder: SpanEncoder,
    traces: SpanTraces,
    ended: EndedActivations,
    held: HeldSpans,
    totals: LiveTotals,
    exemplars: KindExemplars,
    spans: RequestItems<Span>,
    events: RequestItems<LogRecord>,
    metrics: RequestItems<Metric>,
    /// Time of the latest metrics.
    metrics_ns: i64,
}

impl std::fmt::Debug for OtlpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpStream")
            .field("run", &self.run.uuid)
            .finish_non_exhaustive()
    }
}

impl OtlpStream {
    /// Creates it for a run.
    pub fn new(run: &RunRow, options: &OtlpOptions) -> Self {
        let resource = RunResource::new(run);
        Self {
            options: options.clone(),
            run: run.clone(),
            encoder: SpanEncoder::new(run, options.fields),
            traces: SpanTraces::new(RunIds::new(&run.uuid)),
            ended: EndedActivations::default(),
            held: HeldSpans::default(),
            totals: LiveTotals::default(),
            exemplars: KindExemplars::default(),
            spans: RequestItems::new(&resource),
            events: RequestItems::new(&resource),
            metrics: RequestItems::new(&resource),
            metrics_ns: 0,
        }
    }

    /// Adds rows. Passes requests to `push`: the spans whose energies are known now.
    pub fn add(&mut self, batch: &Batch, push: &mut dyn FnMut(EncodedRequest)) {
        if let Some(run) = &batch.run {
            self.run = run.clone();
            self.encoder.run(run);
        }
        self.totals.add(batch);
        self.ended.add(batch);
        self.name(batch);
        for row in &batch.spans {
            self.traces.begin(row);
            self.held.begin(row);
        }
        for row in &batch.fields {
            if let Some(node) = self.traces.fields(row.span, &row.json) {
                self.held.traced(node);
            }
        }
        self.send_until(batch.time_ns, push);
        let every = i64::try_from(self.options.metrics_every.as_nanos()).unwrap_or(i64::MAX);
        if batch.time_ns.saturating_sub(self.metrics_ns) >= every {
            self.send_metrics(batch.time_ns, None, push);
        }
        self.flush(push);
    }

    /// Passes the requests of everything that waits to `push`. `totals` replaces the totals of rows.
    pub fn finish(&mut self, totals: Option<RunTotals>, push: &mut dyn FnMut(EncodedRequest)) {
        self.send_until(i64::MAX, push);
        let end_ns = self.run.end_ns.unwrap_or(self.metrics_ns);
        self.send_metrics(end_ns, totals, push);
        self.flush(push);
    }

    /// Passes a request with metrics to `push`.
    pub fn send_metrics(
        &mut self,
        time_ns: i64,
        totals: Option<RunTotals>,
        push: &mut dyn FnMut(EncodedRequest),
    ) {
        self.metrics_ns = time_ns;
        if !self.options.signals.metrics {
            return;
        }
        let own = || self.totals.totals(&self.run, time_ns, &self.encoder);
        let mut totals = [totals.unwrap_or_else(own)];
        limit_kinds(&mut totals, MAX_KINDS);
        self.exemplars.take(&mut totals[0].kinds);
        for metric in run_metrics(&totals[0]) {
            self.metrics.push(&metric).into_iter().for_each(&mut *push);
        }
        self.metrics.take().into_iter().for_each(push);
    }

    fn name(&mut self, batch: &Batch) {
        batch
            .callsites
            .iter()
            .for_each(|row| self.encoder.callsite(row));
        for row in &batch.nodes {
            let kind = self.ended.kind_name(row.id).unwrap_or(&row.label);
            self.encoder.node(row, kind);
        }
        batch
            .threads
            .iter()
            .for_each(|row| self.encoder.thread(row));
        let attribution = self.totals.attribution();
        self.encoder.set_source(EnergySource {
            provenance: self.totals.provenance(),
            attribution: attribution.map(|(id, _)| *id),
            basis: attribution.map(|(_, method)| method.clone()),
        });
    }

    /// Adds the spans that are ready at a time of the run.
    fn send_until(&mut self, time_ns: i64, push: &mut dyn FnMut(EncodedRequest)) {
        while let Some(ended) = self.ended.next(time_ns) {
            self.held.push(ended);
        }
        for ended in self.held.take(time_ns, &self.traces) {
            self.send(&ended, push);
        }
    }

    fn send(&mut self, ended: &EndedActivation, push: &mut dyn FnMut(EncodedRequest)) {
        let (row, end_ns) = (&ended.span, ended.end_ns);
        let place = self.traces.end(row);
        let cost = SpanCost {
            energy_j: ended.energy.map(Energy::joules),
            self_j: ended.self_energy.map(Energy::joules),
            ..SpanCost::default()
        };
        let signals = self.options.signals;
        if let Some((kind, self_j)) = self.encoder.kind(row.node).zip(cost.self_j)
            && signals.metrics
        {
            let unix_ns = i64::try_from(self.encoder.unix_ns(end_ns)).unwrap_or(i64::MAX);
            self.exemplars.add(kind, self_j, &place, unix_ns);
        }
        if signals.events
            && let Some(event) = energy_event(&self.encoder, (row, end_ns), &cost, &place)
        {
            self.events.push(&event).into_iter().for_each(&mut *push);
        }
        if signals.spans {
            let fields = ended.fields.as_deref();
            let span = self.encoder.span((row, end_ns), fields, &cost, &place);
            self.spans.push(&span).into_iter().for_each(push);
        }
    }

    fn flush(&mut self, push: &mut dyn FnMut(EncodedRequest)) {
        let requests = [self.spans.take(), self.events.take()];
        requests.into_iter().flatten().for_each(push);
    }
}
