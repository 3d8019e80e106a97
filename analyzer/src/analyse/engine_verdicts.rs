//! The verdict between engines for the energies of all tokens, prefill and decode, and for the waiting
//! times: which one needs less, by how much, or "not resolved".

use energy_statistics::best::{BestLevel, FactorLevel, RankedLevel, best_level};
use energy_statistics::compare::{ComparisonOptions, RunSample};

use super::analysis::PerToken;
use super::finding::NamedEstimate;
use super::series::{CONFIDENCE, FactorSeries, sample};
use super::words::{list_of, per_token, signed_percent};
use crate::format::{percent, time_span};
use crate::query::{ConfigurationKey, RunFacts};

/// A figure that engines are compared in.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnginePhase {
    name: &'static str,
    figure: EngineFigure,
}

#[derive(Debug, Clone, Copy)]
enum EngineFigure {
    Energy(PerToken),
    FirstToken,
    FurtherToken,
}

impl EngineFigure {
    fn of(self, run: &RunFacts) -> Option<f64> {
        let ns = match self {
            Self::Energy(per) => return per.of(run),
            Self::FirstToken => run.results.ttft_ns,
            Self::FurtherToken => run.results.tpot_ns,
        };
        ns.filter(|ns| ns.is_finite() && *ns > 0.0)
    }

    fn text(self, mean: f64) -> String {
        match self {
            Self::Energy(per) => per_token(mean, per.label()),
            Self::FirstToken | Self::FurtherToken => time_span(Some(mean.round() as i64)),
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Energy(_) => "uses",
            Self::FirstToken | Self::FurtherToken => "takes",
        }
    }
}

/// The verdict for one part of the work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PhaseVerdict {
    /// The verdict in a sentence.
    pub(super) sentence: String,
    /// Energies of the other engines over that of the best one.
    pub(super) ratios: Vec<NamedEstimate>,
}

impl EnginePhase {
    /// Energies of all tokens, prefill and decode; times to the first and of further tokens.
    pub(super) const ALL: [Self; 5] = [
        Self {
            name: "all",
            figure: EngineFigure::Energy(PerToken::Token),
        },
        Self {
            name: "prefill",
            figure: EngineFigure::Energy(PerToken::InputToken),
        },
        Self {
            name: "decode",
            figure: EngineFigure::Energy(PerToken::OutputToken),
        },
        Self {
            name: "TTFT",
            figure: EngineFigure::FirstToken,
        },
        Self {
            name: "TPOT",
            figure: EngineFigure::FurtherToken,
        },
    ];

    /// Returns whether a run has the figure: waiting times are unknown for many programs.
    pub(super) fn is_known(self, series: &FactorSeries<'_>) -> bool {
        let mut runs = series.levels.iter().flat_map(|level| level.runs());
        matches!(self.figure, EngineFigure::Energy(_))
            || runs.any(|run| self.figure.of(run).is_some())
    }

