//! Puts recorded samples in order: what a rail's samples must be, and what is
//! done where a recording breaks it.
//!
//! ```text
//! out of order   sorted                        identical twice  one is kept
//! zero length    dropped
//! overlapping    |---a---|                     the later one loses the overlap,
//!                    |---b---|  ->  |-b-|      its power stays
//! ```

use crate::power::{Notice, Sample};
use crate::units::Nanos;

/// Sorts `samples` of all rails by end, cuts and drops as above, and counts what
/// it did, one notice for each kind.
pub(super) fn tidy(samples: Vec<Sample>, notices: &mut Vec<Notice>) -> Vec<Sample> {
    let mut count = |kind, count: usize, what: &str| {
        if count > 0 {
            notices.push(Notice {
                time: Nanos::ZERO,
                kind,
                message: format!("recording: {count} samples {what}"),
            });
        }
    };
    let all = samples.len();
    let mut samples: Vec<Sample> = samples.into_iter().filter(|s| s.start < s.end).collect();
    count(
        "zero_length",
        all - samples.len(),
        "without length were dropped",
    );
    count(
        "unsorted",
        sort(&mut samples),
        "were out of order and have been sorted",
    );
    let before = samples.len();
    samples.dedup();
    count(
        "duplicate",
        before - samples.len(),
        "occurred twice; one of each was kept",
    );
    let (mut samples, cut) = cut_overlaps(samples);
    count(
        "overlap",
        cut,
        "overlapped the one before and lost the overlap",
    );
    samples.sort_by_key(|sample| (sample.end, sample.rail));
    samples
}

/// Sorts by rail and time; how many stood before an earlier one of their rail.
fn sort(samples: &mut [Sample]) -> usize {
    let mut last = std::collections::HashMap::new();
    let mut unsorted = 0;
    for sample in samples.iter() {
        let latest = last.entry(sample.rail).or_insert(sample.start);
        unsorted += usize::from(sample.start < *latest);
        *latest = sample.start.max(*latest);
    }
    samples.sort_by_key(|sample| (sample.rail, sample.start, sample.end));
    unsorted
}

fn cut_overlaps(samples: Vec<Sample>) -> (Vec<Sample>, usize) {
    let mut kept: Vec<Sample> = Vec::with_capacity(samples.len());
    let mut cut = 0;
    for sample in samples {
        let last = kept.last().filter(|last| last.rail == sample.rail);
        let free = last.map_or(sample.start, |last| last.end.max(sample.start));
        cut += usize::from(free > sample.start);
        kept.extend(part(sample, free, sample.end));
    }
    (kept, cut)
}

/// The part of a sample in `[start, end)`, its power unchanged; `None` if that
/// is no time.
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
    use crate::units::Energy;

    fn sample(rail: usize, start: i64, end: i64, joules: f64) -> Sample {
        Sample {
            rail,
            start: Nanos::from_millis(start),
            end: Nanos::from_millis(end),
            energy: Some(Energy::from_joules(joules)),
        }
    }

    #[test]
    fn order_duplicates_overlaps_and_empty_ones() {
        let mut notices = Vec::new();
        let given = vec![
            sample(0, 200, 300, 3.0),
            sample(0, 100, 200, 2.0),
            sample(0, 100, 200, 2.0),
            sample(0, 250, 350, 4.0),
            sample(0, 400, 400, 9.0),
            sample(1, 0, 1000, 5.0),
            sample(0, 260, 290, 7.0),
        ];
        let tidied = tidy(given, &mut notices);
        let expected = [
            sample(0, 100, 200, 2.0),
            sample(0, 200, 300, 3.0),
            sample(0, 300, 350, 2.0),
            sample(1, 0, 1000, 5.0),
        ];
        assert_eq!(tidied, expected);
        let kinds: Vec<_> = notices.iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, ["zero_length", "unsorted", "duplicate", "overlap"]);
        assert!(notices[3].message.contains("2 samples"), "{notices:?}");
    }

    #[test]
    fn a_tidy_recording_has_no_notices() {
        let mut notices = Vec::new();
        let given = vec![
            sample(0, 0, 10, 1.0),
            sample(1, 0, 10, 1.0),
            sample(0, 10, 20, 1.0),
        ];
        assert_eq!(tidy(given.clone(), &mut notices), given);
        assert_eq!(notices, []);
    }
}
