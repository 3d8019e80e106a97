//! Formulas that scale the rotary embedding for longer contexts.

/// Divisors of the frequencies, each of length `rope_dim / 2`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Factors {
    /// `rope_freqs.weight` of Llama 3, or `rope_factors_short.weight` of Phi 3.
    pub usual: Option<Vec<f32>>,
    /// `rope_factors_long.weight`, for sequences longer than the original context.
    pub long: Option<Vec<f32>>,
}

/// Factors of LongRoPE; GGUF files that have them extend the context by it.
pub(crate) const LONG_FACTORS: &str = "rope_factors_long.weight";

/// LongRoPE's factor of cosines and sines: `sqrt(1 + ln(s) / ln(original))`, `s`
/// times the original context being the context (Ding et al. 2024).
pub(super) fn longrope_magnitude(context: usize, original: usize) -> f32 {
    if context <= original {
        return 1.0;
    }
    let (context, original) = (context as f32, original as f32);
    (1.0 + (context / original).ln() / original.ln()).sqrt()
}

/// Llama 3's scaling: low frequencies are divided by `factor`, high ones are unchanged,
/// those in between are interpolated (Llama 3.1's `apply_scaling`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Llama3 {
    pub(super) factor: f32,
    pub(super) low_freq_factor: f32,
    pub(super) high_freq_factor: f32,
    pub(super) original_context: usize,
}

impl Llama3 {
    /// Returns the divisors of the `rope_dim / 2` frequencies.
    pub(super) fn factors(&self, base: f32, rope_dim: usize) -> Vec<f32> {
        let one = |i: usize| {
            let frequency = base.powf(-((2 * i) as f32) / rope_dim as f32);
            let waves = self.original_context as f32 * frequency / std::f32::consts::TAU;
            let (low, high) = (self.low_freq_factor, self.high_freq_factor);
            if waves > high {
                1.0
            } else if waves < low {
                self.factor
            } else {
                let smooth = (waves - low) / (high - low);
                1.0 / ((1.0 - smooth) / self.factor + smooth)
            }
        };
        (0..rope_dim / 2).map(one).collect()
    }
}

/// YaRN (Peng et al. 2023): frequencies that turn often within the original context are
/// unchanged, those that turn rarely are divided by `factor`, others are mixed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yarn {
    pub(super) factor: f32,
    /// Turns within the original context from which on a frequency is unchanged.
    pub(super) beta_fast: f32,
    /// Turns up to which a frequency is divided.
    pub(super) beta_slow: f32,
    pub(super) original_context: usize,
    /// Whether the bounds between the ranges are rounded to whole channels.
    pub(super) truncates: bool,
}

impl Yarn {
    /// Returns the divisors of the `rope_dim / 2` frequencies.
    pub(super) fn factors(&self, base: f32, rope_dim: usize) -> Vec<f32> {
        let (base, dim) = (f64::from(base), rope_dim as f64);
        let bound = |turns: f32| {
            let turns = std::f64::consts::TAU * f64::from(turns);
            dim * (self.original_context as f64 / turns).ln() / (2.0 * base.ln())
        };
        let (mut low, mut high) = (bound(self.beta_fast), bound(self.beta_slow));
        if self.truncates {
            (low, high) = (low.floor(), high.ceil());
        }
        let (low, high) = (low.max(0.0), high.min(dim - 1.0));
        let range = (high - low).max(1e-3);
        let one = |i: usize| {
            let divided = ((i as f64 - low) / range).clamp(0.0, 1.0);
            let frequency = divided / f64::from(self.factor) + (1.0 - divided);
            (1.0 / frequency) as f32
        };
        (0..rope_dim / 2).map(one).collect()
    }

    /// Returns the factor of cosines and sines; `multipliers` are those of the logarithm in
    /// numerator and denominator.
    pub(super) fn magnitude(&self, multipliers: Option<(f32, f32)>) -> f32 {
        let grown = |multiplier: f32| match self.factor <= 1.0 {
            true => 1.0,
            false => 0.1 * multiplier * self.factor.ln() + 1.0,
        };
        match multipliers {
            Some((all, of_head)) => grown(all) / grown(of_head),
            None => grown(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Llama 3.1 8B: the first frequencies stay, the last are an eighth.
    #[test]
    fn low_frequencies_are_divided() {
        let scaling = Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_context: 8192,
        };
        let factors = scaling.factors(500_000.0, 128);
        assert_eq!(factors.len(), 64);
        assert_eq!((factors[0], factors[28]), (1.0, 1.0));
        assert_eq!((factors[35], factors[63]), (8.0, 8.0));
        let between = &factors[29..35];
        assert!(
            between.windows(2).all(|pair| pair[0] < pair[1]),
            "{between:?}"
        );
        assert!(between[0] > 1.0 && between[5] < 8.0, "{between:?}");
    }

    #[test]
    fn magnitude_grows_with_the_context() {
        assert_eq!(longrope_magnitude(4096, 4096), 1.0);
        // Phi 3 mini 128k.
        let magnitude = longrope_magnitude(131_072, 4096);
        assert!((magnitude - 1.190_238).abs() < 1e-5, "{magnitude}");
    }

    /// The bounds for 64 channels, base 10,000 and 4,096 positions are pairs 10 and 23.
    #[test]
    fn yarn_divides_frequencies_that_turn_rarely() {
        let yarn = Yarn {
            factor: 4.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            original_context: 4096,
            truncates: true,
        };
        let factors = yarn.factors(10_000.0, 64);
        assert_eq!((factors[10], factors[23], factors[31]), (1.0, 4.0, 4.0));
        let between = &factors[10..24];
        assert!(
            between.windows(2).all(|pair| pair[0] < pair[1]),
            "{between:?}"
        );
        assert!((yarn.magnitude(None) - 1.138_629).abs() < 1e-5);
        assert_eq!(yarn.magnitude(Some((1.0, 1.0))), 1.0);
    }
}
