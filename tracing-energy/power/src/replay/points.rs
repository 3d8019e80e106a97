//! Converts values at points in time to samples. Each value holds until the next one of its
//! rail, but no longer than the median distance of the rail's values.
//!
//! ```text
//! values    a     b     c              d     e
//! samples   |--a--|--b--|--c--|        |--d--|--e--|      a gap after c
//! ```
//! The following is refused with the line, because the length of a value is unknown:
//!
//! ```text
//! one value                             it has no length
//! two values at one time                two meters under one rail name
//! pairs   a b      a b      a b         the same, one of them slightly later
//! a clock set back                      values between values of earlier lines
//! ```

use super::recorded::{Origin, RecordedSample, count};
use super::tidy::{are_neighbours, is_two_meters};
use crate::rail::{Notice, Sample};
use energy_data::units::{Nanos, Power};

/// Distances that differ by this factor in a regular pattern indicate several meters.
const BUNCHED: i64 = 3;
/// Fewer bunches may be chance.
const LEAST_BUNCHES: usize = 3;
/// Larger bunches are bursts of one meter.
const LARGEST_BUNCH: usize = 7;
/// If there is more than one run of rising times in this number of values, the table is not in
/// the order of time, and a clock that was set back cannot be detected.
const VALUES_PER_RUN: usize = 8;

/// A value of a rail at a point in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimedPoint {
    pub(super) rail: usize,
    pub(super) time: Nanos,
    pub(super) value: Option<f64>,
    pub(super) line: u64,
}

impl TimedPoint {
    fn held(&self, length: Nanos) -> RecordedSample {
        let sample = Sample {
            rail: self.rail,
            start: self.time,
            end: self.time + length,
            energy: self.value.map(|watts| Power::from_watts(watts) * length),
        };
        let place = self.line;
        RecordedSample { sample, place }
    }
}

/// Converts the values of all rails to samples.
///
/// # Errors
/// A message with the line, in the cases listed above.
pub(super) fn held(
    mut points: Vec<TimedPoint>,
    origin: Origin<'_>,
    notices: &mut Vec<Notice>,
) -> Result<Vec<RecordedSample>, String> {
    points.sort_by_key(|point| (point.rail, point.line));
    let (mut samples, mut unsorted, mut twice, mut alone) = (Vec::new(), 0, 0, Vec::new());
    for rail in points.chunk_by_mut(|a, b| a.rail == b.rail) {
        let runs = runs(rail);
        unsorted += runs.len() - 1;
        let places: Vec<u64> = rail.iter().map(|point| point.line).collect();
        rail.sort_by_key(|point| (point.time, point.line));
        let distinct = distinct(rail, &places, origin)?;
        twice += rail.len() - distinct.len();
        if let Some((first, second)) = set_back(&distinct, &runs) {
            return Err(set_back_message(origin, &first, &second));
        }
        match distinct[..] {
            [only] => alone.push(only),
            _ => samples.extend(lengthened(&distinct, origin)?),
        }
    }
    count(
        notices,
        "unsorted",
        unsorted,
        "were out of order and have been sorted",
    );
    count(
        notices,
        "duplicate",
        twice,
        "occurred twice; one of each was kept",
    );
    without_length(&alone, samples.is_empty(), notices)?;
    Ok(samples)
}

/// Reports rails with a single value.
fn without_length(
    alone: &[TimedPoint],
    are_all: bool,
    notices: &mut Vec<Notice>,
) -> Result<(), String> {
    match alone.first() {
        Some(first) if are_all => Err(format!(
            "line {}: a single value has no length; provide two values of a rail, or intervals with \
             `interval_start_s,interval_end_s`",
            first.line
        )),
        _ => {
            let what = "are the only value of their rail, have no length and were dropped";
            count(notices, "zero_length", alone.len(), what);
            Ok(())
        }
    }
}

/// Returns the lines at which a run of rising times starts.
fn runs(rail: &[TimedPoint]) -> Vec<u64> {
    let falls = rail.windows(2).filter(|pair| pair[1].time < pair[0].time);
    let first = rail.first().map(|point| point.line);
    first
        .into_iter()
        .chain(falls.map(|pair| pair[1].line))
        .collect()
}

/// Returns the values by time without duplicates.
fn distinct(
    sorted: &[TimedPoint],
    places: &[u64],
    origin: Origin<'_>,
) -> Result<Vec<TimedPoint>, String> {
    let zero = Nanos::ZERO;
    let (mut distinct, mut neighbours) = (Vec::new(), Vec::new());
    for same in sorted.chunk_by(|a, b| a.time == b.time) {
        distinct.extend(same.first());
        for pair in same.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            if first.value != second.value {
                return Err(origin.two_values(&first.held(zero), &second.held(zero)));
            }
            if are_neighbours(places, first.line, second.line) {
                neighbours.push((first, second));
            }
        }
    }
    match neighbours.first() {
        Some((first, second)) if is_two_meters(neighbours.len(), distinct.len()) => {
            Err(origin.two_values(&first.held(zero), &second.held(zero)))
        }
        _ => Ok(distinct),
    }
}

