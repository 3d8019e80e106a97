//! Which samples give a peak of power.
//!
//! ```text
//! samples   |s|  long  |  long  |  long  |s|      s: far shorter than the others
//! a peak of   [ s long ]                          the first two together
//!               [ long ][ long ][ long ]          each of these
//!                               [ long  s]        the last two together
//! ```
//!
//! Samples at the ends of a run may be far shorter than the others. The energy of such a sample is
//! exact in a sum, but its mean power is not: steps of the sensor and delays of a reading are large in
//! it. It counts together with its neighbour, so that no mean power exceeds the peak.

/// Returns whether a sample of `length_ns` is long enough to give a peak alone: it has at least half
/// of `interval_ns`, the usual length on its rail.
pub fn gives_peak(length_ns: i64, interval_ns: i64) -> bool {
    length_ns.saturating_mul(2) >= interval_ns
}

/// Finds powers of consecutive samples of one rail that count for its peak.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeakSamples {
    last: Option<Joined>,
}

/// The last sample, with those before it if it is joined.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Joined {
    start_ns: i64,
    end_ns: i64,
    energy_j: f64,
    count: u32,
}

impl Joined {
    fn length_ns(&self) -> i64 {
        self.end_ns - self.start_ns
    }

    fn power_w(&self, interval_ns: i64) -> Option<f64> {
        let is_long = self.length_ns() > 0 && gives_peak(self.length_ns(), interval_ns);
        is_long.then(|| self.energy_j / (self.length_ns() as f64 / 1e9))
    }
}

impl PeakSamples {
    /// Adds the sample from `start_ns` to `end_ns`. Returns the highest mean power that it completes, of
    /// itself or with the samples before it; `None` if they are too short. Samples without energy are
    /// not added.
    pub fn add(
        &mut self,
        (start_ns, end_ns): (i64, i64),
        energy_j: f64,
        interval_ns: i64,
    ) -> Option<f64> {
        let alone = Joined {
            start_ns,
            end_ns,
            energy_j,
            count: 1,
        };
        let with = self.last.and_then(|last| last.with(&alone, interval_ns));
        self.last = Some(with.unwrap_or(alone));
        let powers = [Some(alone), with].into_iter().flatten();
        let powers = powers.filter_map(|one| one.power_w(interval_ns));
        powers.reduce(f64::max)
    }
}

impl Joined {
    /// Returns both as one, if they adjoin and one of them is too short.
    fn with(&self, next: &Self, interval_ns: i64) -> Option<Self> {
        let is_short = |one: &Self| !gives_peak(one.length_ns(), interval_ns);
        let is_full = self.count > 1 && self.length_ns() >= interval_ns;
        let joins = self.end_ns == next.start_ns && !is_full && (is_short(self) || is_short(next));
        joins.then(|| Self {
            start_ns: self.start_ns,
            end_ns: next.end_ns,
            energy_j: self.energy_j + next.energy_j,
            count: self.count + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Powers that samples of these lengths in ms, usually 100 ms, and energies complete.
    fn powers(samples: &[(i64, f64)]) -> Vec<Option<f64>> {
        let mut peaks = PeakSamples::default();
        let mut start_ns = 0;
        let mut add = |&(length_ms, energy_j): &(i64, f64)| {
            let end_ns = start_ns + length_ms * 1_000_000;
            let found = peaks.add((start_ns, end_ns), energy_j, 100_000_000);
            start_ns = end_ns;
            found
        };
        samples.iter().map(&mut add).collect()
    }

    #[test]
    fn short_samples_count_with_their_neighbours() {
        let found = powers(&[(4, 0.2), (96, 1.4), (100, 1.5), (100, 1.5), (25, 0.5)]);
        let expected = [None, Some(16.0), Some(15.0), Some(15.0), Some(16.0)];
        for (found, expected) in found.iter().zip(expected) {
            let is_equal = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(is_equal, "{found:?}, not {expected:?}");
        }
    }

    #[test]
    fn samples_that_are_all_short_are_joined() {
        let found = powers(&[(20, 0.2); 12]);
        let known: Vec<f64> = found.iter().copied().flatten().collect();
        assert_eq!(found[..2], [None, None]);
        assert!(known.len() >= 6 && known.iter().all(|power| (power - 10.0).abs() < 1e-9));
    }

    #[test]
    fn samples_apart_are_not_joined() {
        let mut peaks = PeakSamples::default();
        assert_eq!(peaks.add((0, 4), 1.0, 100), None);
        assert_eq!(peaks.add((5, 105), 2.0, 100), Some(2.0 / 100e-9));
        assert_eq!(peaks.add((300, 310), 2.0, 100), None);
    }
}
