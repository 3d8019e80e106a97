//! Data of a summary.

use clap::Args;
use energy_data::BasisSet;

use super::kinds::KindTable;
use crate::efficiency::{Efficiency, Rates};
use crate::error::Result;
use crate::format::energy;
use crate::plausibility;
use crate::query::{
    self, Attribution, Balance, Condition, Latency, NodeGroup, NodeLedger, Phase, RecordedMeans,
    Recording, Run, StoredEvent, Totals,
};
use crate::views::ViewScope;

/// Number of nodes in the list of the hottest.
pub const HOTTEST: usize = 10;
/// Number of phases without energy that are named.
const MISSING: usize = 6;

/// Options of a summary.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct SummaryOptions {
    /// Part of the run. A basis filters nodes, kinds, layers and components, but not totals
    /// and phases.
    #[command(flatten)]
    pub scope: ViewScope,
    /// Price and emission factor of energy.
    #[command(flatten)]
    pub rates: Rates,
}

/// Summary of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The run.
    pub run: Run,
    /// The selected part.
    pub scope: ViewScope,
    /// The shown attribution.
    pub attribution: Option<Attribution>,
    /// Id of the newest attribution, which is shown by default.
    pub newest: Option<i64>,
    /// Names of the power sources.
    pub sources: Vec<String>,
    /// Totals of the measured work.
    pub totals: Totals,
    /// Number of tokens that decode has recorded in the whole run; `None` without any.
    pub recorded_tokens: Option<i64>,
    /// Means over these tokens, if the run did not report how many it generated.
    pub recorded_means: RecordedMeans,
    /// Waiting times of requests; unknown for a single phase.
    pub latency: Latency,
    /// Efficiency, cost and emissions.
    pub efficiency: Efficiency,
    /// Accounts of each rail over the whole run.
    pub balance: Vec<Balance>,
    /// Phases, `(between)` last; empty if no span has the role `phase`.
    pub phases: Vec<Phase>,
    /// Root spans by name, if there are no phases.
    pub roots: Vec<NodeGroup>,
    /// Nodes with the highest ledger energy.
    pub hottest: Vec<HotNode>,
    /// Kinds of spans and groups of kinds.
    pub kinds: KindTable,
    /// Layers, in order.
    pub layers: Vec<NodeGroup>,
    /// Components, highest energy first.
    pub components: Vec<NodeGroup>,
    /// Conditions at the start and end.
    pub conditions: Vec<Condition>,
    /// Share of the run's time covered by samples of every root rail.
    pub coverage: Option<f64>,
    /// Time up to which totals are known, of a run that is being recorded.
    pub totals_until_ns: Option<i64>,
    /// Losses, gaps, warnings.
    pub events: Vec<StoredEvent>,
}

/// One of the hottest nodes.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct HotNode {
    /// Labels from the root down, joined by ` > `.
    pub node: String,
    /// Ledger energy in the sampled part of its time: self energy plus idle share.
    pub energy_j: f64,
    /// Estimate for its time without samples, not part of `energy_j`.
    pub extrapolated_j: f64,
    /// Share of its self time covered by samples.
    pub coverage: Option<f64>,
    /// Lower end of its 90 % interval; the idle share is treated as exact.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Bases of its self energy, joined by `+` if rails differ.
    pub basis: Option<BasisSet>,
    /// Share of the energy of all nodes.
    pub share: Option<f64>,
    /// Number of spans; `None` if only totals were kept.
    pub instances: Option<i64>,
    /// Number of entries into its spans.
    pub activations: i64,
    /// Self time, summed over threads.
    pub self_ns: i64,
}

impl Summary {
    /// Reads the summary of a run, or of a part of it.
    ///
    /// # Errors
    /// If the file cannot be read, or the run has no such rail or phase.
    pub fn read(recording: &Recording, run: Run, options: &SummaryOptions) -> Result<Self> {
        let events = events(recording, &run)?;
        Ok(Self {
            events,
            ..Self::read_unchecked(recording, run, options)?
        })
    }

    /// Reads the summary without events and implausible numbers: their check reads all spans.
    ///
    /// # Errors
    /// See [`Summary::read`].
    pub fn read_unchecked(
        recording: &Recording,
        run: Run,
        options: &SummaryOptions,
    ) -> Result<Self> {
        let scope = options.scope.clone();
        let rail = scope.rail.as_deref();
        let ledger = query::ledger(recording, &run, rail)?.within(scope.phase.as_deref())?;
        let times = phases(recording, &run, &scope)?;
        let totals = totals(recording, &run, &scope, &times)?;
        let recorded_tokens = query::recorded_tokens(recording, &run)?;
        let recorded_means = RecordedMeans::of(&run, recorded_tokens, &times);
        let latency = match scope.phase {
            Some(_) => Latency::default(),
            None => query::latency(recording, &run, &times, rail)?,
        };
        let phases = query::named_phases(&times).to_vec();
        let balance = balance(recording, &run, rail)?;
        let powers = query::rail_powers(recording, &run, &balance)?;
        let attributions = query::attributions(recording, &run)?;
        let stored = run.row.metadata.tags.iter();
        let stored = Rates::of_tags(stored.map(|(key, value)| (key, value)));
        let rates = options.rates.or(stored);
        let mut sources: Vec<String> = Vec::new();
        for rail in &balance {
            if !sources.contains(&rail.source) {
                sources.push(rail.source.clone());
            }
        }
        let wanted = |mut groups: Vec<NodeGroup>| {
            groups.retain(|group| scope.wants(group.basis));
            groups
        };
        Ok(Self {
            newest: attributions.last().map(|newest| newest.id),
            attribution: attributions.into_iter().find(|one| one.is_shown),
            sources,
            efficiency: Efficiency::of(&run, &totals, powers, &rates),
            totals,
            latency,
            balance,
            roots: match phases.is_empty() {
                true => wanted(query::roots(&ledger)),
                false => Vec::new(),
            },
            phases,
            hottest: hot(&ledger, &scope, HOTTEST),
            kinds: KindTable::read(recording, &run, &scope)?,
            layers: wanted(query::layers(&ledger)),
            components: wanted(query::components(&ledger)),
            conditions: query::conditions(recording, &run)?,
            recorded_tokens,
            recorded_means,
            events: Vec::new(),
            coverage: query::run_coverage(recording, &run)?,
            totals_until_ns: query::totals_until_ns(recording, &run)?,
            run,
            scope,
        })
    }

