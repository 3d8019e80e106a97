//! Comparison of several runs or groups: the result of `energy compare`, or the reason why they
//! are not compared.

use serde::Serialize;
use serde_json::{Value, json};

use super::markup::{chart, paragraph, section};
use super::options::ReportOptions;
use crate::charts::name;
use crate::compare::stats::Comparison;
use crate::compare::{
    CompareOptions, ComparedEnergy, ComparedPart, ComparedSides, PowerOrigin, sides,
};
use crate::error::Result;
use crate::format::{Column, Sheet};
use crate::query::{self, Recording, RunSelection};

/// Maximum number of kinds that are drawn.
const KINDS: usize = 20;

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunComparison {
    pub(super) data: ComparisonData,
    html: String,
    /// Why the runs are not compared.
    pub(super) refused: Option<String>,
}

/// Data of the charts; empty if the runs cannot be compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct ComparisonData {
    /// `J`, `J/token`.
    pub(super) unit: String,
    /// Source of the power of all runs.
    pub(super) power: Option<PowerOrigin>,
    /// Sides in order, base first.
    pub(super) sides: Vec<ReportSide>,
    /// Ratios to base: total, phases, kinds.
    pub(super) ratios: Vec<Ratio>,
    /// Phases of each side.
    pub(super) phases: Vec<PhasePart>,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ReportSide {
    /// `A`, `B`, ...
    pub(super) label: String,
    /// The selector of its runs.
    pub(super) name: String,
    /// Its runs.
    pub(super) runs: Vec<SideRun>,
}

/// One run of a side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SideRun {
    /// Its name.
    pub(super) run: String,
    /// Its energy, in the unit.
    pub(super) energy_j: Option<f64>,
    /// Lower end of the attribution's interval.
    pub(super) lo_j: Option<f64>,
    /// Upper end.
    pub(super) hi_j: Option<f64>,
}

/// Comparison of one quantity with base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Ratio {
    /// `total`, `phase`, `kind`.
    pub(super) of: &'static str,
    /// Name of the phase or kind.
    pub(super) name: String,
    /// Label of the side.
    pub(super) side: String,
    /// Side over base.
    pub(super) ratio: Option<f64>,
    /// Lower end of its interval; `None` with one run on a side.
    pub(super) lo: Option<f64>,
    /// Upper end.
    pub(super) hi: Option<f64>,
    /// Probability of a difference at least as large between equal sides.
    pub(super) p: Option<f64>,
    /// Verdict as text.
    pub(super) verdict: String,
}

/// A phase of a side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PhasePart {
    /// Its name.
    pub(super) phase: String,
    /// Mean of each side's runs, in the unit; `None` if unknown.
    pub(super) energy_j: Vec<Option<f64>>,
}

impl RunComparison {
    /// Compares the selections; returns `None` for a single one. If they cannot be compared,
    /// the page is still written, with the reason.
    pub(super) fn read(
        recording: &Recording,
        selections: &[RunSelection],
        options: &ReportOptions,
    ) -> Result<Option<Self>> {
        if selections.len() < 2 {
            return Ok(None);
        }
        let selectors: Vec<String> = selections.iter().map(|one| one.name.clone()).collect();
        let options = CompareOptions {
            energy: ComparedEnergy {
                allow_different: options.allow_different,
                ..ComparedEnergy::default()
            },
            ..CompareOptions::default()
        };
        let compared = sides(recording, &selectors, None).and_then(|(sides, left_out)| {
            Ok((ComparedSides::read(recording, sides, &options)?, left_out))
        });
        Ok(Some(match compared {
            Ok((compared, left_out)) => Self {
                data: data(&compared),
                html: compared.answer(&left_out, None).html(),
                refused: None,
            },
            Err(error) => Self {
                data: ComparisonData::default(),
                refused: Some(error.to_string()),
                html: paragraph("caution", &format!("Not compared: {error}."))
                    + &run_table(recording, selections)?,
            },
        }))
    }

