//! All charts of one run. Reads only tables of totals, nodes, windows and a few spans, never
//! all spans.

use serde::Serialize;

use super::accounts::{RailAccounts, accounts};
use super::flows::{Flows, flows};
use super::matrix::{Matrix, matrix};
use super::name::name;
use super::part::NodePlaces;
use super::phases::{PhaseBar, phase_bars};
use super::series::{TokenSeries, series};
use super::timeline::{PowerTimeline, TimelineInput, timeline};
use super::tree::{TreeChart, tree};
use crate::error::Result;
use crate::query::{self, NodeLedger, Recording, Run};
use crate::summary::Summary;

/// Maximum number of phases to read the times of.
pub(super) const PHASES: usize = 1000;
/// Maximum number of root span names with a colour.
const HEADS: usize = 60;

/// Data of a run's charts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunCharts {
    /// The run's name.
    pub title: String,
    /// Its id.
    pub id: String,
    /// `measured`, `modelled, not measured`, ...
    pub provenance: String,
    /// Accounts of rails.
    pub accounts: Vec<RailAccounts>,
    /// Phases, with the time between them last; empty if no span has the role `phase`.
    pub phases: Vec<PhaseBar>,
    /// Names with a colour: those of phases, or of root spans if there are no phases.
    pub heads: Vec<String>,
    /// What `heads` contains: `phases` or `root spans`.
    pub heads_are: &'static str,
    /// Power over time.
    pub timeline: Option<PowerTimeline>,
    /// Layers by components.
    pub matrix: Option<Matrix>,
    /// Tokens.
    pub tokens: Option<TokenSeries>,
    /// The calling-context tree.
    pub tree: Option<TreeChart>,
    /// From rails to operations.
    pub flows: Option<Flows>,
}

impl RunCharts {
    /// Reads the charts of a run from its summary and its whole ledger.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn read(recording: &Recording, summary: &Summary, ledger: &NodeLedger) -> Result<Self> {
        let run = &summary.run;
        let places = NodePlaces::new(ledger);
        let spans = query::phase_spans(recording, run, ledger, PHASES)?;
        let tokens = query::tokens(recording, run, ledger, None)?;
        let idle_w = query::idle_powers(recording, run)?;
        let accounts = accounts(&summary.balance, &summary.efficiency.rails, &idle_w);
        let timeline = timeline(&TimelineInput {
            recording,
            run,
            ledger,
            balance: &summary.balance,
            accounts: &accounts,
            attribution: summary.attribution.as_ref(),
            phases: &spans,
            part: None,
        })?;
        Ok(Self {
            title: name(&run.title()),
            id: name(&run.row.uuid),
            provenance: name(provenance(run)),
            phases: phase_bars(&summary.phases, ledger, &spans, spans.len() < PHASES),
            heads: heads(summary),
            heads_are: match summary.phases.is_empty() {
                true => "root spans",
                false => "phases",
            },
            timeline,
            matrix: matrix(ledger, &places),
            tokens: series(&tokens),
            tree: tree(ledger, &places),
            flows: flows(recording, run, &summary.balance, &places)?,
            accounts,
        })
    }
}

fn heads(summary: &Summary) -> Vec<String> {
    let phases = summary.phases.iter().map(|phase| &phase.phase);
    let names = phases.chain(summary.roots.iter().map(|root| &root.name));
    names.take(HEADS).map(|text| name(text)).collect()
}

/// Returns the source of a run's energies, for titles.
pub fn provenance(run: &Run) -> &'static str {
    match (run.caveat(), &run.provenance) {
        (Some(caveat), _) => caveat,
        (None, Some(_)) => "measured",
        (None, None) => "without power",
    }
}
