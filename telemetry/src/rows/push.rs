//! Sends the spans of a stored run.

use energy_data::rows::RunStatus;
use energy_query::Result;
use energy_query::query::{Recording, Run, attributions};
use energy_query::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, walk};

use super::intervals::{has_interval, interval_energy};
use super::totals::run_totals;
use crate::otlp::{EncodedRequest, EnergySource, OtlpOptions, RunSignals, SpanCost, SpanEncoder};

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
    has_metrics: bool,
    send: SendRequest<'s>,
    signals: RunSignals,
    pushed: PushedSpans,
}

impl<'r, 's> SpanVisitor<'r, 's> {
    fn new(
        recording: &'r Recording,
        run: &'r Run,
        options: &OtlpOptions,
        send: SendRequest<'s>,
    ) -> Result<Self> {
        let mut signals = RunSignals::new(&run.row, options);
        add_names(recording, run, &mut signals.encoder)?;
        Ok(Self {
            recording,
            run,
            has_metrics: options.signals.metrics,
            send,
            signals,
            pushed: PushedSpans::default(),
        })
    }

    fn cost(&self, activation: &PricedActivation, cost: &EntryCost) -> Result<SpanCost> {
        let own = SpanCost {
            energy_j: cost.inclusive_j,
            self_j: cost.self_j,
            ..SpanCost::default()
        };
        if !has_interval(self.signals.encoder.role(activation.row.node)) {
            return Ok(own);
        }
        // An open span of a crashed run lasts until the end of the run.
        let duration_ns = activation.end_ns - activation.row.start_ns;
        let entry = (activation.row.seq, duration_ns);
        let interval = interval_energy(self.recording, self.run, entry)?;
        Ok(SpanCost {
            interval_j: interval.energy_j,
            interval: interval.lo_j.zip(interval.hi_j),
            ..own
        })
    }

    fn finish(mut self) -> Result<PushedSpans> {
        let mut requests = self.signals.flush();
        if self.has_metrics {
            let totals = run_totals(self.recording, self.run)?;
            requests.extend(self.signals.metrics(totals));
        }
        requests.into_iter().try_for_each(&mut self.send)?;
        (self.pushed.spans, self.pushed.events) = self.signals.counts;
        Ok(self.pushed)
    }
}

impl ActivationVisitor for SpanVisitor<'_, '_> {
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        self.signals.traces.begin(&activation.row);
        if let Some(fields) = &activation.fields {
            self.signals.traces.fields(activation.row.seq, fields);
        }
        Ok(())
    }

    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        if activation.row.end_ns.is_none() && self.run.row.status == RunStatus::Running {
            self.pushed.open += 1;
            return Ok(());
        }
        self.pushed.without_energy += u64::from(cost.inclusive_j.is_none());
        let cost = self.cost(activation, cost)?;
        let span = (&activation.row, activation.end_ns);
        let full = self.signals.add(span, activation.fields.as_deref(), &cost);
        full.into_iter().try_for_each(&mut self.send)
    }
}

/// Adds all names of a run to the encoder of its spans.
fn add_names(recording: &Recording, run: &Run, encoder: &mut SpanEncoder) -> Result<()> {
    let store = recording.store();
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
    let mut shown = shown.filter(|one| Some(one.id) == run.attribution);
    encoder.set_source(EnergySource {
        provenance: run.provenance.map(|set| set.to_string()),
        attribution: run.attribution.and_then(|id| u32::try_from(id).ok()),
        basis: shown.next().map(|one| one.method),
    });
    Ok(())
}
