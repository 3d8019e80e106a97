//! Energy of time without samples, estimated from the samples next to it.
//!
//! ```text
//! windows    |..|5|5|6|5|    gap    |6|7|6|6|..|
//! estimate        `------- 5.75 W -------'        while one set of phases is open
//! ```
//!
//! Each gap waits for the windows from which it is estimated. The variation of powers until
//! then gives the error of the estimate.

use crate::ledger::scatter::{MeanPower, Scatter, Sides, Variance, neighbours};

/// Limit of the number of waiting gaps; beyond it the oldest is estimated from the windows so
/// far.
const WAITING: usize = 64;
/// Two sides count as known if neither has less than this part of the other.
const BALANCED: f64 = 1.0 / 3.0;

/// Fills the gaps of one set of phases on one rail.
#[derive(Debug, Default)]
pub(crate) struct Filler {
    pub(crate) scatter: Scatter,
    waiting: Vec<Gap>,
    settled: Settled,
    /// Total time of its gaps.
    pub(crate) missing_ns: i64,
}

/// A gap.
#[derive(Debug, Clone, Copy)]
struct Gap {
    ns: i64,
    windows: f64,
    before: MeanPower,
    after: MeanPower,
}

/// Gaps whose energy is estimated.
#[derive(Debug, Clone, Default)]
struct Settled {
    energy_j: f64,
    /// Time of gaps without a window on any side.
    unplaced_ns: i64,
    /// Gaps by known sides and logarithm of length.
    lengths: Vec<Length>,
}

/// Gaps of similar length.
#[derive(Debug, Clone, Copy)]
struct Length {
    sides: Sides,
    log2: i32,
    count: f64,
    windows_squared: f64,
    seconds_squared: f64,
}

/// Estimated energy.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Filled {
    pub(crate) energy_j: f64,
    pub(crate) error: Variance,
    /// Time for which nothing could be estimated.
    pub(crate) unplaced_ns: i64,
}

impl Filler {
    /// Adds a window that belongs to the set as a whole.
    pub(crate) fn push(&mut self, power_w: f64, ns: i64) {
        self.scatter.push(power_w, ns);
        let settled = &mut self.settled;
        self.waiting.retain_mut(|gap| {
            gap.after.add(power_w);
            let waits = gap.after.windows < neighbours(gap.windows);
            if !waits {
                settled.add(gap);
            }
            waits
        });
    }

    /// Adds `ns` of the set's time without samples. `window_ns` is the usual length of a window.
    pub(crate) fn gap(&mut self, ns: i64, window_ns: i64) {
        self.missing_ns += ns;
        if self.waiting.len() >= WAITING {
            self.settled.add(&self.waiting.remove(0));
        }
        let gap = self.open(ns, window_ns);
        self.waiting.push(gap);
    }

    /// Estimates all gaps and `trailing_ns` after the last window. `rail` is the variation of
    /// all powers of the rail.
    pub(crate) fn fill(&self, trailing_ns: i64, window_ns: i64, rail: &Scatter) -> Filled {
        let mut settled = self.settled.clone();
        self.waiting.iter().for_each(|gap| settled.add(gap));
        if trailing_ns > 0 {
            settled.add(&self.open(trailing_ns, window_ns));
        }
        let window_s = self.scatter.window_ns().unwrap_or(0.0) / 1e9;
        let mut error = Variance::default();
        for length in &settled.lengths {
            let windows = (length.windows_squared / length.count).sqrt();
            let own = self.scatter.error(windows, length.sides);
            let known = own.or_else(|| rail.error(windows, Sides::One));
            // The variation is unknown after a single window: the error is the power itself.
            let mean_w = self.scatter.recent(1.0).power_w().unwrap_or(0.0);
            let known = known.unwrap_or(Variance::new(mean_w * mean_w, 1.0));
            error.add_scaled(known, length.seconds_squared.sqrt());
        }
        if !settled.lengths.is_empty() {
            error.add_scaled(self.scatter.own_noise(), window_s);
        }
        Filled {
            energy_j: settled.energy_j,
            error,
            unplaced_ns: settled.unplaced_ns,
        }
    }