/// Returns the first value that lies between values of an earlier run, and the value before it
/// there, if values of several runs alternate in time. Runs that follow each other, or fill each
/// other's gaps, do not alternate.
fn set_back(distinct: &[TimedPoint], runs: &[u64]) -> Option<(TimedPoint, TimedPoint)> {
    if runs.len() * VALUES_PER_RUN > distinct.len() {
        return None;
    }
    let run = |point: &TimedPoint| runs.partition_point(|line| *line <= point.line);
    let is_change = |pair: &&[TimedPoint]| run(&pair[0]) != run(&pair[1]);
    let changes = distinct.windows(2).filter(is_change);
    let by_order = 2 * runs.len();
    let first = changes.clone().next()?;
    (changes.count() > by_order).then(|| match first[0].line < first[1].line {
        true => (first[0], first[1]),
        false => (first[1], first[0]),
    })
}

fn set_back_message(origin: Origin<'_>, first: &TimedPoint, second: &TimedPoint) -> String {
    let rail = origin.rail(&first.held(Nanos::ZERO).sample);
    format!(
        "line {}: rail {rail} goes back in time, between values of earlier lines (line {}): the \
         clock was set back, or two meters share the name; use one rail name per meter, or correct \
         the times",
        second.line, first.line
    )
}

/// Returns the values as samples.
fn lengthened(distinct: &[TimedPoint], origin: Origin<'_>) -> Result<Vec<RecordedSample>, String> {
    let pairs = distinct.windows(2);
    let nexts: Vec<Nanos> = pairs.map(|pair| pair[1].time - pair[0].time).collect();
    if let Some(at) = bunched(&nexts) {
        let (first, second) = (distinct[at], distinct[at + 1]);
        return Err(format!(
            "line {}: rail {} has two values at nearly one time, {:.3} s apart, and the next ones \
             after {:.3} s: several meters share the name; use one rail name per meter",
            second.line,
            origin.rail(&first.held(Nanos::ZERO).sample),
            nexts.iter().min().map_or(0.0, |time| time.seconds()),
            nexts.iter().max().map_or(0.0, |time| time.seconds()),
        ));
    }
    let median = median(&nexts);
    let held = |(index, point): (usize, &TimedPoint)| {
        let next = nexts.get(index).copied().unwrap_or(median);
        point.held(next.min(median))
    };
    Ok(distinct.iter().enumerate().map(held).collect())
}

fn median(lengths: &[Nanos]) -> Nanos {
    let mut lengths = lengths.to_vec();
    lengths.sort();
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}

