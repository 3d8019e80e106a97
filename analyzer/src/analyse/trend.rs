//! Energy per token over time. A sample is a session, not a run: runs of one session share its
//! temperature, background load and file cache, so many of them are no evidence of a drift.

use std::time::Duration;

use energy_statistics::trend::{MIN_SAMPLES, TrendDirection, session_means, trend};
use energy_statistics::{NotEstimable, Trend, TrendPoint};

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::levels::energy_axis;
use super::mean::mean_interval;
use super::series::{CONFIDENCE, means_of};
use super::series_name::names_of;
use super::words::signed_percent;
use crate::format::{counted, number, percent};
use crate::plot::{AxisScale, Plot, PlotAxis, PlotPoint, PointSeries, Unit};
use crate::query::{ConfigurationKey, RunConfiguration, RunFacts};

/// Maximum number of configurations in a plot.
const DRAWN: usize = 6;
/// A longer pause between the starts of two runs begins a new session.
const SESSION_GAP: Duration = Duration::from_secs(30 * 60);

/// Does the energy per token drift over time?
pub(super) const TREND: Analysis = Analysis {
    name: "trend",
    question: "Does the energy per token of a configuration change over time?",
    varied: "one configuration in five sessions that are more than 30 minutes apart",
    remedy: "energy run --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let mut sorted: Vec<&RunConfiguration> = configurations.iter().collect();
        sorted.sort_by_key(|one| std::cmp::Reverse(one.runs.len()));
        let keys: Vec<ConfigurationKey> = sorted.iter().map(|one| one.key.clone()).collect();
        let names = names_of(&keys);
        let named: Vec<(&RunConfiguration, String)> = sorted.into_iter().zip(names).collect();
        let findings = named.iter().map(|(one, name)| finding(one, name, per));
        AnalysisResult {
            findings: findings.collect(),
            plots: vec![plot(&named, per)],
        }
    },
};

fn finding(one: &RunConfiguration, name: &str, per: PerToken) -> Finding {
    let runs: Vec<&RunFacts> = one.runs.iter().collect();
    let sessions = sessions(one, per);
    let values = sessions.as_deref().unwrap_or_default().iter();
    let values: Vec<f64> = values.map(|session| session.value).collect();
    let mean = mean_interval(&values, CONFIDENCE);
    let mut row = FindingRow {
        level: name.to_owned(),
        configurations: 1,
        runs: runs.len(),
        value: mean.map(|mean| mean.value),
        lo: mean.and_then(|mean| mean.lo),
        hi: mean.and_then(|mean| mean.hi),
        ..means_of(&runs)
    };
    let found = sessions.and_then(|sessions| match sessions.len() {
        found if found < MIN_SAMPLES => Err(NotEstimable::TooFew {
            of: "sessions",
            found,
            needed: MIN_SAMPLES,
        }),
        _ => trend(&sessions, CONFIDENCE),
    });
    match found {
        Err(reason) => Finding::not_estimable(name, reason, vec![row]),
        Ok(found) => {
            row.verdict = direction(&found).to_owned();
            row.is_selected = true;
            Finding {
                series: name.to_owned(),
                verdict: match found.direction {
                    TrendDirection::NoneShown => FindingVerdict::None,
                    _ => FindingVerdict::Found,
                },
                answer: trend_sentence(&found, per),
                reason: None,
                estimates: vec![
                    NamedEstimate::of("change", &found.change, ""),
                    NamedEstimate::of("slope per day", &found.ln_slope_per_day, "ln"),
                    NamedEstimate::number("days", found.days, "d"),
                ],
                rows: vec![row],
            }
        }
    }
}

/// Returns the means of the sessions in which the configuration ran.
fn sessions(one: &RunConfiguration, per: PerToken) -> Result<Vec<TrendPoint>, NotEstimable> {
    let points = one.runs.iter().filter_map(|run| {
        Some(TrendPoint {
            unix_ns: run.start_unix_ns?,
            value: per.of(run)?,
        })
    });
    session_means(&points.collect::<Vec<TrendPoint>>(), SESSION_GAP)
}

fn direction(found: &Trend) -> &'static str {
    match found.direction {
        TrendDirection::Rising => "rising",
        TrendDirection::Falling => "falling",
        TrendDirection::NoneShown => "none shown",
    }
}

/// Returns a trend in words.
fn trend_sentence(found: &Trend, per: PerToken) -> String {
    let ends = |end: Option<f64>| end.map_or("?".to_owned(), signed_percent);
    let word = match found.direction {
        TrendDirection::Rising => "rises",
        TrendDirection::Falling => "falls",
        TrendDirection::NoneShown => "shows no trend",
    };
    format!(
        "{} {word} over {} in {}: {} [{}, {}] ({} interval).",
        per.label(),
        counted(found.samples, "session"),
        time(found.days),
        signed_percent(found.change.value),
        ends(found.change.lo),
        ends(found.change.hi),
        percent(Some(found.change.confidence)),
    )
}

/// Formats a time in days, hours or minutes.
fn time(days: f64) -> String {
    match days {
        days if days >= 1.0 => format!("{} days", number(Some(days))),
        days if days * 24.0 >= 1.0 => format!("{} hours", number(Some(days * 24.0))),
        days => format!("{} minutes", number(Some(days * 1440.0))),
    }
}

fn plot(named: &[(&RunConfiguration, String)], per: PerToken) -> Plot {
    let point = |run: &RunFacts| {
        let value = per.of(run)?;
        // The interval of the run's own energy, if it is that of all tokens.
        let tokens = run.tokens().filter(|_| per == PerToken::Token);
        let end = |end: Option<f64>| Some(end? / tokens?);
        Some(PlotPoint {
            x: run.start_unix_ns? as f64,
            y: value,
            lo: end(run.results.lo_j),
            hi: end(run.results.hi_j),
            name: run.name.clone().unwrap_or_else(|| run.run.clone()),
            is_selected: true,
        })
    };
    let series = named.iter().take(DRAWN).map(|(one, name)| PointSeries {
        name: name.clone(),
        points: one.runs.iter().filter_map(point).collect(),
        is_joined: true,
    });
    Plot {
        title: format!("{} over time", per.label()),
        caption: match named.len() > DRAWN {
            true => format!("A point is a run. The {DRAWN} configurations with the most runs."),
            false => "A point is a run.".to_owned(),
        },
        x: PlotAxis {
            label: "start (UTC)".to_owned(),
            unit: Unit::Time,
            scale: AxisScale::Linear,
            names: Vec::new(),
        },
        y: energy_axis(per),
        series: series.collect(),
        ..Plot::default()
    }
}
