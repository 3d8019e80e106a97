//! Options of a comparison.

use clap::Args;

use super::EnergyDivisor;
use crate::options::{ALLOW_DIFFERENT_HELP, PHASE_HELP, RAIL_HELP, parse_fraction, percent_text};
use energy_statistics::compare::ComparisonOptions;

/// Options of a comparison.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CompareOptions {
    /// The compared energies.
    #[command(flatten)]
    pub energy: ComparedEnergy,
    /// Compare only this phase.
    #[arg(long, value_name = "PHASE", help = PHASE_HELP)]
    pub phase: Option<String>,
    /// Smallest difference that counts as one
    #[arg(long, value_name = "PERCENT", value_parser = parse_fraction,
          default_value = percent_text(Self::default().min_effect))]
    pub min_effect: f64,
    /// Confidence level of intervals: 0.95.
    #[arg(skip = Self::default().confidence)]
    pub confidence: f64,
    /// Compare kinds by the method `fitted`, independent of the recorded attribution, if it has
    /// sufficient weight in every run; else by time.
    #[arg(skip)]
    pub estimate: bool,
}

/// The energy of a run that is compared, and its assumed scatter.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ComparedEnergy {
    /// Unit that energy is divided by [default: token if all runs have token counts, else run]
    #[arg(long, value_name = "UNIT", value_enum)]
    pub per: Option<EnergyDivisor>,
    /// Compare only this rail, instead of the sum of root rails.
    #[arg(long, value_name = "RAIL", help = RAIL_HELP)]
    pub rail: Option<String>,
    /// Assumed standard deviation between sessions
    #[arg(long, value_name = "PERCENT", value_parser = parse_fraction,
          default_value = percent_text(Self::default().session_sd))]
    pub session_sd: f64,
    /// Compare runs with different configurations.
    #[arg(long, help = ALLOW_DIFFERENT_HELP)]
    pub allow_different: bool,
}

impl Default for CompareOptions {
    fn default() -> Self {
        let ComparisonOptions {
            confidence,
            min_effect,
            ..
        } = ComparisonOptions::default();
        Self {
            energy: ComparedEnergy::default(),
            phase: None,
            min_effect,
            confidence,
            estimate: false,
        }
    }
}

impl Default for ComparedEnergy {
    fn default() -> Self {
        Self {
            per: None,
            rail: None,
            session_sd: ComparisonOptions::default().session_sd,
            allow_different: false,
        }
    }
}

impl CompareOptions {
    /// Returns the statistical options.
    pub fn stats(&self) -> ComparisonOptions {
        ComparisonOptions {
            confidence: self.confidence,
            min_effect: self.min_effect,
            session_sd: self.energy.session_sd,
            ..ComparisonOptions::default()
        }
    }
}
