//! Series of models: configurations that are equal in all but the model.

use super::analysis::PerToken;
use super::mean::mean_interval;
use super::series::{CONFIDENCE, FactorSeries, SeriesFactor, SeriesLevel, series};
use crate::query::{ConfigurationKey, RunConfiguration};

/// Stands between the name of a model and its checksum while series are made; no name contains it.
const SUM: char = '\u{0}';

/// A model in a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeriesModel<'c> {
    pub(super) name: String,
    /// Parameters that one token uses.
    pub(super) parameters: f64,
    pub(super) level: SeriesLevel<'c>,
}

/// Divides configurations into series in which only the model differs. If none has several models,
/// lengths of prompts may differ by a factor of about 1.4, because tokenizers do.
pub(super) fn series_of_models(configurations: &[RunConfiguration]) -> Vec<FactorSeries<'_>> {
    let exact = series(configurations, &EXACT);
    let mut all = match exact.iter().any(|series| series.levels.len() > 1) {
        true => exact,
        false => series(configurations, &ROUGH),
    };
    all.iter_mut().for_each(shorten_names);
    all
}

/// Removes checksums from the names of models that are unique without them.
fn shorten_names(series: &mut FactorSeries<'_>) {
    let short = |name: &str| match name.rsplit_once(SUM) {
        Some((name, _)) => name.to_owned(),
        None => name.to_owned(),
    };
    let names: Vec<String> = series
        .levels
        .iter()
        .map(|level| short(&level.name))
        .collect();
    for (level, name) in series.levels.iter_mut().zip(&names) {
        let is_unique = names.iter().filter(|other| *other == name).count() == 1;
        level.name = match is_unique {
            true => name.clone(),
            false => level.name.replace(SUM, " "),
        };
    }
}

const EXACT: SeriesFactor = SeriesFactor {
    clear: clear_model,
    level,
};

const ROUGH: SeriesFactor = SeriesFactor {
    clear: |key| {
        clear_model(key);
        let rounded = key.prompt_tokens.filter(|tokens| *tokens > 0);
        let rounded = rounded.map(|tokens| (tokens as f64).log2().round().exp2() as i64);
        key.prompt_tokens = rounded;
    },
    level,
};

fn clear_model(key: &mut ConfigurationKey) {
    key.model = None;
    key.model_sha256 = None;
    // It has the path of the model.
    key.program = None;
    // It is the precision of the file if weights were not converted.
    key.precision = key
        .requantize
        .is_none()
        .then(|| key.precision.clone())
        .flatten();
}

fn level(one: &RunConfiguration) -> Option<(String, Option<f64>)> {
    let model = one.key.model.as_deref().map(super::series_name::model_name);
    let sum = one.key.model_sha256.as_deref().unwrap_or_default();
    let sum: String = sum.chars().take(6).collect();
    let name = match model {
        Some(model) if sum.is_empty() => model,
        Some(model) => format!("{model}{SUM}{sum}"),
        None if sum.is_empty() => return None,
        None => sum,
    };
    let parameters = one.first()?.shape.active_parameters;
    Some((name, parameters.map(|count| count as f64)))
}

/// Returns the models of a series with a known number of parameters.
pub(super) fn models_of<'c>(series: &FactorSeries<'c>) -> Vec<SeriesModel<'c>> {
    let models = series.levels.iter().filter_map(|level| {
        Some(SeriesModel {
            name: level.name.clone(),
            parameters: level.number.filter(|count| *count > 0.0)?,
            level: level.clone(),
        })
    });
    models.collect()
}

impl SeriesModel<'_> {
    /// Returns the geometric mean of its runs.
    pub(super) fn mean(&self, per: PerToken) -> Option<f64> {
        mean_interval(&self.level.values(per), CONFIDENCE).map(|mean| mean.value)
    }
}
