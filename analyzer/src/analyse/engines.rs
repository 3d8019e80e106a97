//! Energy per token by engine.

use super::analysis::{Analysis, PerToken};
use super::levels::best_levels;
use super::series::{SeriesFactor, series};
use super::series_name::precision_name;

/// Which engine needs the least energy per token?
pub(super) const ENGINES: Analysis = Analysis {
    name: "engines",
    question: "Which engine needs the least energy per token?",
    varied: "engines with one model",
    remedy: "energy sweep --engine candle,http --prompt-tokens 128 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| best_levels(&series(configurations, &FACTOR), per, "engine"),
};

/// Engines name precisions differently, and only one has a depth of spans.
const FACTOR: SeriesFactor = SeriesFactor {
    clear: |key| {
        key.engine = None;
        key.depth = None;
        key.statistics = None;
        key.cache = None;
        key.device = None;
        key.threads = None;
        key.requantize = None;
        key.precision = None;
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
