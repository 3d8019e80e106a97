//! Options of the statistics of activations and attention.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Set of metrics; docs/models.md lists their definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricSet {
    /// Outputs of components, attention heads, MLPs and norms
    Default,
    /// Other definitions of the same quantities, under other names
    Alternative,
    /// The output of each projection
    Projections,
}

/// What a threshold applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdKind {
    /// `sparsity` and `kill_ratio`
    Activations,
    /// `weight_sparsity` and `masked_weight_sparsity`
    Weights,
    /// `zero_ratio`
    Zero,
}

impl ThresholdKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Activations, Self::Weights, Self::Zero];

    /// Returns the threshold if none is given.
    pub fn default_threshold(self) -> f32 {
        match self {
            Self::Activations | Self::Weights => 0.01,
            Self::Zero => 1e-4,
        }
    }
}

/// Statistics to record.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
pub struct StatisticsOptions {
    /// Record statistics of activation tensors and attention as metrics of their spans: a list
    /// of sets (`default` if it is omitted) [default: not recorded]
    #[arg(long = "stats", value_name = "SETS", value_enum, num_args = 0..=1,
          require_equals = true, value_delimiter = ',', default_missing_value = "default")]
    #[serde(default)]
    pub sets: Vec<MetricSet>,
    /// Threshold below which numbers count as zero, of a kind that docs/models.md describes
    /// (repeatable) [default: activations=0.01, weights=0.01, zero=0.0001]
    #[arg(long = "stats-threshold", value_name = "KIND=X", value_parser = parse_threshold,
          requires = "sets")]
    #[serde(default)]
    pub thresholds: Vec<(ThresholdKind, f32)>,
}

impl StatisticsOptions {
    /// Creates options that record the default set.
    pub fn enabled() -> Self {
        Self::of(vec![MetricSet::Default])
    }

    /// Creates options that record these sets.
    pub fn of(sets: Vec<MetricSet>) -> Self {
        Self {
            sets,
            thresholds: Vec::new(),
        }
    }

    /// Returns whether statistics are recorded.
    pub fn is_enabled(&self) -> bool {
        !self.sets.is_empty()
    }

    /// Returns the threshold of a kind; the last one that was given counts.
    pub fn threshold(&self, kind: ThresholdKind) -> f32 {
        let mut given = self.thresholds.iter().rev();
        let found = given.find(|(of, _)| *of == kind);
        found.map_or_else(|| kind.default_threshold(), |(_, threshold)| *threshold)
    }

    /// Returns the names of the sets.
    pub fn names(&self) -> Vec<String> {
        self.sets.iter().map(super::value_name::name).collect()
    }

    /// Returns the options of the model, `None` if nothing is recorded.
    #[cfg(feature = "inference")]
    pub(super) fn of_model(&self) -> Option<energy_models::Statistics> {
        let has = |set| self.sets.contains(&set);
        self.is_enabled().then(|| energy_models::Statistics {
            sets: energy_models::MetricSets {
                default: has(MetricSet::Default),
                alternative: has(MetricSet::Alternative),
                projections: has(MetricSet::Projections),
            },
            activation_threshold: self.threshold(ThresholdKind::Activations),
            weight_threshold: self.threshold(ThresholdKind::Weights),
            zero_threshold: self.threshold(ThresholdKind::Zero),
        })
    }
}

/// Parses a threshold.
///
/// # Errors
/// If the kind is unknown, or the number is negative or not finite.
fn parse_threshold(text: &str) -> Result<(ThresholdKind, f32), String> {
    let (kind, number) = text
        .split_once('=')
        .ok_or("use KIND=X, e.g. activations=0.05")?;
    let kind = ThresholdKind::from_str(kind.trim(), false)
        .map_err(|_| format!("{kind} is not a kind; use activations, weights or zero"))?;
    let number: f32 = number
        .trim()
        .parse()
        .map_err(|_| format!("{number} is not a number"))?;
    match number.is_finite() && number >= 0.0 {
        true => Ok((kind, number)),
        false => Err(format!("{number} is not a threshold; use a number from 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_parsed_and_the_last_counts() {
        let thresholds = ["zero=1e-3", "zero=0.5"].map(|text| parse_threshold(text).unwrap());
        let options = StatisticsOptions {
            thresholds: thresholds.to_vec(),
            ..StatisticsOptions::enabled()
        };
        assert_eq!(options.threshold(ThresholdKind::Zero), 0.5);
        assert_eq!(options.threshold(ThresholdKind::Weights), 0.01);
        for wrong in ["0.05", "zero", "all=1", "zero=-1", "zero=nan", "zero="] {
            assert!(parse_threshold(wrong).is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "inference")]
    #[test]
    fn defaults_are_those_of_the_model() {
        let of_model = StatisticsOptions::enabled().of_model();
        assert_eq!(of_model, Some(energy_models::Statistics::default()));
        assert_eq!(StatisticsOptions::default().of_model(), None);
    }
}
