//! Everything that the page shows of one run. Reads only tables of totals, nodes, windows and a
//! few spans, never all spans.

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

/// Maximum number of phases whose times are read.
const PHASES: usize = 1000;
/// Maximum number of root span names with a colour.
const HEADS: usize = 60;

/// One run with all data of its page.
#[derive(Debug)]
pub(super) struct Drawn {
    /// Its selector and the number of selected runs, if there are several.
    pub(super) group: Option<(String, usize)>,
    pub(super) summary: Summary,
    pub(super) interval: RunInterval,
    pub(super) ledger: Ledger,
    pub(super) data: Data,
}

/// Data of its charts.
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
    /// Phases, with the time between them last; empty if no span has the role `phase`.
    pub(super) phases: Vec<PhaseBar>,
    /// Names with a colour: those of phases, or of root spans if there are no phases.
    pub(super) heads: Vec<String>,
    /// What `heads` contains: `phases` or `root spans`.
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
    /// Reads a run; `group` is its selector and the number of selected runs, if there are
    /// several.
    pub(super) fn read(
        recording: &Recording,
        run: Run,
        group: Option<(String, usize)>,
    ) -> Result<Self> {
        let summary = Summary::read(recording, run, &SummaryOptions::default())?;
        let run = &summary.run;
        let ledger = query::ledger(recording, run, None)?;
        let places = Places::new(&ledger);
        let spans = query::phase_spans(recording, run, &ledger, PHASES)?;
        let tokens = query::tokens(recording, run, &ledger, None)?;
        let idle_w = query::idle_powers(recording, run)?;
        let accounts = accounts(&summary.balance, &summary.efficiency.rails, &idle_w);
        let timeline = timeline(&timeline::TimelineInput {
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

    /// Returns the source of its energies, for titles.
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
