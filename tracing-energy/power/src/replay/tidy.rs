//! Sorts and cleans recorded samples.
//!
//! ```text
//! out of order   sorted                        identical twice  one is kept
//! zero length    dropped                       implausible      dropped
//! overlapping    |---a---|                     the later one loses the overlap,
//!                    |---b---|  ->  |-b-|      its power stays
//! ```
//! Two values at one time, and overlaps in a large part of the recording, are refused, because
//! two meters under one name, or a clock that was set back, cannot be corrected.

use std::collections::BTreeMap;

use super::gaps::gaps;
use super::limits::drop_implausible;
use super::recorded::{Origin, RecordedSample, count};
use crate::rail::{Notice, Sample};
use energy_data::units::Nanos;

/// Largest share of a rail's time with overlaps that is accepted as clock jitter.
const MOST_OVERLAP: f64 = 0.25;

/// Sorts samples of all rails by end, cuts and drops them as described above, and adds a notice
/// with the count for each kind of change.
///
/// # Errors
/// A message with the place, if a rail has two values at one time or no sample is plausible.
pub(super) fn tidy(
    mut found: Vec<RecordedSample>,
    origin: Origin<'_>,
    notices: &mut Vec<Notice>,
) -> Result<Vec<Sample>, String> {
    let all = found.len();
    found.retain(|one| one.sample.start < one.sample.end);
    let empty = all - found.len();
    count(notices, "zero_length", empty, "without length were dropped");
    drop_implausible(&mut found, origin, notices)?;
    let unsorted = sort(&mut found);
    let what = "were out of order and have been sorted";
    count(notices, "unsorted", unsorted, what);
    let twice = drop_duplicates(&mut found, origin)?;
    let what = "occurred twice; one of each was kept";
    count(notices, "duplicate", twice, what);
    let cut = cut_overlaps(&mut found, origin)?;
    let what = "overlapped the previous one and lost the overlap";
    count(notices, "overlap", cut, what);
    notices.extend(gaps(&found, origin));
    let mut samples: Vec<Sample> = found.into_iter().map(|found| found.sample).collect();
    samples.sort_by_key(|sample| (sample.end, sample.rail));
    Ok(samples)
}

/// Sorts by rail and time. Returns the number of samples that were out of order in their rail.
fn sort(found: &mut [RecordedSample]) -> usize {
    let mut last = BTreeMap::new();
    let mut unsorted = 0;
    for RecordedSample { sample, .. } in found.iter() {
        let latest = last.entry(sample.rail).or_insert(sample.start);
        unsorted += usize::from(sample.start < *latest);
        *latest = sample.start.max(*latest);
    }
    found.sort_by_key(|RecordedSample { sample, place }| {
        (sample.rail, sample.start, sample.end, *place)
    });
    unsorted
}

fn window(found: &RecordedSample) -> (usize, Nanos, Nanos) {
    let Sample {
        rail, start, end, ..
    } = found.sample;
    (rail, start, end)
}

/// Drops duplicates and returns their number.
fn drop_duplicates(found: &mut Vec<RecordedSample>, origin: Origin<'_>) -> Result<usize, String> {
    for rail in found.chunk_by(|a, b| a.sample.rail == b.sample.rail) {
        let places = places(rail);
        let (mut windows, mut neighbours) = (0, Vec::new());
        for same in rail.chunk_by(|a, b| window(a) == window(b)) {
            windows += 1;
            for pair in same.windows(2) {
                if pair[0].sample.energy != pair[1].sample.energy {
                    return Err(origin.two_values(&pair[0], &pair[1]));
                }
                if are_neighbours(&places, pair[0].place, pair[1].place) {
                    neighbours.push((pair[0], pair[1]));
                }
            }
        }
        if let Some((first, second)) = neighbours.first()
            && is_two_meters(neighbours.len(), windows)
        {
            return Err(origin.two_values(first, second));
        }
    }
    let all = found.len();
    found.dedup_by_key(|one| window(one));
    Ok(all - found.len())
}

/// Returns the places of a rail's samples, in the order of the file.
fn places(rail: &[RecordedSample]) -> Vec<u64> {
    let mut places: Vec<u64> = rail.iter().map(|found| found.place).collect();
    places.sort_unstable();
    places
}

