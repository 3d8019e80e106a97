//! Readings that come in batches, merged to the windows that they are of.
//!
//! Some counters move less often than they are read, and some sensors publish one mean
//! for several readings:
//!
//! ```text
//! true power   5 W for 1 s, then 9 W
//! counter read every 0.1 s, moved every 0.3 s
//!              0  0  1.5  0  0  1.5  0  0  1.5  0  0  2.7    joules
//! merged       [ 1.5 J  ][ 1.5 J  ][ 1.5 J  ][ 2.7 J  ]
//! mean of 0.3 s, held
//!              5  5  5    5  5  5    5  5  5    9  9  9      watts
//! merged       [ 1.5 J  ][ 1.5 J  ][ 1.5 J  ][ 2.7 J  ]
//! ```
//!
//! Taken for what happened in each reading's own window, the first is idle power of
//! 0 W and peaks of several times the truth. The pattern must be regular over the whole
//! recording: work that comes and goes is not, nor is a coarse meter. A counter must
//! stand still while spans run as well as while they do not, and means must seldom have
//! been the same before: a program that works in regular bursts is no faulty sensor.
//!
//! # Limits
//!
//! - When within its window a counter has moved is not known: a merged window is right
//!   to within one reading.
//! - A GPU or neural engine that is switched off between regular bursts of work looks
//!   the same. Their zeros are merged only where they would draw `GATED_BELOW` or more.

use std::cell::LazyCell;

use crate::power::RailKind;
use crate::rows::{RailRow, SampleRow};
use crate::units::{Nanos, Power};

/// More than this share of the readings must be zero, or equal to the one before.
const STILL_SHARE: f64 = 0.4;
/// So many batches must have been seen.
const LEAST_BATCHES: usize = 5;
/// This share of the batches must have the usual length, give or take one reading.
const REGULAR_SHARE: f64 = 0.9;
/// Spans must run in zero readings for at least this part of what they run in others.
const AS_ACTIVE: f64 = 0.5;
/// This share of repeated means must be different from all others.
const DISTINCT_SHARE: f64 = 0.8;
/// Windows that are farther apart are not of one stretch, in parts of a window.
const JOINED: f64 = 0.1;
/// Gated units rest at 0 W; others of their kind draw this much on average.
const GATED_BELOW: Power = Power::from_watts(3.0);

/// How readings are batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// The counter stands still, then moves by all that was used since.
    Counter,
    /// A mean is repeated until there is a new one.
    HeldMean,
}

/// A rail whose readings were merged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batched {
    /// Id of the rail.
    pub rail: u32,
    /// How its readings were batched.
    pub batching: Batching,
    /// The usual time between two true readings.
    pub period: Nanos,
    /// The usual time between two readings as they were recorded.
    pub interval: Nanos,
}

impl Batched {
    /// As it stands in the diagnostics of an attribution.
    pub(crate) fn json(&self) -> serde_json::Value {
        let batching = match self.batching {
            Batching::Counter => "counter",
            Batching::HeldMean => "held_mean",
        };
        serde_json::json!({
            "rail": self.rail,
            "batching": batching,
            "period_s": self.period.seconds(),
            "interval_s": self.interval.seconds(),
        })
    }

    /// What was found and done, for people; `rail` is its name.
    pub fn message(&self, rail: &str) -> String {
        let (period, interval) = (self.period.seconds(), self.interval.seconds());
        let what = match self.batching {
            Batching::Counter => "the counter moves",
            Batching::HeldMean => "there is a new mean",
        };
        format!(
            "{rail}: {what} every {period:.2} s only, but was read every {interval:.2} s: readings \
             were merged to windows of that length; figures of shorter times are not to be trusted"
        )
    }
}

/// When spans ran, as stretches that do not overlap.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    stretches: Vec<(i64, i64)>,
}

impl Activity {
    /// Of begins and ends of spans, in any order, ns.
    pub fn of(spans: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut spans: Vec<(i64, i64)> = spans.into_iter().collect();
        spans.sort_unstable();
        let mut stretches: Vec<(i64, i64)> = Vec::new();
        for (start, end) in spans {
            match stretches.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => stretches.push((start, end)),
            }
        }
        Self { stretches }
    }

    /// The time in a window in which spans ran.
    fn active_ns(&self, (start, end): (i64, i64)) -> i64 {
        let first = self.stretches.partition_point(|stretch| stretch.1 <= start);
        let within = self.stretches[first..].iter();
        within
            .take_while(|stretch| stretch.0 < end)
            .map(|stretch| stretch.1.min(end) - stretch.0.max(start))
            .sum()
    }

    /// The share of some readings in which spans ran.
    fn share<'s>(&self, samples: impl Iterator<Item = &'s SampleRow>) -> f64 {
        let (active, all) = samples.fold((0, 0), |(active, all), sample| {
            let window = (sample.start_ns, sample.end_ns);
            (active + self.active_ns(window), all + window.1 - window.0)
        });
        active as f64 / (all.max(1)) as f64
    }
}

