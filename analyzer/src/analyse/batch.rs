//! Energy per token by batch.

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::factor_grid::grids;
use super::levels::best_levels;
use super::series::{SeriesFactor, series};
use crate::query::RunConfiguration;

/// Which batch needs the least energy per token?
pub(super) const BATCH: Analysis = Analysis {
    name: "batch",
    question: "Which batch needs the least energy per token?",
    varied: "batch sizes",
    remedy: "energy sweep --batch 1,2,4,8 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let all = series(configurations, &FACTOR);
        let mut result: AnalysisResult = best_levels(&all, per, "batch");
        let prompt = |one: &RunConfiguration| one.key.prompt_tokens.map(|count| count as f64);
        let batch = |one: &RunConfiguration| one.key.batch.map(|count| count as f64);
        let axes = [("batch", &batch as _), ("prompt tokens", &prompt as _)];
        result.plots.extend(grids(configurations, per, axes));
        result
    },
};

const FACTOR: SeriesFactor = SeriesFactor {
    clear: |key| key.batch = None,
    level: |one| {
        let batch = one.key.batch.filter(|batch| *batch > 0)?;
        Some((batch.to_string(), Some(batch as f64)))
    },
};
