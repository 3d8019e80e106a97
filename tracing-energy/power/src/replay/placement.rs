//! Determines the wall clock time of a recorded stream.
//!
//! Each document has its true length and its end in whole seconds. If the stream has no gaps,
//! document i ends at t0 plus the lengths up to it, and its second bounds t0:
//!
//! ```text
//! second - sum <= t0 < second + 1 - sum
//!
//! document 1   [========================)
//! document 2        [========================)
//! document 3  [========================)
//! t0                [===================)        intersection
//! ```
//!
//! If the intersection is empty, there was a gap, and a new contiguous run begins with that
//! document.

use super::wall::Wall;
use energy_data::units::Nanos;

const SECOND_NS: i64 = 1_000_000_000;
/// Longest delay of a stamp after the end of its document.
const LATE_NS: i64 = 30_000_000;

/// Length and end of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntervalStamp {
    /// True length.
    pub(super) elapsed: Nanos,
    /// Second of its end since 1970, if known.
    pub(super) unix_s: Option<i64>,
}

/// The windows of documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PlacedInterval {
    /// Window of each document, relative to the start of the first.
    pub(super) windows: Vec<(Nanos, Nanos)>,
    /// Start of the first document.
    pub(super) wall: Option<Wall>,
    /// Gaps: index of the next document, and length.
    pub(super) gaps: Vec<(usize, Nanos)>,
}

/// Consecutive documents without gaps.
#[derive(Debug, Clone, Copy)]
struct ContiguousRun {
    first: usize,
    /// Bounds of its first document's start, ns since 1970; `None` without a stamp.
    start: Option<(i64, i64)>,
    length: Nanos,
}

impl ContiguousRun {
    fn middle(&self) -> Option<i64> {
        self.start.map(|(lo, hi)| i64::midpoint(lo, hi))
    }
}

/// Lays documents end to end, with gaps as derived from their stamps.
pub(super) fn place(stamps: &[IntervalStamp]) -> PlacedInterval {
    let runs = runs(stamps);
    let Some(first) = runs.first() else {
        return PlacedInterval::default();
    };
    let mut placed = PlacedInterval {
        wall: first.start.map(|(lo, hi)| Wall {
            start_unix_ns: i64::midpoint(lo, hi),
            uncertainty: Nanos::from_nanos((hi - lo) / 2),
        }),
        ..PlacedInterval::default()
    };
    let mut end = Nanos::ZERO;
    for (at, run) in runs.iter().enumerate() {
        let since = run.middle().zip(first.middle());
        let stamped = since.map(|(own, first)| Nanos::from_nanos(own - first));
        // If the clock was set back, the run follows the previous one.
        let start = stamped.unwrap_or(end).max(end);
        if at > 0 {
            placed.gaps.push((run.first, start - end));
        }
        let next = runs.get(at + 1).map_or(stamps.len(), |next| next.first);
        end = start;
        for stamp in &stamps[run.first..next] {
            placed.windows.push((end, end + stamp.elapsed));
            end += stamp.elapsed;
        }
    }
    placed
}

fn runs(stamps: &[IntervalStamp]) -> Vec<ContiguousRun> {
    let mut runs: Vec<ContiguousRun> = Vec::new();
    for (at, stamp) in stamps.iter().enumerate() {
        let before = runs.last().map_or(Nanos::ZERO, |last| last.length);
        let bounds = |length: Nanos| {
            let end = stamp.unix_s?.checked_mul(SECOND_NS)?;
            let lo = end.checked_sub(length.nanos())?;
            Some((lo - LATE_NS, lo + SECOND_NS))
        };
        let length = before + stamp.elapsed;
        let joint = |known: Option<(i64, i64)>| match (known, bounds(length)) {
            (Some(a), Some(b)) => Some((a.0.max(b.0), a.1.min(b.1))),
            (known, own) => known.or(own),
        };
        match runs.last_mut() {
            Some(last) if joint(last.start).is_none_or(|(lo, hi)| lo < hi) => {
                last.start = joint(last.start);
                last.length = length;
            }
            _ => runs.push(ContiguousRun {
                first: at,
                start: bounds(stamp.elapsed),
                length: stamp.elapsed,
            }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the stamps of a stream that begins at `start`, with gaps (index of the next
    /// document, length in ns).
    fn stream(start: i64, lengths: &[i64], gaps: &[(usize, i64)]) -> Vec<IntervalStamp> {
        let mut now = start;
        let stamp = |(at, &length): (usize, &i64)| {
            now += gaps
                .iter()
                .filter(|gap| gap.0 == at)
                .map(|gap| gap.1)
                .sum::<i64>();
            now += length;
            IntervalStamp {
                elapsed: Nanos::from_nanos(length),
                unix_s: Some(now.div_euclid(SECOND_NS)),
            }
        };
        lengths.iter().enumerate().map(stamp).collect()
    }

    #[test]
    fn documents_without_stamps_have_no_wall_clock() {
        assert_eq!(place(&[]), PlacedInterval::default());
        let unstamped = IntervalStamp {
            elapsed: Nanos::from_millis(100),
            unix_s: None,
        };
        let placed = place(&[unstamped, unstamped]);
        assert_eq!((placed.wall, placed.gaps.len()), (None, 0));
        assert_eq!(placed.windows[1].1, Nanos::from_millis(200));
    }

    proptest! {
        #[test]
        fn the_start_lies_within_its_uncertainty(
            start in 1_700_000_000_000_000_000_i64..1_800_000_000_000_000_000,
            lengths in prop::collection::vec(50_000_000_i64..1_500_000_000, 1..200),
        ) {
            let placed = place(&stream(start, &lengths, &[]));
            let wall = placed.wall.unwrap();
            prop_assert!((wall.start_unix_ns - start).abs() <= wall.uncertainty.nanos());
            prop_assert!(wall.uncertainty.nanos() <= SECOND_NS);
            prop_assert_eq!(&placed.gaps, &[]);
            let ends_meet = placed.windows.windows(2).all(|pair| pair[0].1 == pair[1].0);
            prop_assert!(ends_meet);
        }

        #[test]
        fn gaps_are_found_with_their_length(
            start in 1_700_000_000_000_000_000_i64..1_800_000_000_000_000_000,
            lengths in prop::collection::vec(90_000_000_i64..120_000_000, 60..120),
            at in 30_usize..40,
            gap in 3_000_000_000_i64..90_000_000_000,
        ) {
            let placed = place(&stream(start, &lengths, &[(at, gap)]));
            prop_assert_eq!(placed.gaps.len(), 1);
            let (found, length) = placed.gaps[0];
            // The first document after the gap may fit within the rounding of the stamp.
            prop_assert!(found >= at && found <= at + 1);
            prop_assert!((length.nanos() - gap).abs() <= 2 * SECOND_NS);
            let in_order = placed.windows.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            prop_assert!(in_order);
        }
    }
}