/// Returns whether no other sample of the rail lies between two places.
pub(super) fn are_neighbours(places: &[u64], first: u64, second: u64) -> bool {
    let at = places.partition_point(|place| *place <= first);
    places.get(at) == Some(&second)
}

/// Returns whether equal neighbours indicate two meters. In a file merged with itself, equal
/// values are far apart, and single rows may be written twice.
pub(super) const fn is_two_meters(neighbours: usize, times: usize) -> bool {
    2 * neighbours >= times
}

/// Cuts overlaps with the previous sample. Returns the number of cut samples.
fn cut_overlaps(found: &mut Vec<RecordedSample>, origin: Origin<'_>) -> Result<usize, String> {
    let mut kept: Vec<RecordedSample> = Vec::with_capacity(found.len());
    let mut cut = 0;
    for rail in found.chunk_by(|a, b| a.sample.rail == b.sample.rail) {
        let before = kept.len();
        let mut overlap = Nanos::ZERO;
        let mut first = None;
        for one in rail {
            let sample = one.sample;
            let last = kept[before..].last();
            let free = last.map_or(sample.start, |last| last.sample.end.max(sample.start));
            if let Some(last) = last.filter(|_| free > sample.start) {
                cut += 1;
                overlap += free.min(sample.end) - sample.start;
                first.get_or_insert((*last, *one));
            }
            let sample = part(sample, free, sample.end);
            kept.extend(sample.map(|sample| RecordedSample { sample, ..*one }));
        }
        let covered: Nanos = kept[before..]
            .iter()
            .map(|kept| kept.sample.end - kept.sample.start)
            .sum();
        let is_much = overlap.seconds() > MOST_OVERLAP * covered.seconds();
        if let Some((last, one)) = first.filter(|_| is_much) {
            return Err(origin.two_values(&last, &one));
        }
    }
    *found = kept;
    Ok(cut)
}

