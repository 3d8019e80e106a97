//! Energy per token by engine: of all tokens, of prefill and of decode.
//!
//! ```text
//! series: one model, prompt, batch, machine
//!   level: engine and precision; where device, threads or other settings differ within one, each
//!          configuration is a level of its own: a mean of CPU and GPU runs describes neither
//! ```

use std::collections::BTreeSet;

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::answer_lengths::different_lengths;
use super::engine_verdicts::{EnginePhase, PhaseVerdict, different_settings};
use super::finding::FindingVerdict;
use super::levels::best_levels;
use super::series::{CONFIDENCE, FactorSeries, SeriesFactor, SeriesLevel, series};
use super::series_name::{names_of, precision_name};
use crate::format::percent;
use crate::query::{ConfigurationKey, RunConfiguration};

/// Which engine needs the least energy per token?
pub(super) const ENGINES: Analysis = Analysis {
    name: "engines",
    question: "Which engine needs the least energy per token?",
    varied: "engines with one model",
    remedy: "energy sweep --engine candle,http --prompt-tokens 128 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let mut all = series(configurations, &FACTOR);
        all.retain(has_several_engines);
        let all: Vec<FactorSeries<'_>> = all.into_iter().map(separated).collect();
        let mut result: AnalysisResult = best_levels(&all, per, "engine");
        for (finding, series) in result.findings.iter_mut().zip(&all) {
            if finding.verdict == FindingVerdict::NotEstimable {
                continue;
            }
            let known = EnginePhase::ALL
                .iter()
                .filter(|phase| phase.is_known(series));
            let phases: Vec<PhaseVerdict> = known.map(|phase| phase.verdict(series)).collect();
            let sentences = phases.iter().map(|phase| phase.sentence.as_str());
            finding.answer = sentences.collect::<Vec<&str>>().join(" ");
            finding.answer += &format!(" Intervals: {}.", percent(Some(CONFIDENCE)));
            finding.answer += &different_settings(series);
            finding.answer += &different_lengths(series);
            let ratios = phases.into_iter().flat_map(|phase| phase.ratios);
            finding.estimates.extend(ratios);
        }
        result
    },
};

/// What differs between engines by nature, or is only known for some. Levels still differ in it.
const FACTOR: SeriesFactor = SeriesFactor {
    clear: |key| {
        key.engine = None;
        key.depth = None;
        key.statistics = None;
        key.cache = None;
        key.program = None;
        key.device = None;
        key.threads = None;
        key.requantize = None;
        key.precision = None;
        key.prompt_form = None;
        key.sampling = None;
        key.attribution = None;
        // Engines that report their file's checksum, and those that do not, share the name.
        key.model_sha256 = None;
    },
    level: |one| {
        let engine = one.key.engine.clone()?;
        let name = match &one.key.precision {
            Some(precision) => format!("{engine} {}", precision_name(precision)),
            None => engine,
        };
        Some((name, None))
    },
};

fn has_several_engines(series: &FactorSeries<'_>) -> bool {
    let members = series.levels.iter().flat_map(|level| &level.configurations);
    let engines: BTreeSet<_> = members.map(|one| &one.key.engine).collect();
    engines.len() > 1
}

/// Makes each configuration of a level a level of its own, with the settings in which they differ
/// as a part of its name.
fn separated(series: FactorSeries<'_>) -> FactorSeries<'_> {
    let levels = series.levels.into_iter().flat_map(|level| {
        let members: &[&RunConfiguration] = &level.configurations;
        if members.len() < 2 {
            return vec![level];
        }
        let keys: Vec<ConfigurationKey> = members.iter().map(|one| one.key.clone()).collect();
        let own = names_of(&keys).into_iter().zip(members);
        own.map(|(name, one)| SeriesLevel {
            name: format!("{} ({})", level.name, name.replace(", ", " ")),
            number: None,
            configurations: vec![one],
        })
        .collect()
    });
    FactorSeries {
        levels: levels.collect(),
        name: series.name,
    }
}