/// Returns the index of a short distance if values come in regular bunches of one size.
fn bunched(distances: &[Nanos]) -> Option<usize> {
    let mut sorted = distances.to_vec();
    sorted.sort();
    // With k meters, one distance in k is long.
    let long = sorted.get(sorted.len() * 9 / 10)?.nanos();
    let is_short = |distance: &Nanos| distance.nanos() * BUNCHED <= long;
    let is_pause = |distance: &&Nanos| (long / 2..=long * 2).contains(&distance.nanos());
    let bunches: Vec<usize> = distances
        .chunk_by(|a, b| is_short(a) == is_short(b))
        .filter(|run| is_short(&run[0]))
        .map(<[Nanos]>::len)
        .collect();
    // The first and last bunch may be incomplete.
    let inner = bunches.get(1..bunches.len().saturating_sub(1))?;
    let size = inner.first()?;
    let regular = inner.iter().filter(|bunch| *bunch == size).count();
    let pauses = distances.iter().filter(is_pause).count();
    let is_pattern = regular * 5 >= inner.len() * 4 && pauses.abs_diff(bunches.len()) * 5 <= pauses;
    let is_enough = bunches.len() >= LEAST_BUNCHES && *size <= LARGEST_BUNCH;
    (is_pattern && is_enough).then(|| distances.iter().position(is_short))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rail::Rail;
    use energy_data::RailKind;

    /// Returns joules, length in ms, and kinds of notices, for values at times in ms from line 2.
    fn outcome(values: &[(i64, f64)]) -> Result<(f64, i64, Vec<&'static str>), String> {
        let rails = [Rail {
            name: "gpu".into(),
            kind: RailKind::Gpu,
            parent: None,
            unit: "W",
        }];
        let origin = Origin {
            rails: &rails,
            word: "line",
        };
        let points = values.iter().zip(2..);
        let points = points.map(|(&(ms, watts), line)| TimedPoint {
            rail: 0,
            time: Nanos::from_millis(ms),
            value: Some(watts),
            line,
        });
        let mut notices = Vec::new();
        let samples = held(points.collect(), origin, &mut notices)?;
        let energy = samples.iter().filter_map(|found| found.sample.energy);
        let joules = energy.map(|energy| energy.joules()).sum::<f64>();
        let length = samples
            .iter()
            .map(|f| f.sample.end - f.sample.start)
            .sum::<Nanos>();
        let kinds = notices.iter().map(|notice| notice.kind).collect();
        Ok((joules, length.nanos() / 1_000_000, kinds))
    }

    /// Returns ten values at intervals of one second.
    fn meter(from: i64, watts: f64) -> Vec<(i64, f64)> {
        (0..10).map(|at| (from + 1000 * at, watts)).collect()
    }

    fn interleaved(meters: &[Vec<(i64, f64)>]) -> Vec<(i64, f64)> {
        let row = |at: usize| meters.iter().map(move |meter| meter[at]);
        (0..meters[0].len()).flat_map(row).collect()
    }

    #[test]
    fn a_value_holds_until_the_next_one() {
        assert_eq!(outcome(&meter(0, 5.0)), Ok((50.0, 10_000, vec![])));
        let reversed: Vec<_> = meter(0, 5.0).into_iter().rev().collect();
        assert_eq!(outcome(&reversed), Ok((50.0, 10_000, vec!["unsorted"])));
    }

    #[test]
    fn values_of_two_meters_are_refused_with_the_line() {
        for (second, expected) in [
            (
                meter(0, 50.0),
                "line 3: rail gpu has two values at one time (the other one: line 2)",
            ),
            (
                meter(0, 100.0),
                "line 3: rail gpu has two values at one time",
            ),
            (
                meter(20, 50.0),
                "line 3: rail gpu has two values at nearly one time, 0.020 s apart",
            ),
            (
                meter(900, 50.0),
                "line 4: rail gpu has two values at nearly one time",
            ),
        ] {
            let values = interleaved(&[meter(0, 100.0), second]);
            let error = outcome(&values).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let three = [meter(0, 9.0), meter(30, 5.0), meter(60, 5.0)];
        let error = outcome(&interleaved(&three)).unwrap_err();
        assert!(error.contains("several meters"), "{error}");
        let apart = [meter(0, 100.0), meter(0, 50.0)].concat();
        let error = outcome(&apart).unwrap_err();
        assert!(
            error.starts_with("line 12: rail gpu has two values"),
            "{error}"
        );
    }

    #[test]
    fn pauses_and_uneven_distances_are_not_a_second_meter() {
        let burst = |from: i64| (0..5).map(move |at| (from + 100 * at, 2.0));
        let bursts: Vec<_> = burst(0).chain(burst(9_000)).chain(burst(60_000)).collect();
        assert_eq!(outcome(&bursts).unwrap().1, 1_500);
        // Distances of 0.25 s, rounded to 0.1 s.
        let rounded: Vec<_> = (0..40).map(|at| ((at * 5 / 2) * 100, 1.0)).collect();
        assert!(outcome(&rounded).is_ok());
        let days: Vec<_> = meter(0, 2.0)
            .into_iter()
            .chain(meter(300_000_000, 2.0))
            .collect();
        assert_eq!(outcome(&days), Ok((40.0, 20_000, vec![])));
    }

    #[test]
    fn duplicate_values_count_once() {
        let twice = [meter(0, 5.0), meter(0, 5.0)].concat();
        assert_eq!(
            outcome(&twice),
            Ok((50.0, 10_000, vec!["unsorted", "duplicate"]))
        );
        let later = [meter(0, 5.0), meter(5_000, 5.0)].concat();
        assert_eq!(
            outcome(&later),
            Ok((75.0, 15_000, vec!["unsorted", "duplicate"]))
        );
    }

    #[test]
    fn a_clock_that_was_set_back_is_refused() {
        let back = [meter(0, 5.0), meter(4_500, 5.0)].concat();
        let error = outcome(&back).unwrap_err();
        assert!(
            error.starts_with("line 12: rail gpu goes back in time"),
            "{error}"
        );
        // Parts of a recording in the wrong order, and a part in a gap of another.
        let swapped = [meter(10_000, 5.0), meter(0, 5.0)].concat();
        assert_eq!(outcome(&swapped), Ok((100.0, 20_000, vec!["unsorted"])));
        let filled = [meter(0, 5.0), meter(20_000, 5.0), meter(10_000, 5.0)].concat();
        assert_eq!(outcome(&filled), Ok((150.0, 30_000, vec!["unsorted"])));
    }

    #[test]
    fn a_single_value_has_no_length() {
        let error = outcome(&[(7, 50.0)]).unwrap_err();
        assert!(
            error.starts_with("line 2: a single value has no length"),
            "{error}"
        );
    }
}
