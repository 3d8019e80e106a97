//! Trend of energy over time: the slope of its logarithm (Theil 1950, Sen 1968).
//!
//! The slope is the median of the slopes between all pairs of samples, and its interval inverts
//! Kendall's test. A few runs that throttled, or that shared the machine, do not move it. The
//! interval is distribution-free; it assumes that samples are independent. Runs of one session
//! are not, so a trend over days takes [`session_means`].

use std::time::Duration;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::estimate::IntervalEstimate;
use crate::moments::{ln, mean, quantile};
use crate::not_estimable::NotEstimable;

/// Fewest samples: with four, no 95 % interval exists.
pub const MIN_SAMPLES: usize = 5;
/// Above this number, adjacent samples are averaged, because pairs grow with the square.
const MAX_SAMPLES: usize = 2000;
/// Most samples with the exact distribution of Kendall's statistic.
const MAX_EXACT: usize = 50;
const DAY_S: f64 = 86_400.0;

/// The value of one run, or of one session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendPoint {
    /// Wall clock, ns since 1970.
    pub unix_ns: i64,
    /// Energy per token, or another positive quantity.
    pub value: f64,
}

/// Direction of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrendDirection {
    /// The interval of the slope is above zero.
    Rising,
    /// It is below zero.
    Falling,
    /// It contains zero.
    NoneShown,
}

/// A trend over time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// Slope of the logarithm per day; its ends are `None` if too few samples bound it.
    pub ln_slope_per_day: IntervalEstimate,
    /// Relative change over the observed time: 0.02 is 2 % more at the end.
    pub change: IntervalEstimate,
    /// Observed time in days.
    pub days: f64,
    /// Direction.
    pub direction: TrendDirection,
    /// Number of samples.
    pub samples: usize,
}

/// Estimates the trend of samples in any order.
///
/// # Errors
///
/// Fewer than five samples, a value that is not positive, or equal times.
pub fn trend(points: &[TrendPoint], confidence: f64) -> Result<Trend, NotEstimable> {
    NotEstimable::check_confidence(confidence)?;
    NotEstimable::at_least(MIN_SAMPLES, points.len(), "samples")?;
    let samples = samples(points)?;
    let (first, last) = (samples[0].0, samples[samples.len() - 1].0);
    let days = last - first;
    if days <= 0.0 {
        return Err(NotEstimable::NoVariance {
            of: "time".to_owned(),
        });
    }
    let mut slopes = slopes(&samples);
    slopes.sort_by(f64::total_cmp);
    let slope = quantile(&slopes, 0.5).ok_or(NotEstimable::NotFinite)?;
    let times: Vec<f64> = samples.iter().map(|sample| sample.0).collect();
    let [lo, hi] = interval(&slopes, &times, confidence);
    let ln_slope_per_day = IntervalEstimate {
        value: slope,
        lo,
        hi,
        confidence,
    };
    let change = |slope: f64| (slope * days).exp_m1();
    Ok(Trend {
        ln_slope_per_day,
        change: IntervalEstimate {
            value: change(slope),
            lo: lo.map(change),
            hi: hi.map(change).filter(|hi| hi.is_finite()),
            confidence,
        },
        days,
        direction: match (lo, hi) {
            (Some(lo), _) if lo > 0.0 => TrendDirection::Rising,
            (_, Some(hi)) if hi < 0.0 => TrendDirection::Falling,
            _ => TrendDirection::NoneShown,
        },
        samples: points.len(),
    })
}

/// Averages the samples of each session: geometric means, at the mean time. A session ends with a
/// pause longer than `gap`.
///
/// # Errors
///
/// A value that is not positive.
pub fn session_means(
    points: &[TrendPoint],
    gap: Duration,
) -> Result<Vec<TrendPoint>, NotEstimable> {
    let mut sorted = points.to_vec();
    sorted.sort_by_key(|point| point.unix_ns);
    let gap = i64::try_from(gap.as_nanos()).unwrap_or(i64::MAX);
    let sessions = sorted.chunk_by(|a, b| b.unix_ns.saturating_sub(a.unix_ns) <= gap);
    sessions.map(block_mean).collect()
}

