//! Tests whether a rail's idle power can be that of its run. The mean power of a run must not
//! be below idle power by more than the noise of both.
//!
//! ```text
//! baseline   b, from n_b samples of spread s_b
//! run        m, from n samples of spread s, autocorrelation rho
//! se         sqrt((1 + rho) / (1 - rho) x (s_b^2 / n_b + s^2 / n))
//!
//! deficit b - m   <= 3 se, or <= 2 % of b      idle power is kept; the deficit is in
//!                                              `residual`
//!                 above both, or > 25 % of b   idle power is unknown
//! ```
//!
//! A threshold of zero would reject every second rail that is truly idle, where `m < b` is
//! random. If the spread of the baseline is unknown, the run's is used. A configured idle
//! power has no spread.

use std::collections::BTreeMap;

use energy_data::rows::{BaselineRow, SampleRow};

/// Deficits up to this number of standard errors are noise.
const ERRORS: f64 = 3.0;
/// Deficits up to this share of idle power do not matter.
const NEGLIGIBLE: f64 = 0.02;
/// Beyond this share idle power is not that of the run, however noisy both are.
const IMPOSSIBLE: f64 = 0.25;
/// Upper limit of the autocorrelation.
const MAX_AUTOCORRELATION: f64 = 0.98;

/// Mean, spread and autocorrelation of the powers of successive windows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Powers {
    count: u64,
    /// The first power. Sums are of differences to it, to keep precision.
    first: f64,
    last: f64,
    sum: f64,
    squares: f64,
    /// Sum of products of each power with the one before.
    products: f64,
    energy_j: f64,
    seconds: f64,
}

/// Measured or configured idle power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IdlePower {
    pub(crate) watts: f64,
    /// Number of samples; 0: configured.
    pub(crate) samples: u32,
    /// Standard deviation of the samples' powers.
    pub(crate) spread_w: Option<f64>,
}

impl From<&BaselineRow> for IdlePower {
    fn from(row: &BaselineRow) -> Self {
        Self {
            watts: row.power_w,
            samples: row.samples,
            spread_w: row.spread_w,
        }
    }
}

impl Powers {
    /// Adds a window.
    pub(crate) fn add(&mut self, energy_j: f64, length_ns: i64) {
        let seconds = length_ns as f64 / 1e9;
        let power = energy_j / seconds;
        if self.count == 0 {
            self.first = power;
        }
        let off = power - self.first;
        if self.count > 0 {
            self.products += off * self.last;
        }
        self.last = off;
        self.sum += off;
        self.squares += off * off;
        self.count += 1;
        self.energy_j += energy_j;
        self.seconds += seconds;
    }

    /// Whether `idle` is above the run's mean power by more than noise explains.
    pub(crate) fn refute(&self, idle: &IdlePower) -> bool {
        if self.seconds <= 0.0 {
            return false;
        }
        let deficit = idle.watts - self.energy_j / self.seconds;
        let is_far = deficit > IMPOSSIBLE * idle.watts.abs();
        let is_significant = deficit > NEGLIGIBLE * idle.watts.abs()
            && self
                .error_w(idle)
                .is_some_and(|error| deficit > ERRORS * error);
        is_far || is_significant
    }

    /// Standard error of the difference of means; `None` from less than two windows.
    fn error_w(&self, idle: &IdlePower) -> Option<f64> {
        let n = self.count as f64;
        if self.count < 2 {
            return None;
        }
        let mean = self.sum / n;
        let squares = (self.squares - n * mean * mean).max(0.0);
        let variance = squares / (n - 1.0);
        let of_baseline = match idle.samples {
            0 => 0.0,
            samples => {
                let spread = idle.spread_w.filter(|_| samples > 1);
                spread.map_or(variance, |w| w * w) / f64::from(samples)
            }
        };
        let rho = self.autocorrelation(mean, squares);
        let inflation = (1.0 + rho) / (1.0 - rho);
        Some((inflation * (variance / n + of_baseline)).sqrt())
    }

    /// Autocorrelation of successive powers.
    fn autocorrelation(&self, mean: f64, squares: f64) -> f64 {
        let n = self.count as f64;
        if squares <= 0.0 {
            return 0.0;
        }
        // Sum of (x_i - m)(x_(i-1) - m); the first power is 0, the last one is known.
        let (heads, tails) = (self.sum - self.last, self.sum);
        let products = self.products - mean * (heads + tails) + (n - 1.0) * mean * mean;
        (products / squares).clamp(0.0, MAX_AUTOCORRELATION)
    }
}

