//! Keeps the power of rails over time in bounded memory: one row of buckets for each rail.
//!
//! ```text
//! samples   |--- 3 J ---|-- 2 J --|      windows of any length
//! buckets   |   |   |   |   |   |        energy spread evenly over a window's time
//! ```
//! If a recording exceeds the buckets' range, their length is doubled.

use energy_data::units::{Energy, Nanos};

/// The length of a bucket at the start.
const FIRST_LENGTH_NS: i64 = 200_000_000;

/// The maximum number of buckets.
const BUCKETS: usize = 4_096;

/// The share of a bucket that samples must cover for its power to be known.
const COVERED: f64 = 0.9;

/// The energy and the sampled time of one rail in one bucket.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    joules: f64,
    covered_ns: i64,
}

/// Maximum update period of a batched counter.
const LONGEST_BATCH_NS: i64 = 6_000_000_000;

/// Length of the intervals in which parts and wholes are compared, in windows of the slowest
/// rail and at least in time: readings are not simultaneous.
const COMPARED_WINDOWS: i64 = 4;
const COMPARED_AT_LEAST_NS: i64 = 1_000_000_000;

/// The power of rails over time.
#[derive(Debug, Clone)]
pub struct Observed {
    length_ns: i64,
    origin_ns: Option<i64>,
    rails: Vec<Vec<Bucket>>,
    holds: Vec<Hold>,
    /// Whether all samples have been added.
    pub(super) is_complete: bool,
}

/// The update period of a rail.
#[derive(Debug, Clone, Copy, Default)]
struct Hold {
    /// Time since the last non-zero energy.
    still_ns: i64,
    longest_ns: i64,
}

impl Hold {
    fn add(&mut self, joules: f64, length_ns: i64) {
        let held_ns = self.still_ns + length_ns;
        if joules == 0.0 {
            self.still_ns = held_ns;
        } else {
            // A rail at zero for longer is not a batched counter.
            let is_batch = self.still_ns <= LONGEST_BATCH_NS;
            let held_ns = if is_batch { held_ns } else { length_ns };
            self.longest_ns = self.longest_ns.max(held_ns);
            self.still_ns = 0;
        }
    }
}

/// The energy of parts and of their whole over the time in which both are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ComparedPower {
    /// The number of buckets.
    pub(super) buckets: usize,
    pub(super) parts_w: f64,
    pub(super) whole_w: f64,
    /// The number of intervals in which the parts draw more than the whole, and the excess
    /// as a share of the energy of the parts.
    pub(super) above: usize,
    pub(super) excess: f64,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            length_ns: FIRST_LENGTH_NS,
            origin_ns: None,
            rails: Vec::new(),
            holds: Vec::new(),
            is_complete: false,
        }
    }
}

impl Observed {
    /// Adds the window of a rail; one without energy adds nothing.
    pub fn add(&mut self, rail: usize, start: Nanos, end: Nanos, energy: Option<Energy>) {
        let (start_ns, end_ns) = (start.nanos(), end.nanos());
        let joules = energy.map(Energy::joules).filter(|one| one.is_finite());
        let (Some(joules), true) = (joules, start_ns < end_ns) else {
            return;
        };
        let origin_ns = *self.origin_ns.get_or_insert(start_ns);
        let (from, until) = (
            start_ns.saturating_sub(origin_ns),
            end_ns.saturating_sub(origin_ns),
        );
        while until > self.length_ns.saturating_mul(BUCKETS as i64) {
            self.double();
        }
        if self.rails.len() <= rail {
            self.rails.resize(rail + 1, Vec::new());
            self.holds.resize(rail + 1, Hold::default());
        }
        self.holds[rail].add(joules, end_ns - start_ns);
        let watts = joules / (end_ns - start_ns) as f64;
        // There are no buckets before the first window.
        let mut at = from.max(0);
        while at < until {
            let bucket = (at / self.length_ns) as usize;
            let edge = (bucket as i64 + 1)
                .saturating_mul(self.length_ns)
                .min(until);
            let buckets = &mut self.rails[rail];
            if buckets.len() <= bucket {
                buckets.resize(bucket + 1, Bucket::default());
            }
            buckets[bucket].joules += watts * (edge - at) as f64;
            buckets[bucket].covered_ns += edge - at;
            at = edge;
        }
    }

