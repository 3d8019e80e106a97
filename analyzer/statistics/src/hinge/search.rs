//! The test of a hinge against a line.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::design::HingeDesign;
use super::place::place;
use super::result::HingeTest;
use super::weights::relative_errors;
use crate::configuration::{Configuration, merged};
use crate::not_estimable::NotEstimable;

/// Fewest contexts: two on each side of the place, and one degree of freedom.
pub const MIN_CONTEXTS: usize = 5;
/// Number of simulated sweeps.
const REPLICATES: usize = 999;
/// A hinge is found if p is below this.
pub const SIGNIFICANCE: f64 = 0.04;
const SEED: u64 = 0x5eed_0003;
/// Residuals below this share of the values are rounding.
const ROUNDING: f64 = 1e-12;

/// Compares a hinge with a line. Configurations with an equal context are merged; the interval of
/// the place has the given confidence.
///
/// # Errors
///
/// Fewer than five contexts, a value that is not positive, or a context that is not finite.
pub fn hinge_test(
    configurations: &[Configuration],
    confidence: f64,
) -> Result<HingeTest, NotEstimable> {
    NotEstimable::check_confidence(confidence)?;
    if configurations.iter().any(|one| !one.x.is_finite()) {
        return Err(NotEstimable::NotFinite);
    }
    let contexts = merged(configurations);
    NotEstimable::at_least(MIN_CONTEXTS, contexts.len(), "contexts")?;
    let errors = relative_errors(&contexts)?;
    let design = HingeDesign::of(&errors).ok_or(NotEstimable::NotFinite)?;
    let line = design.line(&errors.values);
    let residuals = design.residuals(&errors.values);
    let squares: f64 = residuals.norm_squared();
    let mut test = HingeTest {
        hinge: None,
        p: 1.0,
        line_intercept: line[0],
        line_slope: line[1],
        relative_sd: (squares / (contexts.len() - 2) as f64).sqrt() * errors.typical,
        contexts: contexts.len(),
        replicates: REPLICATES,
    };
    if squares > ROUNDING * ROUNDING * errors.whitened_squares() {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        test.p = probability(&design, design.largest_ratio(&residuals), &mut random);
        if test.p < SIGNIFICANCE {
            let (hinge, sd) = place(&design, &errors.values, confidence, REPLICATES, &mut random)
                .ok_or(NotEstimable::NotFinite)?;
            test.relative_sd = sd * errors.typical;
            test.hinge = Some(hinge);
        }
    }
    Ok(test)
}

/// Returns the share of simulated lines with a ratio at least as large.
fn probability(design: &HingeDesign, ratio: f64, random: &mut ChaCha8Rng) -> f64 {
    let mut extreme = 1_usize;
    for _ in 0..REPLICATES {
        let noise: Vec<f64> = design.noise(|| StandardNormal.sample(random));
        let simulated = design.largest_ratio(&design.residuals_of_whitened(&noise));
        extreme += usize::from(simulated >= ratio);
    }
    extreme as f64 / (REPLICATES + 1) as f64
}
