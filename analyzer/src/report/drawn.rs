//! All that the page tells of one run. Only tables of totals, nodes, windows and of few
//! spans are read, never all spans.

use serde::Serialize;

use super::accounts::{Accounts, accounts};
use super::flows::{Flows, flows};
use super::matrix::{Matrix, matrix};
use super::name::name;
use super::part::Places;
use super::phases::{PhaseBar, phase_bars};
use super::series::{Series, series};
use super::timeline::{self, Timeline, timeline};
use super::tree::{Tree, tree};
use crate::error::Result;
use crate::query::{self, Ledger, Recording, Run, RunInterval};
use crate::summary::{Summary, SummaryOptions};

/// Phases whose times are read.
const PHASES: usize = 1000;
/// Names of root spans that have a colour.
const HEADS: usize = 60;

/// One run.
#[derive(Debug)]
pub(super) struct Drawn {
    /// What it was selected by, where that is a group of several.
    pub(super) group: Option<(String, usize)>,
    pub(super) summary: Summary,
    pub(super) interval: RunInterval,
    pub(super) ledger: Ledger,
    pub(super) data: Data,
}

/// What its charts are drawn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Data {
    /// The run's name.
    pub(super) title: String,
    /// Its id.
    pub(super) id: String,
    /// `measured`, `modelled, not measured`, ...
    pub(super) provenance: String,
    /// Accounts of rails.
    pub(super) accounts: Vec<Accounts>,
    /// Phases, the time between them last; none where no span has the role `phase`.
    pub(super) phases: Vec<PhaseBar>,
    /// Names that have colours: those of phases, or of root spans where there are none.
    pub(super) heads: Vec<String>,
    /// What those are called.
    pub(super) heads_are: &'static str,
    /// Power over time.
    pub(super) timeline: Option<Timeline>,
    /// Layers by components.
    pub(super) matrix: Option<Matrix>,
    /// Tokens.
    pub(super) tokens: Option<Series>,
    /// The calling-context tree.
    pub(super) tree: Option<Tree>,
    /// From rails to operations.
    pub(super) flows: Option<Flows>,
}

impl Drawn {
    /// Reads a run; `group` is what selected it with others, and how many they are.
    pub(super) fn read(
        recording: &Recording,
        run: Run,
        group: Option<(String, usize)>,
    ) -> Result<Self> {
        let summary = Summary::read(recording, run, &SummaryOptions::default())?;
        let run = &summary.run;
        let ledger = query::ledger(recording, run, None)?;
        let places = Places::of(&ledger);
        let spans = query::phase_spans(recording, run, &ledger, PHASES)?;
        let tokens = query::tokens(recording, run, &ledger, None)?;
        let idle_w = query::idle_powers(recording, run)?;
        let accounts = accounts(&summary.balance, &summary.efficiency.rails, &idle_w);
        let timeline = timeline(&timeline::Of {
            recording,
            run,
            ledger: &ledger,
            balance: &summary.balance,
            accounts: &accounts,
            attribution: summary.attribution.as_ref(),
            phases: &spans,
        })?;
        let data = Data {
            title: name(&run.title()),
            id: name(&run.row.uuid),
            provenance: name(provenance(run)),
            phases: phase_bars(&summary.phases, &ledger, &spans, spans.len() < PHASES),
            heads: heads(&summary),
            heads_are: match summary.phases.is_empty() {
                true => "root spans",
                false => "phases",
            },
            timeline,
            matrix: matrix(&ledger, &places),
            tokens: series(&tokens),
            tree: tree(&ledger, &places),
            flows: flows(recording, run, &summary.balance, &places)?,
            accounts,
        };
        Ok(Self {
            group,
            interval: query::run_interval(recording, run, None)?,
            ledger,
            data,
            summary,
        })
    }

    /// How its figures came to be, for titles.
    pub(super) fn provenance(&self) -> &'static str {
        provenance(&self.summary.run)
    }
}

fn heads(summary: &Summary) -> Vec<String> {
    let phases = summary.phases.iter().map(|phase| &phase.phase);
    let names = phases.chain(summary.roots.iter().map(|root| &root.name));
    names.take(HEADS).map(|text| name(text)).collect()
}

fn provenance(run: &Run) -> &'static str {
    match (run.caveat(), &run.provenance) {
        (Some(caveat), _) => caveat,
        (None, Some(_)) => "measured",
        (None, None) => "without power",
    }
}
