//! Groups of models, such as dense ones and mixtures of experts, compared by their energy per active
//! parameter: models of two groups rarely have equal sizes.

use energy_statistics::best::{FactorLevel, best_level};
use energy_statistics::compare::{ComparisonOptions, RunSample};

use super::analysis::{AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::level_words::sentence;
use super::levels;
use super::mean::mean_interval;
use super::models::{SeriesModel, models_of, series_of_models};
use super::series::{CONFIDENCE, FactorSeries, means_of};
use crate::query::{ModelShape, RunConfiguration, RunFacts};

/// Parameters to which energies are scaled.
const SCALE: f64 = 1e9;

/// Compares groups of models. A sample is a model, not a run. `group` names the group of a model.
pub(super) fn compare_groups(
    configurations: &[RunConfiguration],
    per: PerToken,
    thing: &'static str,
    group: fn(&ModelShape) -> Option<String>,
) -> AnalysisResult {
    let all = series_of_models(configurations);
    let findings: Vec<Finding> = all
        .iter()
        .map(|series| finding(series, per, thing, group))
        .collect();
    let mut plot = levels::plot(&findings, per, thing);
    plot.title = format!("{} per billion active parameters, by {thing}", per.label());
    plot.y.label = format!("{} per billion active parameters", per.label());
    AnalysisResult {
        findings,
        plots: vec![plot],
    }
}

fn finding(
    series: &FactorSeries<'_>,
    per: PerToken,
    thing: &str,
    group: fn(&ModelShape) -> Option<String>,
) -> Finding {
    let mut groups: Vec<(String, Vec<SeriesModel<'_>>)> = Vec::new();
    for model in models_of(series) {
        let first = model
            .level
            .configurations
            .first()
            .and_then(|one| one.first());
        let Some(name) = first.and_then(|run| group(&run.shape)) else {
            continue;
        };
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, models)) => models.push(model),
            None => groups.push((name, vec![model])),
        }
    }
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    let mut rows: Vec<FindingRow> = groups.iter().map(|one| row(one, per)).collect();
    let of_groups: Vec<FactorLevel> = groups
        .iter()
        .map(|(name, models)| FactorLevel {
            name: name.clone(),
            number: None,
            samples: models
                .iter()
                .filter_map(|model| sample(model, per))
                .collect(),
        })
        .collect();
    let options = ComparisonOptions {
        confidence: CONFIDENCE,
        ..ComparisonOptions::default()
    };
    match best_level(&of_groups, &options) {
        Err(reason) => Finding::not_estimable(&series.name, reason, rows),
        Ok(best) => {
            levels::compare_rows(&mut rows, &best);
            let words = sentence(&best, per, thing);
            Finding {
                series: series.name.clone(),
                verdict: match best.is_certain {
                    true => FindingVerdict::Found,
                    false => FindingVerdict::Undecided,
                },
                answer: format!(
                    "{} Per billion active parameters; a sample is a model.",
                    capitalised(&words)
                ),
                reason: None,
                estimates: vec![NamedEstimate::number(
                    "energy per billion active parameters",
                    best.levels[best.best].mean,
                    per.label(),
                )],
                rows,
            }
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn scaled(model: &SeriesModel<'_>, per: PerToken) -> Option<f64> {
    Some(model.mean(per)? / model.parameters * SCALE)
}

fn sample(model: &SeriesModel<'_>, per: PerToken) -> Option<RunSample> {
    let starts = model.level.runs().filter_map(|run| run.start_unix_ns);
    let ends = model.level.runs().filter_map(|run| run.end_unix_ns);
    let start_unix_ns = starts.min()?;
    Some(RunSample {
        value: scaled(model, per)?,
        start_unix_ns,
        end_unix_ns: ends.max().unwrap_or(start_unix_ns),
    })
}

fn row((name, models): &(String, Vec<SeriesModel<'_>>), per: PerToken) -> FindingRow {
    let values: Vec<f64> = models
        .iter()
        .filter_map(|model| scaled(model, per))
        .collect();
    let mean = mean_interval(&values, CONFIDENCE);
    let runs: Vec<&RunFacts> = models.iter().flat_map(|model| model.level.runs()).collect();
    FindingRow {
        level: name.clone(),
        configurations: models.len(),
        runs: runs.len(),
        value: mean.map(|mean| mean.value),
        lo: mean.and_then(|mean| mean.lo),
        hi: mean.and_then(|mean| mean.hi),
        tokens_per_s: means_of(&runs).tokens_per_s,
        ..FindingRow::default()
    }
}
