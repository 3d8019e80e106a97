//! The comparison of several runs or groups: what `energy compare` says of them, and
//! nothing that it refuses to say.

use serde::Serialize;
use serde_json::{Value, json};

use super::ReportOptions;
use super::markup::{chart, paragraph, section};
use super::name::name;
use crate::compare::stats::Comparison;
use crate::compare::{CompareOptions, Compared, Part, Power, sides};
use crate::error::Result;
use crate::format::{Column, Sheet};
use crate::query::{self, Recording, Selection};

/// Kinds that are drawn.
const KINDS: usize = 20;

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Across {
    pub(super) data: Data,
    html: String,
    /// Why nothing is compared.
    pub(super) refused: Option<String>,
}

/// What its charts are drawn from; empty where runs cannot be compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Data {
    /// `J`, `J/token`.
    pub(super) unit: String,
    /// How the power of all runs came to be.
    pub(super) power: Option<Power>,
    /// Sides in order, base first.
    pub(super) sides: Vec<Side>,
    /// Ratios to base: in all, phases, kinds.
    pub(super) ratios: Vec<Ratio>,
    /// Phases of each side.
    pub(super) phases: Vec<PhasePart>,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Side {
    /// `A`, `B`, ...
    pub(super) label: String,
    /// What selected its runs.
    pub(super) name: String,
    /// Its runs.
    pub(super) runs: Vec<Sample>,
}

/// One run of a side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Its name.
    pub(super) run: String,
    /// Its energy, in the unit.
    pub(super) energy_j: Option<f64>,
    /// Lower end of the attribution's interval.
    pub(super) lo_j: Option<f64>,
    /// Upper end.
    pub(super) hi_j: Option<f64>,
}

/// One comparison with base.
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
    /// Lower end of its interval; none with one run on a side.
    pub(super) lo: Option<f64>,
    /// Upper end.
    pub(super) hi: Option<f64>,
    /// How likely so large a difference is between sides that do not differ.
    pub(super) p: Option<f64>,
    /// What it amounts to, in words.
    pub(super) verdict: String,
}

/// A phase of a side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PhasePart {
    /// Its name.
    pub(super) phase: String,
    /// Mean of each side's runs, in the unit; none where it is not known.
    pub(super) energy_j: Vec<Option<f64>>,
}

impl Across {
    /// Compares the selections; none where there is one only. Whatever cannot be compared
    /// is no fault of the page: it is told there.
    pub(super) fn read(
        recording: &Recording,
        selections: &[Selection],
        options: &ReportOptions,
    ) -> Result<Option<Self>> {
        if selections.len() < 2 {
            return Ok(None);
        }
        let selectors: Vec<String> = selections.iter().map(|one| one.name.clone()).collect();
        let options = CompareOptions {
            allow_different: options.allow_different,
            ..CompareOptions::default()
        };
        let compared = sides(recording, &selectors, None).and_then(|(sides, left_out)| {
            Ok((Compared::read(recording, sides, &options)?, left_out))
        });
        Ok(Some(match compared {
            Ok((compared, left_out)) => Self {
                data: data(&compared),
                html: compared.answer(&left_out, None).html(),
                refused: None,
            },
            Err(error) => Self {
                data: Data::default(),
                refused: Some(error.to_string()),
                html: paragraph("caution", &format!("Not compared: {error}."))
                    + &side_by_side(recording, selections)?,
            },
        }))
    }

    /// Its section.
    pub(super) fn section(&self) -> String {
        let (how, charts) = match self.data.sides.is_empty() {
            true => (
                "These runs are not compared; each has its own figures.",
                String::new(),
            ),
            false => (
                "Dots are single runs with their attribution's interval; ratios are to A, with \
                 intervals and a verdict where there are enough runs; below one is less energy.",
                chart("compare", 0, "Runs compared"),
            ),
        };
        section("comparison", "Comparison", how, &(charts + &self.html))
    }
}

/// Runs with their own figures, and no ratio between them.
fn side_by_side(recording: &Recording, selections: &[Selection]) -> Result<String> {
    let mut rows: Vec<Value> = Vec::new();
    for run in selections.iter().flat_map(|one| &one.runs) {
        let totals = query::totals(recording, run, &query::phases(recording, run)?)?;
        rows.push(json!({
            "run": name(&run.title()),
            "energy_j": totals.energy_j,
            "j_per_token": totals.j_per_token,
            "tokens_per_s": totals.tokens_per_s,
            "figures": run.caveat().or(run.provenance.as_ref().map(|_| "measured")),
            "basis": totals.basis,
        }));
    }
    let columns = vec![
        Column::text("run", "run"),
        Column::text("figures", "figures are"),
        Column::energy("energy_j", "energy"),
        Column::energy("j_per_token", "per token"),
        Column::number("tokens_per_s", "tokens/s"),
        Column::text("basis", "basis"),
    ];
    Ok(Sheet::of_values("runs", "Each run by itself", columns, rows).html())
}

fn data(compared: &Compared) -> Data {
    let sides = compared.sides.iter().zip(&compared.figures);
    let sides = sides.map(|(side, figures)| Side {
        label: side.label.to_owned(),
        name: name(&side.name),
        runs: side
            .runs
            .iter()
            .zip(figures)
            .map(|(run, figures)| Sample {
                run: name(&run.title()),
                energy_j: figures.energy_j,
                lo_j: figures.lo_j,
                hi_j: figures.hi_j,
            })
            .collect(),
    });
    let totals = compared.sides.iter().skip(1).zip(&compared.totals);
    let totals = totals.map(|(side, one)| ratio("total", "in all", side.label, one));
    let part =
        |of: &'static str| move |part: &Part| ratio(of, &part.part, part.side, &part.comparison);
    let parts = compared.phases.iter().map(part("phase"));
    let kinds = compared.kinds.parts.iter().take(KINDS).map(part("kind"));
    Data {
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
            // The end of a path tells most.
            "kind" => crate::summary::kinds_name(&[what.to_owned()], 40),
            _ => name(what),
        },
        side: side.to_owned(),
        ratio: one.ratio,
        lo: one.lo,
        hi: one.hi,
        p: one.p,
        verdict: one.said(),
    }
}

/// Means of each side, phase by phase, for bars beside each other.
fn phases(compared: &Compared) -> Vec<PhasePart> {
    let names = crate::compare::phase_names(&compared.figures);
    let mean = |side: &[crate::compare::Figures], wanted: &str| {
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
