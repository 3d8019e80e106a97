//! The best level in words.

use energy_statistics::best::{BestLevel, RankedLevel};
use energy_statistics::compare::Reason;

use super::analysis::PerToken;
use super::words::{excess, excess_range, list_of, per_token, verb};
use crate::format::{number, percent};

/// Returns the best level, the levels that cannot be distinguished from it, and how much more the
/// others need.
pub(super) fn sentence(best: &BestLevel, per: PerToken, thing: &str) -> String {
    let level = &best.levels[best.best];
    let interval = best
        .interval
        .filter(|[lo, hi]| lo < hi)
        .map(|[lo, hi]| format!(" [{}, {}]", plain(lo), plain(hi)));
    let mut text = format!(
        "best {thing} {}{} at {}",
        level.name,
        interval.unwrap_or_default(),
        per_token(level.mean, per.label()),
    );
    let others = || {
        best.levels
            .iter()
            .filter(|level| level.comparison.is_some())
    };
    let open: Vec<String> = others()
        .filter(|level| level.is_in_set)
        .map(|level| level.name.clone())
        .collect();
    if !open.is_empty() {
        text += &format!(
            "; {} cannot be distinguished from it ({}{})",
            list_of(&open),
            percent(Some(best.confidence)),
            few(best),
        );
    }
    let worse: Vec<&RankedLevel> = others().filter(|level| !level.is_in_set).collect();
    if let Some(words) = worse_words(&worse) {
        text += &format!("; {words}");
    }
    text + "."
}

/// Returns the remark that levels have too few runs.
fn few(best: &BestLevel) -> String {
    let is_few = |level: &&RankedLevel| {
        let reason = level.comparison.as_ref().and_then(|one| one.reason);
        matches!(reason, Some(Reason::OneRun | Reason::TwoRuns))
    };
    match best.levels.iter().filter(is_few).count() {
        0 => String::new(),
        _ => ": fewer than three runs each, record more".to_owned(),
    }
}

fn worse_words(worse: &[&RankedLevel]) -> Option<String> {
    let ratio = |level: &RankedLevel| level.comparison.as_ref()?.ratio;
    match worse {
        [] => None,
        [only] => {
            let comparison = only.comparison.as_ref()?;
            let interval = comparison.lo.zip(comparison.hi);
            let more = excess(comparison.ratio?, interval);
            Some(format!("{} needs {more}", only.name))
        }
        many => {
            let names: Vec<String> = many.iter().map(|level| level.name.clone()).collect();
            let ratios: Vec<f64> = many.iter().filter_map(|level| ratio(level)).collect();
            let least = ratios.iter().copied().reduce(f64::min)?;
            let most = ratios.iter().copied().reduce(f64::max)?;
            Some(format!(
                "{} {} {}",
                list_of(&names),
                verb(many.len(), "needs", "need"),
                excess_range(least, most),
            ))
        }
    }
}

/// Formats a number without decimals if it is whole.
fn plain(value: f64) -> String {
    match value.fract() == 0.0 && value.abs() < 1e12 {
        true => format!("{value:.0}"),
        false => number(Some(value)),
    }
}