/// Returns the part of a sample in `[start, end)` with unchanged power, or `None` if it is
/// empty.
pub(super) fn part(sample: Sample, start: Nanos, end: Nanos) -> Option<Sample> {
    let (start, end) = (start.max(sample.start), end.min(sample.end));
    let whole = (sample.end - sample.start).seconds();
    (start < end).then(|| Sample {
        start,
        end,
        energy: sample.energy.map(|energy| match (start, end) {
            (s, e) if (s, e) == (sample.start, sample.end) => energy,
            _ => energy * ((end - start).seconds() / whole),
        }),
        ..sample
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rail::Rail;
    use energy_data::RailKind;
    use energy_data::units::Energy;

    fn sample(rail: usize, start: i64, end: i64, joules: f64) -> Sample {
        Sample {
            rail,
            start: Nanos::from_millis(start),
            end: Nanos::from_millis(end),
            energy: Some(Energy::from_joules(joules)),
        }
    }

    type Tidied = (Vec<Sample>, Vec<(&'static str, String)>);

    /// Returns the samples, and kinds and messages of notices; samples are in lines from 2.
    fn tidied(samples: &[Sample]) -> Result<Tidied, String> {
        let rail = |name: &str| Rail {
            name: name.to_owned(),
            kind: RailKind::Cpu,
            parent: None,
            unit: "J",
        };
        let rails = [rail("cpu"), rail("gpu")];
        let origin = Origin {
            rails: &rails,
            word: "line",
        };
        let found = samples.iter().zip(2..);
        let found = found.map(|(&sample, place)| RecordedSample { sample, place });
        let mut notices = Vec::new();
        let samples = tidy(found.collect(), origin, &mut notices)?;
        let notices = notices.into_iter();
        Ok((
            samples,
            notices.map(|one| (one.kind, one.message)).collect(),
        ))
    }

    #[test]
    fn samples_are_sorted_and_duplicates_overlaps_and_empty_ones_removed() {
        let given = [
            sample(0, 200, 300, 3.0),
            sample(0, 100, 200, 2.0),
            sample(0, 100, 200, 2.0),
            sample(0, 250, 350, 4.0),
            sample(0, 400, 400, 9.0),
            sample(1, 0, 1000, 5.0),
            sample(0, 260, 290, 7.0),
            sample(0, 350, 700, 1.0),
        ];
        let (samples, notices) = tidied(&given).unwrap();
        let expected = [
            sample(0, 100, 200, 2.0),
            sample(0, 200, 300, 3.0),
            sample(0, 300, 350, 2.0),
            sample(0, 350, 700, 1.0),
            sample(1, 0, 1000, 5.0),
        ];
        assert_eq!(samples, expected);
        let kinds: Vec<_> = notices.iter().map(|notice| notice.0).collect();
        assert_eq!(kinds, ["zero_length", "unsorted", "duplicate", "overlap"]);
        assert!(notices[3].1.contains("2 samples"), "{notices:?}");
    }

    #[test]
    fn a_correct_recording_has_no_notices() {
        let given = [
            sample(0, 0, 10, 1.0),
            sample(1, 0, 10, 1.0),
            sample(0, 10, 20, 1.0),
        ];
        assert_eq!(tidied(&given), Ok((given.to_vec(), vec![])));
    }

    #[test]
    fn two_meters_under_one_name_are_refused() {
        let meters = |shift: i64, second: f64| -> Vec<Sample> {
            let both = |at: i64| {
                let (start, end) = (100 * at, 100 * (at + 1));
                [
                    sample(0, start, end, 10.0),
                    sample(0, start + shift, end + shift, second),
                ]
            };
            (0..20).flat_map(both).collect()
        };
        for (shift, second) in [(0, 5.0), (0, 10.0), (2, 5.0), (50, 10.0)] {
            let error = tidied(&meters(shift, second)).unwrap_err();
            let expected = "rail cpu has two values at one time";
            assert!(error.starts_with("line 3: "), "{shift} {second}: {error}");
            assert!(error.contains(expected), "{shift} {second}: {error}");
        }
    }

    #[test]
    fn a_recording_merged_with_itself_counts_once() {
        let once: Vec<Sample> = (0..20)
            .map(|at| sample(0, 100 * at, 100 * (at + 1), 1.0))
            .collect();
        let twice = [once.clone(), once.clone()].concat();
        let (samples, notices) = tidied(&twice).unwrap();
        assert_eq!(samples, once);
        assert!(
            notices[1].1.contains("20 samples occurred twice"),
            "{notices:?}"
        );
    }

    #[test]
    fn a_clock_set_back_for_a_long_time_is_refused() {
        let row = |at: i64| sample(0, 100 * at, 100 * at + 100, at as f64);
        let back: Vec<Sample> = (0..20).map(row).chain((15..30).map(row)).collect();
        assert!(tidied(&back).is_ok(), "the same samples again");
        let other = (15..30).map(|at| sample(0, 100 * at, 100 * at + 100, 7.5));
        let back: Vec<Sample> = (0..20).map(row).chain(other).collect();
        assert!(tidied(&back).unwrap_err().contains("line 22"), "{back:?}");
    }

    #[test]
    fn implausible_samples_are_dropped_and_counted_by_rail() {
        let mut given: Vec<Sample> = (0..10)
            .map(|at| sample(0, 100 * at, 100 * (at + 1), 1.0))
            .collect();
        given[3].energy = Some(Energy::from_millijoules(18_446_744_073_709_551_611.0));
        given[4].energy = Some(Energy::from_joules(-1.0));
        given[7].energy = Some(Energy::from_joules(2e6));
        given.push(sample(1, 0, 700_000_000, 1.0));
        let (samples, notices) = tidied(&given).unwrap();
        assert_eq!(samples.len(), 7);
        let expected = [
            "recording: 1 samples of rail cpu of a negative power were dropped (first: line 6)",
            "recording: 2 samples of rail cpu of more than 20 kW were dropped (first: line 5)",
            "recording: 1 samples of rail gpu that last more than a week were dropped (first: line 12)",
            "recording: 2 gaps, in total 0.3 s without samples, the longest 0.2 s before line 7 (rail cpu)",
        ];
        let mut messages: Vec<_> = notices.into_iter().map(|notice| notice.1).collect();
        messages.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(messages, expected);
        let error = tidied(&[sample(0, 0, 1, 1e6)]).unwrap_err();
        assert!(
            error.contains("line 2") && error.contains("more than 20 kW"),
            "{error}"
        );
    }
}
