//! Random numbers of the simulation.
//!
//! Every purpose has its own stream (of one ChaCha key), so that, for example, another
//! sampling period does not change the program, its powers or its noise.

use rand::rngs::ChaCha12Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, Gamma, Poisson, StandardNormal};

/// Purpose of a stream of random numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Order, number and durations of spans.
    Program = 1,
    /// Powers of kinds and of layers.
    Powers = 2,
    /// Powers of single spans.
    Instances = 3,
    /// The clock gain that all rails share, and the sampler's clock offset.
    Machine = 4,
    /// Measuring errors of a calibration.
    Calibration = 5,
    /// Noise of a rail; the rail's number is added.
    Noise = 16,
    /// Sampling of a rail; the rail's number is added.
    Sampling = 32,
}

/// A seeded stream of random numbers.
pub(crate) struct Draws(ChaCha12Rng);

impl Draws {
    /// Returns the stream for `purpose` of `seed`; `part` distinguishes rails.
    pub(crate) fn new(seed: u64, purpose: Purpose, part: u64) -> Self {
        let mut generator = ChaCha12Rng::seed_from_u64(seed);
        generator.set_stream(purpose as u64 + part);
        Self(generator)
    }

    /// Uniform on [low, high).
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Uniform in its logarithm on [low, high).
    pub(crate) fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }

    /// A whole number in [low, high).
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        self.0.random_range(low..high)
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.0.random::<f64>() < p
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Log-normal with median 1 and standard deviation `sd` of its logarithm.
    pub(crate) fn factor(&mut self, sd: f64) -> f64 {
        (sd * self.normal()).exp()
    }

    /// Log-normal with mean 1 and standard deviation `sd` of its logarithm.
    pub(crate) fn unit_mean_factor(&mut self, sd: f64) -> f64 {
        self.factor(sd) * (-sd * sd / 2.0).exp()
    }

    /// Exponential with the given mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        let one: f64 = Exp1.sample(&mut self.0);
        mean * one
    }

    /// A number of events where `mean` are expected.
    pub(crate) fn count(&mut self, mean: f64) -> usize {
        // A mean that is not positive gives no event.
        Poisson::new(mean).map_or(0, |poisson| poisson.sample(&mut self.0) as usize)
    }

    /// Shares that sum to 1, Dirichlet with the same `concentration` for all.
    pub(crate) fn shares(&mut self, len: usize, concentration: f64) -> Vec<f64> {
        let gamma = Gamma::new(concentration, 1.0).expect("concentrations are positive constants");
        let parts: Vec<f64> = (0..len).map(|_| gamma.sample(&mut self.0)).collect();
        let total: f64 = parts.iter().sum();
        parts.into_iter().map(|part| part / total).collect()
    }

    /// An index drawn with the probabilities `shares`, which sum to 1.
    pub(crate) fn pick(&mut self, shares: &[f64]) -> usize {
        let mut left = self.0.random::<f64>();
        for (index, share) in shares.iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return index;
            }
        }
        shares.len().saturating_sub(1)
    }

    /// One of `items`, all equally likely.
    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        items
            .choose(&mut self.0)
            .expect("callers pass at least one item")
    }

    /// A stationary first-order process of `len` steps of `step_ms` each, with
    /// correlation time `tau_ms` and standard deviation `sd`.
    pub(crate) fn wander(&mut self, len: usize, step_ms: f64, tau_ms: f64, sd: f64) -> Vec<f64> {
        let keep = (-step_ms / tau_ms).exp();
        let kick = sd * (1.0 - keep * keep).sqrt();
        let mut value = sd * self.normal();
        let mut series = Vec::with_capacity(len);
        for _ in 0..len {
            series.push(value);
            value = keep * value + kick * self.normal();
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_sd(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, (squares / values.len() as f64).sqrt())
    }

    #[test]
    fn streams_differ_by_purpose_and_part_and_repeat_by_seed() {
        let first = |seed, purpose, part| Draws::new(seed, purpose, part).uniform(0.0, 1.0);
        let one = first(1, Purpose::Noise, 0);
        assert_eq!(one, first(1, Purpose::Noise, 0));
        assert_ne!(one, first(2, Purpose::Noise, 0));
        assert_ne!(one, first(1, Purpose::Noise, 1));
        assert_ne!(one, first(1, Purpose::Sampling, 0));
    }

    #[test]
    fn a_wandering_series_has_its_deviation_and_correlation_time() {
        let mut draws = Draws::new(5, Purpose::Noise, 0);
        let series = draws.wander(200_000, 1.0, 5.0, 0.4);
        let (mean, sd) = mean_and_sd(&series);
        assert!(mean.abs() < 0.02 && (sd - 0.4).abs() < 0.02, "{mean} {sd}");
        let lagged = series.windows(6).map(|few| few[0] * few[5]).sum::<f64>();
        let memory = lagged / (series.len() as f64 * sd * sd);
        assert!((memory - (-1.0_f64).exp()).abs() < 0.03, "{memory}");
    }

    #[test]
    fn distributions_have_the_documented_means() {
        let mut draws = Draws::new(6, Purpose::Program, 0);
        let mut mean = |draw: &mut dyn FnMut(&mut Draws) -> f64| {
            mean_and_sd(&(0..50_000).map(|_| draw(&mut draws)).collect::<Vec<_>>()).0
        };
        assert!((mean(&mut |draws| draws.unit_mean_factor(0.25)) - 1.0).abs() < 0.01);
        assert!(
            (mean(&mut |draws| draws.factor(0.25)) - (0.25_f64.powi(2) / 2.0).exp()).abs() < 0.01
        );
        assert!((mean(&mut |draws| draws.exponential(3.0)) - 3.0).abs() < 0.1);
        assert!((mean(&mut |draws| draws.count(2.5) as f64) - 2.5).abs() < 0.05);
        assert!((mean(&mut |draws| draws.pick(&[0.2, 0.5, 0.3]) as f64) - 1.1).abs() < 0.02);
        let shares = draws.shares(50, 1.5);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