/// Returns the rails whose idle power is not that of the run, given all its samples.
pub fn refuted_baselines(
    baselines: &[BaselineRow],
    samples: &[SampleRow],
    run_end_ns: i64,
) -> Vec<u32> {
    let mut powers: BTreeMap<u32, Powers> = BTreeMap::new();
    for sample in samples {
        let (start, end) = (sample.start_ns.max(0), sample.end_ns.min(run_end_ns));
        let length = sample.end_ns - sample.start_ns;
        let energy = sample.energy_j.filter(|energy| energy.is_finite());
        if let Some(energy_j) = energy.filter(|_| start < end && length > 0) {
            let inside = (end - start) as f64 / length as f64;
            let of_rail = powers.entry(sample.rail).or_default();
            of_rail.add(energy_j * inside, end - start);
        }
    }
    let refuted = baselines.iter().filter(|row| {
        let run = powers.get(&row.rail);
        run.is_some_and(|run| run.refute(&IdlePower::from(*row)))
    });
    refuted.map(|row| row.rail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Pseudo-random numbers, the same on every machine.
    struct PowerNumbers(u64);

    impl PowerNumbers {
        fn next(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        /// About normal, with standard deviation 1.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.next()).sum::<f64>() - 6.0
        }
    }

    fn powers(of: impl IntoIterator<Item = f64>) -> Powers {
        let mut powers = Powers::default();
        of.into_iter()
            .for_each(|watts| powers.add(watts * 0.1, 100 * MS));
        powers
    }

    fn idle(watts: f64, samples: u32, spread_w: Option<f64>) -> IdlePower {
        IdlePower {
            watts,
            samples,
            spread_w,
        }
    }

    #[test]
    fn a_negligible_deficit_does_not_refute_idle_power() {
        let run = powers([10.0; 80]);
        assert!(!run.refute(&idle(10.01, 20, Some(0.0))));
        assert!(
            run.refute(&idle(10.3, 20, Some(0.0))),
            "beyond 2 %, no noise"
        );
        assert!(!Powers::default().refute(&idle(10.0, 20, None)));
    }

    #[test]
    fn one_window_at_half_of_idle_power_refutes_it() {
        assert!(powers([5.0]).refute(&idle(10.0, 20, Some(3.0))));
        assert!(!powers([9.0]).refute(&idle(10.0, 20, Some(3.0))));
    }

    #[test]
    fn autocorrelation_widens_the_error() {
        let alternating = powers((0..100).map(|i| f64::from(i % 2)));
        let slow = powers((0..100).map(|i| f64::from(i / 50)));
        let error = |of: &Powers| of.error_w(&idle(1.0, 0, None)).unwrap();
        assert!(
            (error(&alternating) - 0.05).abs() < 0.001,
            "{}",
            error(&alternating)
        );
        assert!(error(&slow) > 5.0 * error(&alternating), "{}", error(&slow));
    }

    /// A rail that is idle before and during the run, in 400 draws for each kind of noise: a
    /// correct idle power is seldom refuted, and one that is 5 % too high is refuted.
    #[test]
    fn idle_rails_keep_their_idle_power_and_wrong_ones_are_refuted() {
        for (spread, rho) in [(0.05, 0.0), (0.1, 0.6), (0.3, 0.8)] {
            let mut numbers = PowerNumbers(7);
            let mut draw = |count: usize| -> Vec<f64> {
                let mut last = 0.0;
                let one = |_| {
                    last = rho * last + (1.0f64 - rho * rho).sqrt() * numbers.normal();
                    10.0 + spread * last
                };
                (0..count).map(one).collect()
            };
            let (mut refuted, mut found) = (0, 0);
            for _ in 0..400 {
                let before = draw(20);
                let mean = before.iter().sum::<f64>() / 20.0;
                let squares = before.iter().map(|w| (w - mean).powi(2)).sum::<f64>();
                let run = powers(draw(200));
                let spread_w = Some((squares / 19.0).sqrt());
                refuted += usize::from(run.refute(&idle(mean, 20, spread_w)));
                found += usize::from(run.refute(&idle(mean * 1.05, 20, spread_w)));
            }
            assert!(refuted <= 12, "{spread} {rho}: {refuted} of 400");
            let most = if spread < 0.2 { 390 } else { 60 };
            assert!(found >= most, "{spread} {rho}: {found} of 400");
        }
    }
}
