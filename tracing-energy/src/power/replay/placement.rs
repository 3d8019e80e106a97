//! When a recorded stream was made, by the wall clock.
//!
//! Each document tells its true length and, in whole seconds, when it ended. If the
//! stream has no gaps, document i ends at t0 + the lengths up to it, and its second
//! bounds t0:
//!
//! ```text
//! second - sum <= t0 < second + 1 - sum
//!
//! document 1   [========================)
//! document 2        [========================)
//! document 3  [========================)
//! t0                [===================)        all of them together
//! ```
//!
//! Where nothing is left, there was a gap: a new stretch begins with that document.

use crate::units::Nanos;

/// A second, and what a stamp may be late for the end that it tells.
const SECOND_NS: i64 = 1_000_000_000;
const LATE_NS: i64 = 30_000_000;

/// What a document tells of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its true length.
    pub(super) elapsed: Nanos,
    /// The second in which it ended, since 1970.
    pub(super) unix_s: Option<i64>,
}

/// When a recording began, by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wall {
    /// Start of the first sample, ns since 1970.
    pub start_unix_ns: i64,
    /// It may be that much earlier or later.
    pub uncertainty: Nanos,
}

/// Where documents lie.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Placed {
    /// Of each document, from the first one's start.
    pub(super) windows: Vec<(Nanos, Nanos)>,
    /// When the first one began.
    pub(super) wall: Option<Wall>,
    /// Gaps: the document after it, and its length.
    pub(super) gaps: Vec<(usize, Nanos)>,
}

/// A stretch without gaps.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: usize,
    /// Bounds of its first document's start, ns since 1970; none without a stamp.
    start: Option<(i64, i64)>,
    length: Nanos,
}

impl Stretch {
    fn middle(&self) -> Option<i64> {
        self.start.map(|(lo, hi)| i64::midpoint(lo, hi))
    }
}

/// Lays documents end to end, with gaps where their stamps say so.
pub(super) fn place(stamps: &[Stamp]) -> Placed {
    let stretches = stretches(stamps);
    let Some(first) = stretches.first() else {
        return Placed::default();
    };
    let mut placed = Placed {
        wall: first.start.map(|(lo, hi)| Wall {
            start_unix_ns: i64::midpoint(lo, hi),
            uncertainty: Nanos::from_nanos((hi - lo) / 2),
        }),
        ..Placed::default()
    };
    let mut end = Nanos::ZERO;
    for (at, stretch) in stretches.iter().enumerate() {
        let since = stretch.middle().zip(first.middle());
        let told = since.map(|(own, first)| Nanos::from_nanos(own - first));
        // Clocks that were set back put nothing before what is there already.
        let start = told.unwrap_or(end).max(end);
        if at > 0 {
            placed.gaps.push((stretch.first, start - end));
        }
        let next = stretches
            .get(at + 1)
            .map_or(stamps.len(), |next| next.first);
        end = start;
        for stamp in &stamps[stretch.first..next] {
            placed.windows.push((end, end + stamp.elapsed));
            end += stamp.elapsed;
        }
    }
    placed
}

fn stretches(stamps: &[Stamp]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (at, stamp) in stamps.iter().enumerate() {
        let before = stretches.last().map_or(Nanos::ZERO, |last| last.length);
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
        match stretches.last_mut() {
            Some(last) if joint(last.start).is_none_or(|(lo, hi)| lo < hi) => {
                last.start = joint(last.start);
                last.length = length;
            }
            _ => stretches.push(Stretch {
                first: at,
                start: bounds(stamp.elapsed),
                length: stamp.elapsed,
            }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Documents as a machine makes them whose stream begins at `start`; some seconds
    /// pass before the document at each of `gaps`.
    fn stream(start: i64, lengths: &[i64], gaps: &[(usize, i64)]) -> Vec<Stamp> {
        let mut now = start;
        let stamp = |(at, &length): (usize, &i64)| {
            now += gaps
                .iter()
                .filter(|gap| gap.0 == at)
                .map(|gap| gap.1)
                .sum::<i64>();
            now += length;
            Stamp {
                elapsed: Nanos::from_nanos(length),
                unix_s: Some(now.div_euclid(SECOND_NS)),
            }
        };
        lengths.iter().enumerate().map(stamp).collect()
    }

    #[test]
    fn nothing_is_placed_nowhere() {
        assert_eq!(place(&[]), Placed::default());
        let unstamped = Stamp {
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
            // The document may still fit the second that was begun.
            prop_assert!(found >= at && found <= at + 1);
            prop_assert!((length.nanos() - gap).abs() <= 2 * SECOND_NS);
            let in_order = placed.windows.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            prop_assert!(in_order);
        }
    }
}
