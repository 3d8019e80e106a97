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
mod kinds;
mod pareto;
mod parts;
mod relative;
mod renamed;
mod rows;
mod sides;
pub mod stats;

use stats::{Comparison, Options, Sample, compare_all};

use crate::error::Result;
use crate::query::Recording;

pub use differences::{Difference, Power};
pub use figures::{Figures, Per};
pub use kinds::{KindOf, Kinds};
pub use parts::Part;
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
    /// Whether each side is on the front of tokens/s against energy; none where a
    /// side's speed is not known.
    pub on_front: Option<Vec<bool>>,
    /// In what the runs were not made alike.
    pub differences: Vec<Difference>,
    /// How the runs' power came to be.
    pub power: Power,
    options: CompareOptions,
}

impl Compared {
    /// Compares the first side with each other.
    ///
    /// # Errors
    /// When the file cannot be read, runs hold no energy of that rail or phase, or they
    /// were not made alike.
    pub fn read(recording: &Recording, sides: Vec<Side>, options: &CompareOptions) -> Result<Self> {
        let settings = differences::settings(recording, &sides)?;
        let power = differences::power(&sides)?;
        let differences = differences::differences(&sides, &settings);
        if !options.allow_different && !differences.is_empty() {
            return Err(differences::refusal(&differences));
        }
        let per = figures::per(&sides, options)?;
        let figures = figures::read(recording, &sides, per, options)?;
        let samples: Vec<Vec<Sample>> = figures.iter().map(|side| totals(side)).collect();
        let kinds = match differences::kinds_apart(&sides, &settings) {
            Some(why) if !options.allow_different => Kinds::left_out(why),
            _ => Kinds::compare(&figures, &options.stats),
        };
        Ok(Self {
            totals: match samples.split_first() {
                Some((base, others)) => compare_all(base, others, &options.stats),
                None => Vec::new(),
            },
            phases: parts::phases(&figures, &options.stats),
            kinds,
            on_front: pareto::on_front(&figures),
            options: options.clone(),
            sides,
            figures,
            per,
            differences,
            power,
        })
    }
}

fn totals(side: &[Figures]) -> Vec<Sample> {
    side.iter().map(|run| run.sample(run.energy_j)).collect()
}
