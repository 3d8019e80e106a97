//! Random numbers of simulated sweeps.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, StudentT};

/// Shape of the noise. Both have the same variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoiseShape {
    /// Normal.
    Normal,
    /// Student's t with three degrees of freedom: one value in sixty is beyond three standard
    /// deviations.
    HeavyTails,
}

impl NoiseShape {
    /// Returns the name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::HeavyTails => "heavy tails",
        }
    }

    /// Returns how many standard deviations on each side contain 90 % of the values.
    pub(crate) fn half_width_90(self) -> f64 {
        match self {
            Self::Normal => 1.6448536269514722,
            Self::HeavyTails => 2.3533634348018264 / 3.0_f64.sqrt(),
        }
    }
}

/// A source of random numbers.
pub(crate) struct Source(ChaCha8Rng);

impl Source {
    /// Returns the source of a simulation: each row of a table has its own numbers.
    pub(crate) fn new(seed: u64, row: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(
            seed.wrapping_mul(1_000_003) ^ (row << 32),
        ))
    }

    /// Draws noise with mean zero and variance one.
    pub(crate) fn noise(&mut self, shape: NoiseShape) -> f64 {
        match shape {
            NoiseShape::Normal => StandardNormal.sample(&mut self.0),
            NoiseShape::HeavyTails => match StudentT::new(3.0) {
                Ok(student) => student.sample(&mut self.0) / 3.0_f64.sqrt(),
                Err(_) => f64::NAN,
            },
        }
    }

    /// Draws a number between two positive ones, with a uniform logarithm.
    pub(crate) fn between(&mut self, lo: f64, hi: f64) -> f64 {
        lo * (hi / lo).powf(self.0.random::<f64>())
    }

    /// Draws the values of runs: normal relative noise about a value.
    pub(crate) fn runs(&mut self, value: f64, runs: usize, noise: f64) -> Vec<f64> {
        let draw = |_| value * (noise * self.noise(NoiseShape::Normal)).exp();
        (0..runs).map(draw).collect()
    }
}
