//! Sends the spans of a stored run.

use energy_data::rows::RunStatus;
use energy_query::Result;
use energy_query::query::{Recording, Run, attributions};
use energy_query::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, walk};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::intervals::{has_interval, interval_energy};
use super::totals::run_totals;
use crate::otlp::{
    EncodedRequest, EnergySource, KindExemplars, OtlpOptions, RequestItems, RunIds, RunResource,
    SpanCost, SpanEncoder, SpanTraces, energy_event, run_metrics,
};
use crate::totals::{MAX_KINDS, limit_kinds};

/// Receives requests.
pub type SendRequest<'s> = &'s mut dyn FnMut(EncodedRequest) -> Result<()>;

/// What a run consists of that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PushedSpans {
    /// Entries into spans.
    pub spans: u64,
    /// Events about them.
    pub events: u64,
    /// Entries of a run that is being recorded that have not ended. They are not sent: their spans
    /// would have to be sent again.
    pub open: u64,
    /// Entries whose energy is unknown.
    pub without_energy: u64,
    /// Self energy of all entries.
    pub self_j: f64,
}

/// Passes the signals of a run to `send` as requests: those that the options select. Memory does not
/// depend on the number of spans.
///
/// # Errors
/// If the file cannot be read, or if `send` fails.
pub fn push_spans(
    recording: &Recording,
    run: &Run,
    options: &OtlpOptions,
    send: SendRequest<'_>,
) -> Result<PushedSpans> {
    let mut visitor = SpanVisitor::new(recording, run, options, send)?;
    walk(recording, run, &WalkFilter::default(), &mut visitor)?;
    visitor.finish()
}

/// Sends each activation that has ended.
struct SpanVisitor<'r, 's> {
    recording: &'r Recording,
    run: &'r Run,
    options: &'r OtlpOptions,
    send: SendRequest<'s>,
    encoder: SpanEncoder,
    traces: SpanTraces,
    exemplars: KindExemplars,
    spans: RequestItems<Span>,
    events: RequestItems<LogRecord>,
    pushed: PushedSpans,
}

impl<'r, 's> SpanVisitor<'r, 's> {
    fn new(
        recording: &'r Recording,
        run: &'r Run,
        options: &'r OtlpOptions,
        send: SendRequest<'s>,
    ) -> Result<Self> {
        let resource = RunResource::new(&run.row);
        Ok(Self {
            recording,
            run,
            options,
            send,
            encoder: encoder(recording, run, options)?,
            traces: SpanTraces::new(RunIds::new(&run.row.uuid)),
            exemplars: KindExemplars::default(),
            spans: RequestItems::new(&resource),
            events: RequestItems::new(&resource),
            pushed: PushedSpans::default(),
        })
    }

    fn cost(&self, activation: &PricedActivation, cost: &EntryCost) -> Result<SpanCost> {
        let own = SpanCost {
            energy_j: cost.inclusive_j,
            self_j: cost.self_j,
            ..SpanCost::default()
        };
        if !has_interval(self.encoder.role(activation.row.node)) {
            return Ok(own);
        }
        let interval = interval_energy(self.recording, self.run, &activation.row)?;
        Ok(SpanCost {
            interval_j: interval.energy_j,
            interval: interval.lo_j.zip(interval.hi_j),
            ..own
        })
    }

    fn add(&mut self, activation: &PricedActivation, cost: &SpanCost) -> Result<()> {
        let (row, end_ns) = (&activation.row, activation.end_ns);
        let place = self.traces.end(row);
        if let Some((kind, self_j)) = self.encoder.kind(row.node).zip(cost.self_j) {
            let unix_ns = i64::try_from(self.encoder.unix_ns(end_ns)).unwrap_or(i64::MAX);
            self.exemplars.add(kind, self_j, &place, unix_ns);
        }
        let signals = self.options.signals;
        if signals.events
            && let Some(event) = energy_event(&self.encoder, (row, end_ns), cost, &place)
        {
            self.pushed.events += 1;
            self.events.push(&event).map_or(Ok(()), &mut self.send)?;
        }
        if signals.spans {
            let fields = activation.fields.as_deref();
            let span = self.encoder.span((row, end_ns), fields, cost, &place);
            self.pushed.spans += 1;
            self.spans.push(&span).map_or(Ok(()), &mut self.send)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<PushedSpans> {
        self.spans.take().map_or(Ok(()), &mut self.send)?;
        self.events.take().map_or(Ok(()), &mut self.send)?;
        if self.options.signals.metrics {
            let mut totals = [run_totals(self.recording, self.run)?];
            limit_kinds(&mut totals, MAX_KINDS);
            self.exemplars.take(&mut totals[0].kinds);
            let mut metrics = RequestItems::new(&RunResource::new(&self.run.row));
            for metric in run_metrics(&totals[0]) {
                metrics.push(&metric).map_or(Ok(()), &mut self.send)?;
            }
            metrics.take().map_or(Ok(()), &mut self.send)?;
        }
        Ok(self.pushed)
    }
}

impl ActivationVisitor for SpanVisitor<'_, '_> {
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        self.traces.begin(&activation.row);
        if let Some(fields) = &activation.fields {
            self.traces.fields(activation.row.seq, fields);
        }
        Ok(())
    }

    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        if activation.row.end_ns.is_none() && self.run.row.status == RunStatus::Running {
            self.pushed.open += 1;
            return Ok(());
        }
        self.pushed.without_energy += u64::from(cost.inclusive_j.is_none());
        self.pushed.self_j += cost.self_j.unwrap_or(0.0);
        let cost = self.cost(activation, cost)?;
        self.add(activation, &cost)
    }
}

/// Creates the encoder of a run's spans with all names.
fn encoder(recording: &Recording, run: &Run, options: &OtlpOptions) -> Result<SpanEncoder> {
    let store = recording.store();
    let mut encoder = SpanEncoder::new(&run.row, options.fields);
    for row in store.callsites(run.no)?.all()? {
        encoder.callsite(&row);
    }
    let kinds = store.kinds(run.no, |_| 0)?;
    for row in store.nodes(run.no)?.all()? {
        let kind = kinds.kind_of(row.id).and_then(|kind| kinds.get(kind));
        encoder.node(&row, kind.map_or(&row.label, |kind| &kind.name));
    }
    for row in store.threads(run.no)?.all()? {
        encoder.thread(&row);
    }
    let shown = attributions(recording, run)?.into_iter();
    let shown = shown
        .into_iter()
        .find(|one| Some(one.id) == run.attribution);
    encoder.set_source(EnergySource {
        provenance: run.provenance.map(|set| set.to_string()),
        attribution: run.attribution.and_then(|id| u32::try_from(id).ok()),
        basis: shown.map(|one| one.method),
    });
    Ok(encoder)
}