    /// Returns the mean power of a rail in watts, if any window of it is known.
    pub fn mean_w(&self, rail: usize) -> Option<f64> {
        let buckets = self.rails.get(rail)?;
        let covered_ns: i64 = buckets.iter().map(|one| one.covered_ns).sum();
        let joules: f64 = buckets.iter().map(|one| one.joules).sum();
        (covered_ns > 0).then(|| joules * 1e9 / covered_ns as f64)
    }

    /// Returns the sampled time of a rail.
    pub fn covered(&self, rail: usize) -> Nanos {
        let buckets = self.rails.get(rail).into_iter().flatten();
        Nanos::from_nanos(buckets.map(|one| one.covered_ns).sum())
    }

    /// Returns the observations of these rails, in this order.
    pub(super) fn of_rails(&self, rails: &[usize]) -> Self {
        let own = |&rail: &usize| self.rails.get(rail).cloned().unwrap_or_default();
        let hold = |&rail: &usize| self.holds.get(rail).copied().unwrap_or_default();
        Self {
            rails: rails.iter().map(own).collect(),
            holds: rails.iter().map(hold).collect(),
            ..*self
        }
    }

    fn double(&mut self) {
        self.length_ns = self.length_ns.saturating_mul(2);
        for buckets in &mut self.rails {
            let pairs = buckets.chunks(2);
            *buckets = pairs
                .map(|pair| Bucket {
                    joules: pair.iter().map(|one| one.joules).sum(),
                    covered_ns: pair.iter().map(|one| one.covered_ns).sum(),
                })
                .collect();
        }
    }

    fn watts(&self, rail: usize, bucket: usize) -> Option<f64> {
        let bucket = self.rails.get(rail)?.get(bucket)?;
        let is_known = bucket.covered_ns as f64 >= COVERED * self.length_ns as f64;
        is_known.then(|| bucket.joules * 1e9 / bucket.covered_ns as f64)
    }

    /// Compares the sum of `parts` with the sum of `wholes`, in buckets in which every
    /// whole is known. A part that is not known counts as zero: the sum is a lower bound.
    pub(super) fn compare(&self, parts: &[usize], wholes: &[usize]) -> ComparedPower {
        let (mut parts_j, mut whole_j, mut excess_j) = (0.0, 0.0, 0.0);
        let (mut buckets, mut above) = (0, 0);
        let group = self.group(parts, wholes);
        let (mut group_parts, mut group_whole, mut in_group) = (0.0, 0.0, 0);
        for at in 0..self.rails.iter().map(Vec::len).max().unwrap_or_default() {
            let whole: Option<f64> = wholes.iter().map(|&one| self.watts(one, at)).sum();
            let known = parts.iter().filter_map(|&one| self.watts(one, at));
            let (number, part) = known.fold((0, 0.0), |(n, sum), one| (n + 1, sum + one));
            let (Some(whole), true) = (whole, number > 0) else {
                continue;
            };
            buckets += 1;
            (parts_j, whole_j) = (parts_j + part, whole_j + whole);
            (group_parts, group_whole) = (group_parts + part, group_whole + whole);
            in_group += 1;
            if in_group == group {
                let per_bucket = 0.2 * group as f64;
                if group_parts > 1.05 * group_whole + per_bucket {
                    above += 1;
                    excess_j += group_parts - group_whole;
                }
                (group_parts, group_whole, in_group) = (0.0, 0.0, 0);
            }
        }
        let mean = |sum: f64| {
            if buckets > 0 {
                sum / buckets as f64
            } else {
                0.0
            }
        };
        ComparedPower {
            buckets,
            parts_w: mean(parts_j),
            whole_w: mean(whole_j),
            above,
            excess: if parts_j > 0.0 {
                excess_j / parts_j
            } else {
                0.0
            },
        }
    }

    /// Returns the number of buckets of an interval in which these rails are compared.
    fn group(&self, parts: &[usize], wholes: &[usize]) -> usize {
        let rails = parts.iter().chain(wholes);
        let holds = rails.filter_map(|&rail| self.holds.get(rail));
        let longest_ns = holds.map(|hold| hold.longest_ns).max().unwrap_or_default();
        let wanted_ns = longest_ns
            .saturating_mul(COMPARED_WINDOWS)
            .max(COMPARED_AT_LEAST_NS);
        usize::try_from(wanted_ns.div_euclid(self.length_ns).max(1)).unwrap_or(usize::MAX)
    }