fn block_mean(block: &[TrendPoint]) -> Result<TrendPoint, NotEstimable> {
    let first = block.first().ok_or(NotEstimable::NoRun)?.unix_ns;
    let offsets: Vec<f64> = block
        .iter()
        .map(|point| point.unix_ns.saturating_sub(first) as f64)
        .collect();
    let values = block.iter().map(|point| ln(point.value));
    let values = values.collect::<Result<Vec<f64>, _>>()?;
    Ok(TrendPoint {
        unix_ns: first.saturating_add(mean(&offsets).unwrap_or(0.0) as i64),
        value: mean(&values).unwrap_or(0.0).exp(),
    })
}

/// Returns (days since the first, logarithm of the value), sorted by time.
fn samples(points: &[TrendPoint]) -> Result<Vec<(f64, f64)>, NotEstimable> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.unix_ns.cmp(&b.unix_ns).then(a.value.total_cmp(&b.value)));
    let block = sorted.len().div_ceil(MAX_SAMPLES);
    let blocks = sorted.chunks(block).map(block_mean);
    let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
    let first = blocks[0].unix_ns;
    let day = |point: &TrendPoint| point.unix_ns.saturating_sub(first) as f64 / 1e9 / DAY_S;
    blocks
        .iter()
        .map(|point| Ok((day(point), ln(point.value)?)))
        .collect()
}

/// Returns the slopes between all pairs at different times.
fn slopes(samples: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(samples.len() * (samples.len() - 1) / 2);
    for (at, a) in samples.iter().enumerate() {
        let later = samples[at + 1..].iter().filter(|b| b.0 > a.0);
        slopes.extend(later.map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    slopes
}

/// Returns the ends of the slope's interval: the slopes at which Kendall's test of the remaining
/// trend is at its critical value.
fn interval(sorted: &[f64], times: &[f64], confidence: f64) -> [Option<f64>; 2] {
    let ties: Vec<usize> = times.chunk_by(|a, b| a == b).map(<[f64]>::len).collect();
    let is_tied = ties.iter().any(|tied| *tied > 1);
    let critical = match !is_tied && times.len() <= MAX_EXACT {
        true => exact_critical(times.len(), 1.0 - confidence),
        false => normal_critical(&ties, 1.0 - confidence),
    };
    // With `m` slopes below a hypothetical one, the statistic is their number above minus `m`.
    let outside = ((sorted.len() as f64 - critical) / 2.0).ceil();
    if outside < 1.0 {
        return [None, None];
    }
    let outside = outside as usize;
    let ends = [sorted.get(outside - 1), sorted.get(sorted.len() - outside)];
    ends.map(Option::<&f64>::copied)
}

/// Returns the largest value of Kendall's statistic that is not significant, from the numbers of
/// permutations with each number of inversions.
fn exact_critical(n: usize, alpha: f64) -> f64 {
    let mut shares = vec![1.0];
    for size in 2..=n {
        let mut next = vec![0.0; shares.len() + size - 1];
        for (inversions, share) in shares.iter().enumerate() {
            for more in 0..size {
                next[inversions + more] += share / size as f64;
            }
        }
        shares = next;
    }
    let pairs = (shares.len() - 1) as f64;
    let mut tail = 0.0;
    for (inversions, share) in shares.iter().enumerate() {
        tail += share;
        if tail > alpha / 2.0 {
            return pairs - 2.0 * inversions as f64;
        }
    }
    pairs
}

fn normal_critical(ties: &[usize], alpha: f64) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let n: usize = ties.iter().sum();
    let tied: f64 = ties.iter().map(|tied| term(*tied as f64)).sum();
    let sd = ((term(n as f64) - tied) / 18.0).max(0.0).sqrt();
    Normal::standard().inverse_cdf(1.0 - alpha / 2.0) * sd
}