    /// Returns whether any energy has an interval.
    pub fn has_intervals(&self) -> bool {
        let known = |hot: &HotNode| hot.lo_j.or(hot.hi_j).is_some();
        self.kinds.has_intervals() || self.hottest.iter().any(known)
    }

    /// Returns the rails with accounts that do not sum to the measured energy, with the
    /// difference.
    pub fn faults(&self) -> Vec<(&Balance, f64)> {
        let fault = |rail| Some((rail, Balance::fault_j(rail)?));
        self.balance.iter().filter_map(fault).collect()
    }
}

/// Returns implausible numbers, then the events of the run.
fn events(recording: &Recording, run: &Run) -> Result<Vec<StoredEvent>> {
    let impossible = |what: String| StoredEvent {
        time_ns: 0,
        kind: "impossible".to_owned(),
        count: 1,
        message: format!("IMPOSSIBLE: {what}. The energies of this run are not reliable."),
    };
    let violations = plausibility::violations(recording, run)?;
    let mut events: Vec<StoredEvent> = violations.into_iter().map(impossible).collect();
    events.extend(query::events(recording, run)?);
    Ok(events)
}

/// Returns notes about the time that totals cover, and about unknown energies.
pub(crate) fn coverage_notes(summary: &Summary) -> Vec<String> {
    let least = [summary.totals.coverage, summary.coverage];
    let least = least.into_iter().flatten().reduce(f64::min);
    let run = query::coverage_note(least);
    let totals = &summary.totals;
    let total = match (&totals.reason, totals.lo_j.zip(totals.hi_j)) {
        (Some(reason), _) => Some(format!("The total is unknown: {reason}.")),
        (None, Some((lo, hi))) if run.is_some() => {
            let [total, lo, hi] = [totals.energy_j, Some(lo), Some(hi)].map(energy);
            Some(format!(
                "The total is {total}, {lo} .. {hi} in 90 % of cases."
            ))
        }
        _ => None,
    };
    let of_phase = |phase: &Phase| {
        let reason = phase.reason.as_ref()?;
        let name = crate::format::shorten(&crate::format::escape(&phase.phase), 40);
        Some(format!("Energy of {name} unknown: {reason}."))
    };
    let phases = summary.phases.iter().filter_map(of_phase).take(MISSING);
    let running = query::running_note(summary.totals_until_ns);
    let of_run = running.into_iter().chain(run);
    of_run.chain(total).chain(phases).collect()
}

/// Reads the phases of the selected part; their shares refer to the whole run.
fn phases(recording: &Recording, run: &Run, scope: &ViewScope) -> Result<Vec<Phase>> {
    let mut phases = query::phases_on(recording, run, scope.rail.as_deref())?;
    if let Some(name) = &scope.phase {
        phases.retain(|phase| phase.phase == *name);
    }
    Ok(phases)
}

/// Reads the totals. For a single phase, values per token are removed because its energy is
/// not that of all tokens.
fn totals(recording: &Recording, run: &Run, scope: &ViewScope, phases: &[Phase]) -> Result<Totals> {
    let mut totals = query::totals(recording, run, phases)?;
    if scope.phase.is_some() {
        (totals.j_per_token, totals.tokens_per_j) = (None, None);
    }
    Ok(totals)
}

fn balance(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Vec<Balance>> {
    let mut balance = query::balance(recording, run)?;
    if rail.is_some() {
        let wanted = query::rails(recording, run, rail)?;
        balance.retain(|rail| wanted.contains(&rail.id));
    }
    Ok(balance)
}

/// Returns the `limit` nodes of a part of a run with the highest ledger energy.
pub(crate) fn hot(ledger: &NodeLedger, scope: &ViewScope, limit: usize) -> Vec<HotNode> {
    let total = ledger.energy_j();
    let hot = |node: &query::Node| {
        let (lo_j, hi_j) = node.interval_j();
        HotNode {
            node: ledger.path(node).join(" > "),
            energy_j: node.energy_j(),
            extrapolated_j: node.whole_j() - node.energy_j(),
            coverage: node.coverage(),
            lo_j,
            hi_j,
            basis: node.basis,
            share: (total > 0.0).then(|| node.energy_j() / total),
            activations: node.activations,
            instances: node.instances,
            self_ns: node.self_ns,
        }
    };
    let mut nodes = ledger.hottest(usize::MAX);
    nodes.retain(|node| scope.wants(node.basis));
    nodes.into_iter().take(limit).map(hot).collect()
}