    /// Returns whether two rails have the same energy in at least three buckets and
    /// another one in none.
    pub(super) fn are_identical(&self, one: usize, other: usize) -> bool {
        let mut equal = 0;
        let buckets = self.rails.get(one).map_or(0, Vec::len);
        for at in 0..buckets {
            let (Some(a), Some(b)) = (self.watts(one, at), self.watts(other, at)) else {
                continue;
            };
            if (a - b).abs() > 1e-9 * a.abs().max(b.abs()) {
                return false;
            }
            equal += usize::from(a > 0.0);
        }
        equal >= 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(rails: &[&[(i64, i64, f64)]]) -> Observed {
        let mut observed = Observed::default();
        for (rail, windows) in rails.iter().enumerate() {
            for &(start, end, watts) in *windows {
                let [start, end] = [start, end].map(Nanos::from_millis);
                let energy = Energy::from_joules(watts * (end - start).seconds());
                observed.add(rail, start, end, Some(energy));
            }
        }
        observed
    }

    #[test]
    fn windows_of_different_lengths_are_compared_over_their_common_time() {
        let whole = [(0, 1_000, 20.0), (2_000, 3_000, 20.0)];
        let part = [(0, 400, 30.0), (400, 1_000, 5.0), (1_000, 2_000, 99.0)];
        let observed = observed(&[&whole, &part]);
        let compared = observed.compare(&[1], &[0]);
        // The longest window is 1 s, so that intervals are 4 s long.
        assert_eq!((compared.buckets, compared.above), (5, 0));
        assert!((compared.parts_w - 15.0).abs() < 1e-9, "{compared:?}");
        assert!((compared.whole_w - 20.0).abs() < 1e-9, "{compared:?}");
        assert!((observed.mean_w(0).unwrap() - 20.0).abs() < 1e-9);
        assert_eq!(observed.mean_w(7), None);
    }

    /// ```text
    /// whole   0  0  30  0  0  30 ..     published each 0.3 s
    /// part    6  6  6  6  6  6  ..
    /// ```
    #[test]
    fn batched_counters_are_compared_over_several_batches() {
        let step = |at: i64| (100 * at, 100 * at + 100);
        let with = |watts: &dyn Fn(i64) -> f64| -> Vec<(i64, i64, f64)> {
            (0..200)
                .map(|at| (step(at).0, step(at).1, watts(at)))
                .collect()
        };
        let whole = with(&|at| if at % 3 == 2 { 30.0 } else { 0.0 });
        let bursts = with(&|at| if at % 10 == 0 { 60.0 } else { 0.0 });
        for part in [with(&|_| 6.0), bursts] {
            let compared = observed(&[&whole, &part]).compare(&[1], &[0]);
            assert_eq!(compared.above, 0, "{compared:?}");
        }
        let stopped = with(&|at| if at < 100 { 10.0 } else { 0.0 });
        let compared = observed(&[&stopped, &with(&|_| 6.0)]).compare(&[1], &[0]);
        assert!(compared.above >= 3, "{compared:?}");
    }

    #[test]
    fn memory_is_bounded_for_a_day_of_samples() {
        let mut observed = Observed::default();
        for second in 0..86_400 {
            let [start, end] = [second, second + 1].map(|s| Nanos::from_millis(1_000 * s));
            observed.add(0, start, end, Some(Energy::from_joules(3.0)));
        }
        assert!(observed.rails[0].len() <= BUCKETS);
        assert!((observed.mean_w(0).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(observed.covered(0), Nanos::from_millis(86_400_000));
    }

    #[test]
    fn equal_energies_are_identical_and_zeros_are_no_evidence() {
        let rows =
            |watts: [f64; 4]| [0, 1, 2, 3].map(|at| (200 * at, 200 * at + 200, watts[at as usize]));
        let (a, b) = (rows([7.0, 8.0, 9.0, 7.5]), rows([7.0, 8.0, 9.0, 7.6]));
        assert!(observed(&[&a, &a]).are_identical(0, 1));
        assert!(!observed(&[&a, &b]).are_identical(0, 1));
        let zero = rows([0.0; 4]);
        assert!(!observed(&[&zero, &zero]).are_identical(0, 1));
    }
}
