//! Do two sets of runs differ, and by how much?
//!
//! ```text
//! selectors -> sides -> differences? -> refused, or
//!              runs  -> figures of each run -> stats -> answer
//! ```
//!
//! [`stats`] decides, from plain numbers: it knows no database. Everything else reads
//! figures of runs for it (only tables of totals and nodes, never spans) and tells what
//! it says.

mod answer;
mod differences;
mod figures;
mod kind_basis;
mod kinds;
mod pareto;
mod parts;
mod relative;
mod renamed;
mod rows;
mod sampled;
mod sides;
pub mod stats;

use stats::{Comparison, Options, Sample, compare_all};

use crate::error::Result;
use crate::query::Recording;
use crate::warn::condition_rows;

pub use differences::{Difference, Power};
pub use figures::{Figures, Per};
pub use kind_basis::{Estimates, KindBasis, KindsBy};
pub use kinds::{KindOf, Kinds};
pub use parts::Part;
pub(crate) use parts::phase_names;
pub use relative::Relative;
pub use sides::{LeftOut, Side, put_first, sides};

/// What is compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CompareOptions {
    /// What energies are divided by; by all tokens where all runs know theirs, else by
    /// nothing.
    pub per: Option<Per>,
    /// This rail only, in place of the sum of root rails.
    pub rail: Option<String>,
    /// This phase only.
    pub phase: Option<String>,
    /// Compare runs that were not made alike.
    pub allow_different: bool,
    /// Compare kinds by the method `fitted`, whatever the runs were recorded by, if it has
    /// enough weight in every run; else by time.
    pub estimate: bool,
    /// How strictly.
    pub stats: Options,
}

/// Sides, and what is said of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The sides, base first.
    pub sides: Vec<Side>,
    /// Figures of each side's runs, in the order of the runs.
    pub figures: Vec<Vec<Figures>>,
    /// What energies are divided by.
    pub per: Per,
    /// Each side but the first against the first.
    pub totals: Vec<Comparison>,
    /// Phases of each side but the first against the first.
    pub phases: Vec<Part>,
    /// Kinds of spans.
    pub kinds: Kinds,
    /// What divides their energies.
    pub kind_basis: KindBasis,
    /// Whether each side is on the front of tokens/s against energy; none where a
    /// side's speed is not known.
    pub on_front: Option<Vec<bool>>,
    /// In what the runs were not made alike.
    pub differences: Vec<Difference>,
    /// How the runs' power came to be.
    pub power: Power,
    /// How much of each side's time samples cover.
    coverages: sampled::Coverages,
    /// Rows of warnings that a run's machine was busy or hot.
    pub(crate) warnings: Vec<serde_json::Value>,
    options: CompareOptions,
}

impl Compared {
    /// Compares the first side with each other.
    ///
    /// # Errors
    /// When the file cannot be read, runs hold no energy of that rail or phase, or they
    /// were not made alike.
    pub fn read(recording: &Recording, sides: Vec<Side>, options: &CompareOptions) -> Result<Self> {
        Self::read_again(recording, sides, options, &mut Estimates::default())
    }

    /// As [`Compared::read`] of runs of which `estimates` may be known from earlier.
    ///
    /// # Errors
    /// As [`Compared::read`].
    pub fn read_again(
        recording: &Recording,
        sides: Vec<Side>,
        options: &CompareOptions,
        estimates: &mut Estimates,
    ) -> Result<Self> {
        let settings = differences::settings(recording, &sides)?;
        let power = differences::power(&sides)?;
        let differences = differences::differences(&sides, &settings);
        if !options.allow_different && !differences.is_empty() {
            return Err(differences::refusal(&differences));
        }
        let per = figures::per(recording, &sides, options)?;
        let kind_basis = KindBasis::choose(recording, &sides, options, estimates)?;
        let figures = figures::read(recording, &sides, per, options, &kind_basis)?;
        let samples: Vec<Vec<Sample>> = figures.iter().map(|side| totals(side)).collect();
        let coverages = sampled::Coverages::of(&figures);
        let at_of = |label: &str| sides.iter().position(|side| side.label == label);
        let mut kinds = match differences::kinds_apart(&sides, &settings, &kind_basis) {
            Some(why) if !options.allow_different => Kinds::left_out(why),
            _ => Kinds::compare(&figures, &options.stats),
        };
        kinds.parts = coverages.judge_parts(kinds.parts, at_of);
        let totals = match samples.split_first() {
            Some((base, others)) => compare_all(base, others, &options.stats),
            None => Vec::new(),
        };
        let totals = totals.into_iter().enumerate();
        Ok(Self {
            totals: totals
                .map(|(at, one)| coverages.judge(at + 1, one))
                .collect(),
            phases: coverages.judge_parts(parts::phases(&figures, &options.stats), at_of),
            kinds,
            kind_basis,
            on_front: pareto::on_front(&figures).filter(|_| coverages.allow_all()),
            coverages,
            options: options.clone(),
            warnings: warnings(recording, &sides)?,
            sides,
            figures,
            per,
            differences,
            power,
        })
    }
}

fn warnings(recording: &Recording, sides: &[Side]) -> Result<Vec<serde_json::Value>> {
    let runs = sides
        .iter()
        .flat_map(|side| side.runs.iter().map(move |run| (side, run)));
    let rows = runs.map(|(side, run)| condition_rows(recording, run, side.label));
    Ok(rows.collect::<Result<Vec<_>>>()?.concat())
}

fn totals(side: &[Figures]) -> Vec<Sample> {
    side.iter().map(|run| run.sample(run.energy_j)).collect()
}
