//! The best level of a factor, in each series.

use energy_statistics::best::{BestLevel, FactorLevel, best_level};
use energy_statistics::compare::ComparisonOptions;

use super::analysis::{AnalysisResult, PerToken};
use super::answer_lengths::different_lengths;
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::level_words::sentence;
use super::series::{CONFIDENCE, FactorSeries};
use crate::plot::{AxisScale, Plot, PlotAxis, PlotPoint, PointSeries, Unit};

/// Maximum number of series in a plot; the colours are distinguishable up to it.
const DRAWN: usize = 6;

/// Finds the best level of each series. `thing` is the factor in words: "batch".
pub(super) fn best_levels(
    all: &[FactorSeries<'_>],
    per: PerToken,
    thing: &'static str,
) -> AnalysisResult {
    let findings: Vec<Finding> = all.iter().map(|one| finding(one, per, thing)).collect();
    AnalysisResult {
        plots: vec![plot(&findings, per, thing)],
        findings,
    }
}

fn finding(series: &FactorSeries<'_>, per: PerToken, thing: &str) -> Finding {
    let levels: Vec<FactorLevel> = series
        .levels
        .iter()
        .map(|level| FactorLevel {
            name: level.name.clone(),
            number: level.number,
            samples: level.samples(per),
        })
        .collect();
    let mut rows: Vec<FindingRow> = series.levels.iter().map(|level| level.row(per)).collect();
    let options = ComparisonOptions {
        confidence: CONFIDENCE,
        ..ComparisonOptions::default()
    };
    match best_level(&levels, &options) {
        Err(reason) => Finding::not_estimable(&series.name, reason, rows),
        Ok(best) => {
            compare_rows(&mut rows, &best);
            Finding {
                series: series.name.clone(),
                verdict: verdict(&best),
                answer: sentence(&best, per, thing) + mixed(series) + &different_lengths(series),
                reason: None,
                estimates: estimates(&best, per, thing),
                rows,
            }
        }
    }
}

/// Returns a sentence if other settings vary within a level.
fn mixed(series: &FactorSeries<'_>) -> &'static str {
    let mut levels = series.levels.iter();
    match levels.any(|level| level.configurations.len() > 1) {
        true => " Other settings vary within a level, which is the mean of all its runs.",
        false => "",
    }
}

fn verdict(best: &BestLevel) -> FindingVerdict {
    match best.is_certain {
        true => FindingVerdict::Found,
        false if best.levels.iter().all(|level| level.is_in_set) => FindingVerdict::None,
        false => FindingVerdict::Undecided,
    }
}

/// Sets the comparisons with the best level.
pub(super) fn compare_rows(rows: &mut [FindingRow], best: &BestLevel) {
    for (row, level) in rows.iter_mut().zip(&best.levels) {
        row.is_selected = level.is_in_set;
        (row.ratio, row.verdict) = (Some(1.0), "best".to_owned());
        if let Some(comparison) = &level.comparison {
            row.ratio = comparison.ratio;
            (row.ratio_lo, row.ratio_hi) = (comparison.lo, comparison.hi);
            row.p = comparison.p;
            row.verdict = comparison.verdict_text();
        }
    }
}

fn estimates(best: &BestLevel, per: PerToken, thing: &str) -> Vec<NamedEstimate> {
    let level = &best.levels[best.best];
    let mut all = vec![NamedEstimate::number("energy", level.mean, per.label())];
    if let Some(number) = level.number {
        let [lo, hi] = best.interval.map_or([None; 2], |ends| ends.map(Some));
        all.push(NamedEstimate {
            name: format!("best {thing}"),
            value: number,
            lo,
            hi,
            confidence: Some(best.confidence),
            unit: String::new(),
        });
    }
    all
}

/// Returns the plot of the levels of several series. Levels have names or numbers.
pub(super) fn plot(findings: &[Finding], per: PerToken, thing: &str) -> Plot {
    let drawn = || findings.iter().take(DRAWN);
    let rows = || drawn().flat_map(|finding| &finding.rows);
    let is_number = rows().all(|row| row.number.is_some_and(|number| number > 0.0));
    let mut names: Vec<String> = Vec::new();
    if !is_number {
        for row in rows() {
            if !names.contains(&row.level) {
                names.push(row.level.clone());
            }
        }
    }
    let x = |row: &FindingRow| match is_number {
        true => row.number,
        false => names
            .iter()
            .position(|name| *name == row.level)
            .map(|at| at as f64),
    };
    let points = |finding: &Finding| {
        let points = finding.rows.iter().filter_map(|row| {
            Some(PlotPoint {
                x: x(row)?,
                y: row.value?,
                lo: row.lo,
                hi: row.hi,
                name: row.level.clone(),
                is_selected: row.is_selected,
            })
        });
        points.collect::<Vec<PlotPoint>>()
    };
    let more = findings.len().saturating_sub(DRAWN);
    let more = match more {
        0 => String::new(),
        more => format!(" The first {DRAWN} of {} series are drawn.", DRAWN + more),
    };
    Plot {
        title: format!("{} by {thing}", per.label()),
        caption: format!(
            "Filled: best or not distinguished from the best. Whiskers: 95 % intervals of means.{more}"
        ),
        x: PlotAxis {
            label: thing.to_owned(),
            unit: Unit::Number,
            scale: if is_number {
                AxisScale::Log
            } else {
                AxisScale::Names
            },
            names: names.clone(),
        },
        y: energy_axis(per),
        series: drawn()
            .map(|finding| PointSeries {
                name: finding.series.clone(),
                points: points(finding),
                is_joined: is_number,
            })
            .collect(),
        ..Plot::default()
    }
}

/// Returns the vertical axis of energies per token.
pub(super) fn energy_axis(per: PerToken) -> PlotAxis {
    PlotAxis {
        label: per.label().to_owned(),
        unit: Unit::JoulePerToken,
        ..PlotAxis::default()
    }
}