    fn open(&self, ns: i64, window_ns: i64) -> Gap {
        let window_ns = self.scatter.window_ns().unwrap_or(window_ns as f64);
        let windows = ns as f64 / window_ns.max(1.0);
        Gap {
            ns,
            windows,
            before: self.scatter.recent(neighbours(windows)),
            after: MeanPower::default(),
        }
    }
}

impl Settled {
    fn add(&mut self, gap: &Gap) {
        let Some(power_w) = gap.before.plus(gap.after).power_w() else {
            self.unplaced_ns += gap.ns;
            return;
        };
        let seconds = gap.ns as f64 / 1e9;
        self.energy_j += power_w * seconds;
        let (less, more) = match gap.before.windows < gap.after.windows {
            true => (gap.before.windows, gap.after.windows),
            false => (gap.after.windows, gap.before.windows),
        };
        let sides = match less >= more * BALANCED {
            true => Sides::Two,
            false => Sides::One,
        };
        let log2 = gap.windows.max(f64::MIN_POSITIVE).log2().floor() as i32;
        let same = |length: &&mut Length| length.sides == sides && length.log2 == log2;
        let (windows_squared, seconds_squared) = (gap.windows.powi(2), seconds * seconds);
        match self.lengths.iter_mut().find(same) {
            Some(length) => {
                length.count += 1.0;
                length.windows_squared += windows_squared;
                length.seconds_squared += seconds_squared;
            }
            None => self.lengths.push(Length {
                sides,
                log2,
                count: 1.0,
                windows_squared,
                seconds_squared,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 100_000_000;

    fn filler(powers: &[Option<f64>]) -> Filler {
        let mut filler = Filler::default();
        for part in powers.chunk_by(|a, b| a.is_none() && b.is_none()) {
            match part[0] {
                Some(power) => filler.push(power, WINDOW),
                None => filler.gap(part.len() as i64 * WINDOW, WINDOW),
            }
        }
        filler
    }

    fn fill(filler: &Filler, trailing: i64) -> Filled {
        filler.fill(trailing * WINDOW, WINDOW, &Scatter::default())
    }

    /// ```text
    /// 0 1 2 3 4 5 | 6 7 8 9 | 10 11 12 13 14 15      W, the gap in the middle
    /// ```
    #[test]
    fn a_gap_has_the_mean_power_of_both_sides() {
        let powers = (0..16).map(|at| (!(6..10).contains(&at)).then_some(f64::from(at)));
        let filler = filler(&powers.collect::<Vec<_>>());
        let filled = fill(&filler, 0);
        assert!((filled.energy_j - 3.0).abs() < 1e-12, "{filled:?}");
        assert_eq!((filler.missing_ns, filled.unplaced_ns), (4 * WINDOW, 0));
    }

    #[test]
    fn time_after_the_last_window_is_estimated_from_one_side() {
        let filled = fill(&filler(&[Some(2.0); 8]), 5);
        assert!((filled.energy_j - 1.0).abs() < 1e-12, "{filled:?}");
        assert!(filled.error.half() < 1e-9);
        assert_eq!(fill(&Filler::default(), 5).unplaced_ns, 5 * WINDOW);
    }

    #[test]
    fn an_interval_grows_with_the_gap() {
        // 7 is a primitive root of 41: its powers look unordered.
        let powers = (0..40).scan(1, |at, _| {
            *at = *at * 7 % 41;
            Some(Some(f64::from(*at)))
        });
        let powers: Vec<_> = powers.collect();
        let halves: Vec<f64> = [1, 10, 100]
            .map(|gap| fill(&filler(&powers), gap).error.half())
            .to_vec();
        assert!(halves[0] > 0.0 && halves[1] > 2.0 * halves[0], "{halves:?}");
        assert!(halves[2] > 2.0 * halves[1], "{halves:?}");
    }

    #[test]
    fn very_many_gaps_take_bounded_memory() {
        let mut filler = filler(&[Some(1.0)]);
        for _ in 0..10_000 {
            filler.gap(1_000 * WINDOW, WINDOW);
            filler.push(1.0, WINDOW);
        }
        assert!(filler.waiting.len() <= WAITING && filler.settled.lengths.len() < 4);
        let filled = fill(&filler, 0);
        assert!((filled.energy_j / 1e6 - 1.0).abs() < 1e-9, "{filled:?}");
    }
}
