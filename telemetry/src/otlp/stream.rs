//! Signals of a run while it is recorded.
//!
//! ```text
//! batch --> names, traces, totals
//!      \--> ended activations --(when windows cover them)--> spans, events --> requests
//! ```

use std::collections::HashMap;

use energy_attribution::ended::EndedActivations;
use energy_data::rows::{RunRow, SpanRow};
use energy_data::sink::Batch;
use energy_data::units::Energy;

use super::held::HeldSpans;
use super::live_totals::LiveTotals;
use super::options::OtlpOptions;
use super::request::EncodedRequest;
use super::signals::RunSignals;
use super::spans::{EnergySource, SpanCost};
use crate::totals::RunTotals;

/// Turns the rows of one run into requests. Each entry into a span is sent once: when windows cover it,
/// or three intervals after its end without energies, and when its trace is known. Fields, a token or
/// the number of an instance that are written later are not sent.
pub struct OtlpStream {
    options: OtlpOptions,
    run: RunRow,
    signals: RunSignals,
    ended: EndedActivations,
    held: HeldSpans,
    totals: LiveTotals,
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
        Self {
            options: options.clone(),
            run: run.clone(),
            signals: RunSignals::new(run, options),
            ended: EndedActivations::default(),
            held: HeldSpans::default(),
            totals: LiveTotals::default(),
            metrics_ns: 0,
        }
    }

    /// Adds rows. Passes requests to `push`: the spans whose energies are known now.
    pub fn add(&mut self, batch: &Batch, push: &mut dyn FnMut(EncodedRequest)) {
        if let Some(run) = &batch.run {
            self.run = run.clone();
            self.signals.set_run(run).into_iter().for_each(&mut *push);
        }
        self.totals.add(batch);
        self.ended.add(batch);
        self.name(batch);
        self.trace(batch);
        self.send_until(batch.time_ns, push);
        let every = i64::try_from(self.options.metrics_every.as_nanos()).unwrap_or(i64::MAX);
        if batch.time_ns.saturating_sub(self.metrics_ns) >= every {
            self.send_metrics(batch.time_ns, None, push);
        }
        self.signals.flush().into_iter().for_each(push);
    }

    /// Passes the requests of everything that waits to `push`. `totals` replaces the totals of rows.
    pub fn finish(&mut self, totals: Option<RunTotals>, push: &mut dyn FnMut(EncodedRequest)) {
        self.send_until(i64::MAX, push);
        let end_ns = self.run.end_ns.unwrap_or(self.metrics_ns);
        self.send_metrics(end_ns, totals, push);
        self.signals.flush().into_iter().for_each(push);
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
        let own = || {
            self.totals
                .totals(&self.run, time_ns, &self.signals.encoder)
        };
        let totals = totals.unwrap_or_else(own);
        self.signals.metrics(totals).into_iter().for_each(push);
    }

    /// Returns the number of spans that were sent in the run's trace although spans of their call path
    /// usually have another one: it was not known in time.
    pub fn untraced(&self) -> u64 {
        self.held.untraced()
    }

    fn name(&mut self, batch: &Batch) {
        let encoder = &mut self.signals.encoder;
        for row in &batch.callsites {
            encoder.callsite(row);
        }
        for row in &batch.nodes {
            let kind = self.ended.kind_name(row.id).unwrap_or(&row.label);
            encoder.node(row, kind);
        }
        for row in &batch.threads {
            encoder.thread(row);
        }
        let attribution = self.totals.attribution();
        encoder.set_source(EnergySource {
            provenance: self.totals.provenance(),
            attribution: attribution.map(|(id, _)| *id),
            basis: attribution.map(|(_, method)| method.clone()),
        });
    }

    /// Adds the rows and fields that determine traces.
    fn trace(&mut self, batch: &Batch) {
        let traces = &mut self.signals.traces;
        let mut again: HashMap<u64, SpanRow> = HashMap::new();
        for row in &batch.spans {
            if self.ended.is_returned(row.seq) {
                traces.change(row);
                again.insert(row.seq, *row);
            } else {
                traces.begin(row);
                self.held.begin(row);
            }
        }
        let mut late: HashMap<u64, &str> = HashMap::new();
        for row in &batch.fields {
            if let Some(node) = traces.fields(row.span, &row.json) {
                self.held.traced(node);
            }
            if self.ended.is_returned(row.span) {
                late.insert(row.span, &row.json);
            }
        }
        self.held.update(&again, &late);
    }

    /// Adds the spans that are ready at a time of the run.
    fn send_until(&mut self, time_ns: i64, push: &mut dyn FnMut(EncodedRequest)) {
        while let Some(ended) = self.ended.next(time_ns) {
            self.held.push(ended);
        }
        for ended in self.held.take(time_ns, &self.signals.traces) {
            let cost = SpanCost {
                energy_j: ended.energy.map(Energy::joules),
                self_j: ended.self_energy.map(Energy::joules),
                ..SpanCost::default()
            };
            let span = (&ended.span, ended.end_ns);
            let full = self.signals.add(span, ended.fields.as_deref(), &cost);
            full.into_iter().for_each(&mut *push);
        }
    }
}