/// Merges the readings of every rail where they come in batches; others stay as they
/// are. `samples` may be in any order; where something was merged they come back in that
/// of time. `activity` is called once where a counter seems to come in batches; `None`
/// is where spans are not known on the clock of the samples.
pub fn merge(
    rails: &[RailRow],
    samples: Vec<SampleRow>,
    activity: impl FnOnce() -> Option<Activity>,
) -> (Vec<SampleRow>, Vec<Batched>) {
    let activity = LazyCell::new(activity);
    let activity = || activity.as_ref();
    let of_rail = |rail: &RailRow| {
        let own = samples.iter().filter(|sample| sample.rail == rail.id);
        let mut own: Vec<SampleRow> = own.copied().collect();
        own.sort_by_key(|sample| (sample.start_ns, sample.end_ns));
        batches(rail, &own, &activity)
    };
    let found: Vec<(Batched, Vec<SampleRow>)> = rails.iter().filter_map(of_rail).collect();
    if found.is_empty() {
        return (samples, Vec::new());
    }
    let (batched, windows): (Vec<Batched>, Vec<Vec<SampleRow>>) = found.into_iter().unzip();
    let is_merged = |sample: &SampleRow| batched.iter().any(|one| one.rail == sample.rail);
    let others = samples.into_iter().filter(|sample| !is_merged(sample));
    let mut merged: Vec<SampleRow> = windows.into_iter().flatten().chain(others).collect();
    merged.sort_by_key(|sample| (sample.start_ns, sample.rail));
    (merged, batched)
}

fn batches<'a>(
    rail: &RailRow,
    samples: &[SampleRow],
    activity: &dyn Fn() -> Option<&'a Activity>,
) -> Option<(Batched, Vec<SampleRow>)> {
    let is_gated = matches!(rail.kind, RailKind::Gpu | RailKind::Ane)
        && mean(samples).is_none_or(|power| power < GATED_BELOW);
    let moved = (!is_gated).then(|| ends_of_counter(samples)).flatten();
    let moved = moved.filter(|_| activity().is_none_or(|spans| is_independent(samples, spans)));
    let found = moved.map(|ends| (Batching::Counter, ends));
    let (batching, ends) = found.or_else(|| Some((Batching::HeldMean, ends_of_means(samples)?)))?;
    let median = |mut lengths: Vec<i64>| {
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied()
    };
    let end_ns = |&at: &usize| samples[at].end_ns;
    let between = ends
        .windows(2)
        .map(|pair| end_ns(&pair[1]) - end_ns(&pair[0]));
    let period_ns = median(between.collect())?;
    let lengths = samples.iter().map(|sample| sample.end_ns - sample.start_ns);
    let batched = Batched {
        rail: rail.id,
        batching,
        period: Nanos::from_nanos(period_ns),
        interval: Nanos::from_nanos(median(lengths.collect())?),
    };
    let windows = match batching {
        Batching::Counter => windows_of_counter(samples, &ends, period_ns),
        Batching::HeldMean => windows_of_means(samples, &ends),
    };
    Some((batched, windows))
}

fn mean(samples: &[SampleRow]) -> Option<Power> {
    let known = samples.iter().filter_map(|sample| {
        let seconds = (sample.end_ns - sample.start_ns) as f64 / 1e9;
        Some((sample.energy_j?, seconds))
    });
    let (energy_j, seconds) = known.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    (seconds > 0.0).then(|| Power::from_watts(energy_j / seconds))
}

/// Places of the readings with energy, where those between are zero.
fn ends_of_counter(samples: &[SampleRow]) -> Option<Vec<usize>> {
    let zero = |sample: &&SampleRow| sample.energy_j == Some(0.0);
    let zeros = samples.iter().filter(zero).count();
    let is_moved = |sample: &SampleRow| sample.energy_j.is_some_and(|energy| energy != 0.0);
    let ends = (0..samples.len()).filter(|&at| is_moved(&samples[at]));
    regular(ends.collect(), zeros, samples)
}