    /// Compares the levels of a series in this part. Levels with a run in which it is unknown are
    /// named and left out.
    pub(super) fn verdict(self, series: &FactorSeries<'_>) -> PhaseVerdict {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for level in &series.levels {
            let of = |run| sample(run, self.figure.of(run)?);
            let samples: Vec<RunSample> = level.runs().filter_map(of).collect();
            match samples.is_empty() || samples.len() < level.runs().count() {
                true => unknown.push(level.name.clone()),
                false => known.push(FactorLevel {
                    name: level.name.clone(),
                    number: None,
                    samples,
                }),
            }
        }
        let options = ComparisonOptions {
            confidence: CONFIDENCE,
            ..ComparisonOptions::default()
        };
        let (mut sentence, ratios) = match best_level(&known, &options) {
            Err(reason) => (format!("not estimable: {reason}"), Vec::new()),
            Ok(best) => (self.words(&best), self.ratios(&best)),
        };
        if !unknown.is_empty() {
            sentence += &format!("; unknown for {}", list_of(&unknown));
        }
        PhaseVerdict {
            sentence: format!("{}: {sentence}.", self.name),
            ratios,
        }
    }

    fn words(self, best: &BestLevel) -> String {
        let least = &best.levels[best.best];
        let (open, worse): (Vec<&RankedLevel>, Vec<&RankedLevel>) = best
            .levels
            .iter()
            .filter(|level| level.comparison.is_some())
            .partition(|level| level.is_in_set);
        let mut parts = Vec::new();
        if !worse.is_empty() {
            let savings: Vec<String> = worse.iter().map(|level| saving(level)).collect();
            parts.push(format!(
                "{} ({}) {} {}",
                least.name,
                self.figure.text(least.mean),
                self.figure.verb(),
                savings.join(" and "),
            ));
        }
        parts.extend(open.iter().map(|level| not_resolved(level, least)));
        parts.join("; ")
    }

    fn ratios(self, best: &BestLevel) -> Vec<NamedEstimate> {
        let least = &best.levels[best.best].name;
        let ratio = |level: &RankedLevel| {
            let comparison = level.comparison.as_ref()?;
            Some(NamedEstimate {
                name: format!("{}: {} / {least}", self.name, level.name),
                value: comparison.ratio?,
                lo: comparison.lo,
                hi: comparison.hi,
                confidence: comparison.lo.map(|_| comparison.confidence),
                unit: String::new(),
            })
        };
        best.levels.iter().filter_map(ratio).collect()
    }
}

/// Returns how much less the best level uses than a worse one, in words.
fn saving(worse: &RankedLevel) -> String {
    let comparison = worse.comparison.as_ref();
    let less = |ratio: f64| percent(Some(1.0 - 1.0 / ratio));
    let ratio = comparison.and_then(|one| one.ratio);
    let ends = comparison.and_then(|one| one.lo.zip(one.hi));
    let ends = ends.map(|(lo, hi)| format!(" [{}, {}]", less(lo), less(hi)));
    format!(
        "{}{} less than {}",
        ratio.map_or_else(|| "?".to_owned(), less),
        ends.unwrap_or_default(),
        worse.name
    )
}

/// Returns that the difference between two levels is not resolved, with its interval.
fn not_resolved(other: &RankedLevel, least: &RankedLevel) -> String {
    let comparison = other.comparison.as_ref();
    let more = |ratio: f64| signed_percent(ratio - 1.0);
    let ratio = comparison.and_then(|one| one.ratio).map(more);
    let ends = comparison.and_then(|one| one.lo.zip(one.hi));
    let ends = match ends {
        Some((lo, hi)) => format!(" [{}, {}]", more(lo), more(hi)),
        None => ", no interval of a single run".to_owned(),
    };
    let few = comparison.and_then(|one| one.reason);
    let few = few.map(|reason| format!(" ({})", reason.words()));
    format!(
        "not resolved: {} {}{ends} against {}{}",
        other.name,
        ratio.unwrap_or_else(|| "?".to_owned()),
        least.name,
        few.unwrap_or_default()
    )
}

/// A setting by name.
type Setting = (&'static str, fn(&ConfigurationKey) -> Option<String>);

/// Settings that change the work or its energy, and should be equal in a comparison of engines.
const SETTINGS: [Setting; 5] = [
    ("device", |key| key.device.clone()),
    ("threads", |key| {
        key.threads.map(|threads| threads.to_string())
    }),
    ("prompt form", |key| key.prompt_form.clone()),
    ("sampling", |key| key.sampling.clone()),
    ("attribution", |key| key.attribution.clone()),
];

/// Returns a sentence about settings with different known values; empty if there are none.
pub(super) fn different_settings(series: &FactorSeries<'_>) -> String {
    let keys = || {
        let all = series.levels.iter().flat_map(|level| &level.configurations);
        all.map(|one| &one.key)
    };
    let differs = |of: fn(&ConfigurationKey) -> Option<String>| {
        let mut values: Vec<String> = keys().filter_map(of).collect();
        values.sort();
        values.dedup();
        values.len() > 1
    };
    let names = SETTINGS.iter().filter(|(_, of)| differs(*of));
    let names: Vec<String> = names.map(|(name, _)| (*name).to_owned()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" Engines also differ in {}.", list_of(&names)),
    }
}
