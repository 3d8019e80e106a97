//! Compares sets of runs: do their energies differ, and by how much?
//!
//! ```text
//! selectors -> sides -> configuration differences? -> error, or
//!              runs  -> energies of each run -> stats -> answer
//! ```
//!
//! [`stats`] decides from plain numbers and does not access the database. The other modules
//! read the energies of runs (only from tables of totals and nodes, never spans) and present
//! the result.

mod answer;
mod coverage;
mod differences;
mod divisor;
mod kind_basis;
mod kinds;
mod options;
mod pareto;
mod parts;
mod relative;
mod renamed;
mod rows;
mod run_energies;
mod sides;

use stats::{Comparison, RunSample, compare_all};

use crate::conditions::condition_rows;
use crate::error::Result;
use crate::query::Recording;

pub use energy_statistics::compare as stats;

pub use differences::{Difference, PowerOrigin};
pub use divisor::EnergyDivisor;
pub use kind_basis::{Estimates, KindBasis, KindMethod};
pub use kinds::{ComparedKind, ComparedKinds};
pub use options::{CompareOptions, ComparedEnergy};
pub use parts::ComparedPart;
pub(crate) use parts::phase_names;
pub use relative::Relative;
pub use run_energies::RunEnergies;
pub use sides::{LeftOut, Side, put_first, sides};

/// Result of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedSides {
    /// The sides, base first.
    pub sides: Vec<Side>,
    /// Energies of each side's runs, in the order of the runs.
    pub figures: Vec<Vec<RunEnergies>>,
    /// Divisor of energies.
    pub per: EnergyDivisor,
    /// Comparison of each side but the first with the first.
    pub totals: Vec<Comparison>,
    /// Comparison of phases of each side but the first with the first.
    pub phases: Vec<ComparedPart>,
    /// Kinds of spans.
    pub kinds: ComparedKinds,
    /// Method by which kinds are compared.
    pub kind_basis: KindBasis,
    /// Whether each side is on the Pareto front of tokens/s and energy; `None` if a side's
    /// speed is unknown.
    pub on_front: Option<Vec<bool>>,
    /// Configuration differences between the runs.
    pub differences: Vec<Difference>,
    /// Source of the runs' power.
    pub power: PowerOrigin,
    /// Share of each side's time covered by samples.
    coverages: coverage::Coverages,
    /// Rows of warnings about busy or hot machines.
    pub(crate) warnings: Vec<serde_json::Value>,
    options: CompareOptions,
}

impl ComparedSides {
    /// Compares the first side with each other side.
    ///
    /// # Errors
    /// Fails if the file cannot be read, a run has no energy of the rail or phase, or the
    /// configurations of the runs differ.
    pub fn read(recording: &Recording, sides: Vec<Side>, options: &CompareOptions) -> Result<Self> {
        Self::read_with_estimates(recording, sides, options, &mut Estimates::default())
    }

    /// Compares like [`ComparedSides::read`], with cached `estimates` of runs.
    ///
    /// # Errors
    /// See [`ComparedSides::read`].
    pub fn read_with_estimates(
        recording: &Recording,
        sides: Vec<Side>,
        options: &CompareOptions,
        estimates: &mut Estimates,
    ) -> Result<Self> {
        let stats = options.stats();
        let settings = differences::settings(recording, &sides)?;
        let power = differences::power(&sides)?;
        let differences = differences::differences(&sides, &settings);
        if !options.energy.allow_different {
            differences::refuse(&differences, &sides)?;
        }
        let per = run_energies::per(recording, &sides, options)?;
        let kind_basis = KindBasis::choose(recording, &sides, options, estimates)?;
        let figures = run_energies::read(recording, &sides, per, options, &kind_basis)?;
        let samples: Vec<Vec<RunSample>> = figures.iter().map(|side| totals(side)).collect();
        let coverages = coverage::Coverages::new(&figures);
        let at_of = |label: &str| sides.iter().position(|side| side.label == label);
        let mut kinds = match differences::incomparable_kinds(&sides, &settings, &kind_basis) {
            Some(why) if !options.energy.allow_different => ComparedKinds::not_compared(why),
            _ => ComparedKinds::compare(&figures, &stats),
        };
        kinds.parts = coverages.judge_parts(kinds.parts, at_of);
        let totals = match samples.split_first() {
            Some((base, others)) => compare_all(base, others, &stats),
            None => Vec::new(),
        };
        let totals = totals.into_iter().enumerate();
        Ok(Self {
            totals: totals
                .map(|(at, one)| coverages.judge(at + 1, one))
                .collect(),
            phases: coverages.judge_parts(parts::phases(&figures, &stats), at_of),
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

fn totals(side: &[RunEnergies]) -> Vec<RunSample> {
    side.iter().map(|run| run.sample(run.energy_j)).collect()
}