    /// Returns its HTML section.
    pub(super) fn section(&self) -> String {
        let (how, charts) = match self.data.sides.is_empty() {
            true => (
                "These runs are not compared; the table lists their separate energies.",
                String::new(),
            ),
            false => (
                "Dots are single runs with the interval of their attribution. Ratios are \
                 relative to A (below one is less energy), with \
                 an interval and a verdict if there are enough runs.",
                chart("compare", 0, "Runs compared"),
            ),
        };
        section("comparison", "Comparison", how, &(charts + &self.html))
    }
}

/// Returns a table of runs with their own energies, without ratios.
fn run_table(recording: &Recording, selections: &[RunSelection]) -> Result<String> {
    let mut rows: Vec<Value> = Vec::new();
    for run in selections.iter().flat_map(|one| &one.runs) {
        let totals = query::totals(recording, run, &query::phases(recording, run)?)?;
        rows.push(json!({
            "run": name(&run.title()),
            "energy_j": totals.energy_j,
            "j_per_token": totals.j_per_token,
            "tokens_per_s": totals.tokens_per_s,
            "provenance": run.caveat().or(run.provenance.as_ref().map(|_| "measured")),
            "basis": totals.basis,
        }));
    }
    let columns = vec![
        Column::text("run", "run"),
        Column::text("provenance", "source"),
        Column::energy("energy_j", "energy"),
        Column::energy("j_per_token", "per token"),
        Column::number("tokens_per_s", "tokens/s"),
        Column::text("basis", "basis"),
    ];
    Ok(Sheet::of_values("runs", "Separate runs", columns, rows).html())
}

fn data(compared: &ComparedSides) -> ComparisonData {
    let sides = compared.sides.iter().zip(&compared.figures);
    let sides = sides.map(|(side, figures)| ReportSide {
        label: side.label.to_owned(),
        name: name(&side.name),
        runs: side
            .runs
            .iter()
            .zip(figures)
            .map(|(run, figures)| SideRun {
                run: name(&run.title()),
                energy_j: figures.energy_j,
                lo_j: figures.lo_j,
                hi_j: figures.hi_j,
            })
            .collect(),
    });
    let totals = compared.sides.iter().skip(1).zip(&compared.totals);
    let totals = totals.map(|(side, one)| ratio("total", "total", side.label, one));
    let part = |of: &'static str| {
        move |part: &ComparedPart| ratio(of, &part.part, part.side, &part.comparison)
    };
    let parts = compared.phases.iter().map(part("phase"));
    let kinds = compared.kinds.parts.iter().take(KINDS).map(part("kind"));
    ComparisonData {
        unit: compared.per.unit().to_owned(),
        power: Some(compared.power),
        sides: sides.collect(),
        ratios: totals.chain(parts).chain(kinds).collect(),
        phases: phases(compared),
    }
}

fn ratio(of: &'static str, what: &str, side: &str, one: &Comparison) -> Ratio {
    Ratio {
        of,
        name: match of {
            // The end of a path is the most specific part.
            "kind" => crate::summary::kinds_name(&[what.to_owned()], 40),
            _ => name(what),
        },
        side: side.to_owned(),
        ratio: one.ratio,
        lo: one.lo,
        hi: one.hi,
        p: one.p,
        verdict: one.verdict_text(),
    }
}

/// Returns the means of each side, phase by phase.
fn phases(compared: &ComparedSides) -> Vec<PhasePart> {
    let names = crate::compare::phase_names(&compared.figures);
    let mean = |side: &[crate::compare::RunEnergies], wanted: &str| {
        let of = side.iter().map(|run| {
            let named = run.phases.iter().filter(|phase| phase.phase == wanted);
            query::sum_known(named.map(|phase| phase.energy_j))
        });
        query::sum_known(of).map(|sum| sum / side.len() as f64)
    };
    let part = |wanted: &&str| PhasePart {
        phase: name(wanted),
        energy_j: compared
            .figures
            .iter()
            .map(|side| mean(side, wanted))
            .collect(),
    };
    names.iter().map(part).collect()
}