/// Whether the counter stands still while spans run about as much as while they do not.
fn is_independent(samples: &[SampleRow], spans: &Activity) -> bool {
    let zero = |sample: &&SampleRow| sample.energy_j == Some(0.0);
    let still = spans.share(samples.iter().filter(zero));
    let moved = spans.share(samples.iter().filter(|sample| !zero(sample)));
    still >= AS_ACTIVE * moved
}

/// Places of the last reading of each mean, where means are repeated.
fn ends_of_means(samples: &[SampleRow]) -> Option<Vec<usize>> {
    let watts = |sample: &SampleRow| {
        let length_ns = sample.end_ns - sample.start_ns;
        sample.energy_j.map(|energy| energy / length_ns as f64)
    };
    // Powers that were written as text and multiplied by a length that varies.
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let repeats = |at: usize| {
        let (a, b) = (watts(&samples[at - 1]), watts(&samples[at]));
        a.zip(b).is_some_and(|(a, b)| a != 0.0 && same(a, b))
    };
    let starts: Vec<usize> = (1..samples.len()).filter(|&at| !repeats(at)).collect();
    let repeated = samples.len().saturating_sub(1) - starts.len();
    let ends: Vec<usize> = starts.iter().map(|start| start - 1).collect();
    let mut means: Vec<f64> = ends
        .iter()
        .filter_map(|&end| watts(&samples[end]))
        .collect();
    means.sort_by(f64::total_cmp);
    means.dedup_by(|a, b| same(*a, *b));
    let is_distinct = means.len() as f64 >= DISTINCT_SHARE * ends.len() as f64;
    is_distinct
        .then(|| regular(ends, repeated, samples))
        .flatten()
}

/// The places, if `still` readings between them are many and their distances regular.
fn regular(ends: Vec<usize>, still: usize, samples: &[SampleRow]) -> Option<Vec<usize>> {
    let is_still = still as f64 > STILL_SHARE * samples.len() as f64;
    if !is_still || ends.len() <= LEAST_BATCHES {
        return None;
    }
    let mut distances: Vec<usize> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    let usual = distances[distances.len() / 2];
    let near = |distance: &&usize| distance.abs_diff(usual) <= 1;
    let regular = distances.iter().filter(near).count();
    let is_regular = regular as f64 >= REGULAR_SHARE * distances.len() as f64;
    (usual >= 2 && is_regular).then_some(ends)
}

/// One window up to each of `ends`. The first batch began before the recording, at a
/// time that is guessed from the others; what is left after the last one was not
/// published.
fn windows_of_counter(samples: &[SampleRow], ends: &[usize], period_ns: i64) -> Vec<SampleRow> {
    let mut windows = Vec::with_capacity(ends.len() + 1);
    let mut next = 0;
    for (nth, &end) in ends.iter().enumerate() {
        let batch = &samples[next..=end];
        let last = samples[end];
        let before_ns = next
            .checked_sub(1)
            .map_or(i64::MIN, |at| samples[at].end_ns);
        let is_whole = nth > 0 && batch.windows(2).all(is_joined);
        let start_ns = match is_whole {
            true => batch[0].start_ns,
            false => (last.end_ns - period_ns).max(before_ns).min(last.start_ns),
        };
        windows.push(SampleRow { start_ns, ..last });
        next = end + 1;
    }
    if let (Some(first), Some(last)) = (samples.get(next), samples.last()) {
        windows.push(SampleRow {
            start_ns: first.start_ns,
            energy_j: None,
            ..*last
        });
    }
    windows
}

/// One window for each mean, and for each stretch without a gap.
fn windows_of_means(samples: &[SampleRow], ends: &[usize]) -> Vec<SampleRow> {
    let mut windows: Vec<SampleRow> = Vec::with_capacity(ends.len() + 1);
    for (at, sample) in samples.iter().enumerate() {
        let begins = match at.checked_sub(1) {
            None => true,
            Some(before) => {
                ends.binary_search(&before).is_ok() || !is_joined(&samples[before..=at])
            }
        };
        match windows.last_mut().filter(|_| !begins) {
            Some(window) => {
                window.end_ns = sample.end_ns;
                window.energy_j = window.energy_j.zip(sample.energy_j).map(|(a, b)| a + b);
            }
            None => windows.push(*sample),
        }
    }
    windows
}

/// Whether the second of two readings follows the first at once.
fn is_joined(pair: &[SampleRow]) -> bool {
    let length = (pair[1].end_ns - pair[1].start_ns) as f64;
    ((pair[1].start_ns - pair[0].end_ns) as f64).abs() <= JOINED * length
}

#[cfg(test)]
mod tests;
