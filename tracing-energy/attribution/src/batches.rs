//! Merges readings that come in batches into the windows that they cover.
//!
//! Some counters move less often than they are read, and some sensors publish one mean for
//! several readings:
//!
//! ```text
//! true power   5 W for 1 s, then 9 W
//! counter read every 0.1 s, moved every 0.3 s
//!              0  0  1.5  0  0  1.5  0  0  1.5  0  0  2.7    joules
//! merged       [ 1.5 J  ][ 1.5 J  ][ 1.5 J  ][ 2.7 J  ]
//! mean of 0.3 s, repeated
//!              5  5  5    5  5  5    5  5  5    9  9  9      watts
//! merged       [ 1.5 J  ][ 1.5 J  ][ 1.5 J  ][ 2.7 J  ]
//! ```
//!
//! Without merging, the counter would show an idle power of 0 W and peaks of several times
//! the true power. The pattern must be regular over the whole recording; intermittent work
//! and a coarse meter are not. Zeros of a counter must occur during spans as often as
//! between them, and repeated means must differ from each other: a program that works in
//! regular bursts is not a faulty sensor.
//!
//! # Limits
//!
//! - The time within a reading at which the counter moved is unknown: the edges of a merged
//!   window are accurate to one reading.
//! - A GPU or neural engine that is powered off between regular bursts of work looks the
//!   same. Their zeros are merged only if their mean power is at least `GATED_BELOW`.

use std::cell::LazyCell;

pub use energy_data::{Batched, Batching};

use energy_data::RailKind;
use energy_data::rows::{RailRow, SampleRow};
use energy_data::units::{Nanos, Power};

/// More than this share of the readings must be zero, or equal to the one before.
const STILL_SHARE: f64 = 0.4;
/// More batches than this are needed.
const LEAST_BATCHES: usize = 5;
/// This share of the batches must have the median length, within one reading.
const REGULAR_SHARE: f64 = 0.9;
/// The share of zero readings with active spans must be at least this part of that of others.
const AS_ACTIVE: f64 = 0.5;
/// This share of repeated means must be different from all others.
const DISTINCT_SHARE: f64 = 0.8;
/// Windows farther apart than this part of a window are not contiguous.
const JOINED: f64 = 0.1;
/// Power-gated units idle at 0 W; those that are not draw at least this much on average.
const GATED_BELOW: Power = Power::from_watts(3.0);

/// The times at which spans ran, as intervals that do not overlap.
#[derive(Debug, Clone, Default)]
pub struct BatchActivity {
    intervals: Vec<(i64, i64)>,
}

impl BatchActivity {
    /// Merges the starts and ends of spans, ns, in any order.
    pub fn of(spans: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut spans: Vec<(i64, i64)> = spans.into_iter().collect();
        spans.sort_unstable();
        let mut intervals: Vec<(i64, i64)> = Vec::new();
        for (start, end) in spans {
            match intervals.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => intervals.push((start, end)),
            }
        }
        Self { intervals }
    }

    /// Returns the time in a window in which spans ran.
    fn active_ns(&self, (start, end): (i64, i64)) -> i64 {
        let first = self
            .intervals
            .partition_point(|interval| interval.1 <= start);
        let within = self.intervals[first..].iter();
        within
            .take_while(|interval| interval.0 < end)
            .map(|interval| interval.1.min(end) - interval.0.max(start))
            .sum()
    }

    /// Returns the share of the readings' time in which spans ran.
    fn share<'s>(&self, samples: impl Iterator<Item = &'s SampleRow>) -> f64 {
        let (active, all) = samples.fold((0, 0), |(active, all), sample| {
            let window = (sample.start_ns, sample.end_ns);
            (active + self.active_ns(window), all + window.1 - window.0)
        });
        active as f64 / (all.max(1)) as f64
    }
}

/// Merges the readings of each rail that come in batches; other rails are unchanged.
/// `samples` may be in any order; if any were merged, the result is sorted by time.
/// `activity` is called at most once, if a counter seems to come in batches; it returns
/// `None` if spans are not known on the clock of the samples.
pub fn merge(
    rails: &[RailRow],
    samples: Vec<SampleRow>,
    activity: impl FnOnce() -> Option<BatchActivity>,
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
    let other_processes = samples.into_iter().filter(|sample| !is_merged(sample));
    let mut merged: Vec<SampleRow> = windows
        .into_iter()
        .flatten()
        .chain(other_processes)
        .collect();
    merged.sort_by_key(|sample| (sample.start_ns, sample.rail));
    (merged, batched)
}

fn batches<'a>(
    rail: &RailRow,
    samples: &[SampleRow],
    activity: &dyn Fn() -> Option<&'a BatchActivity>,
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

/// Returns the indices of readings with energy, if those between them are zero in a regular
/// pattern.
fn ends_of_counter(samples: &[SampleRow]) -> Option<Vec<usize>> {
    let zero = |sample: &&SampleRow| sample.energy_j == Some(0.0);
    let zeros = samples.iter().filter(zero).count();
    let is_moved = |sample: &SampleRow| sample.energy_j.is_some_and(|energy| energy != 0.0);
    let ends = (0..samples.len()).filter(|&at| is_moved(&samples[at]));
    regular(ends.collect(), zeros, samples)
}

/// Returns whether zeros occur during spans about as often as between them.
fn is_independent(samples: &[SampleRow], spans: &BatchActivity) -> bool {
    let zero = |sample: &&SampleRow| sample.energy_j == Some(0.0);
    let still = spans.share(samples.iter().filter(zero));
    let moved = spans.share(samples.iter().filter(|sample| !zero(sample)));
    still >= AS_ACTIVE * moved
}

/// Returns the index of the last reading of each mean, if means are repeated in a regular
/// pattern.
fn ends_of_means(samples: &[SampleRow]) -> Option<Vec<usize>> {
    let watts = |sample: &SampleRow| {
        let length_ns = sample.end_ns - sample.start_ns;
        sample.energy_j.map(|energy| energy / length_ns as f64)
    };
    // Tolerance: powers were rounded as text and multiplied by varying lengths.
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

/// Returns `ends` if enough readings are `still` (zero or repeated) and the distances of
/// `ends` are regular.
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

/// Returns one window up to each of `ends`. The first batch began before the recording; its
/// start is estimated from `period_ns`. Energy after the last batch was not published.
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

/// Returns one window for each mean; a gap also ends a window.
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

/// Returns whether the second of two readings starts where the first ends.
fn is_joined(pair: &[SampleRow]) -> bool {
    let length = (pair[1].end_ns - pair[1].start_ns) as f64;
    ((pair[1].start_ns - pair[0].end_ns) as f64).abs() <= JOINED * length
}

#[cfg(test)]
mod tests;
