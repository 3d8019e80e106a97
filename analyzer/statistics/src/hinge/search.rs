//! The test of a hinge against a line.

use nalgebra::DVector;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use super::design::HingeDesign;
use super::place::place;
use super::result::HingeTest;
use super::weights::relative_errors;
use crate::configuration::{Configuration, merged};
use crate::not_estimable::NotEstimable;

/// Fewest contexts: two on each side of the place, and one degree of freedom.
pub const MIN_CONTEXTS: usize = 5;
/// Largest number of simulated sweeps. The seed is fixed, so the number has to be large: the error of
/// the simulated distribution is the same in all tests of a layout.
const REPLICATES: usize = 4999;
/// Number of larger ratios after which p is not small and the simulation ends.
const ENOUGH: usize = 200;
/// A hinge is found if p is below this.
pub const SIGNIFICANCE: f64 = 0.03;
const SEED: u64 = 0x5eed_0003;
/// Relative difference of ratios that counts as equal.
const TIE_TOLERANCE: f64 = 1e-9;
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
    };
    if squares > ROUNDING * ROUNDING * errors.whitened_squares() {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        test.p = probability(&design, &residuals, &mut random);
        if test.p < SIGNIFICANCE {
            let (hinge, sd) = place(&design, &errors.values, confidence, &mut random)
                .ok_or(NotEstimable::NotFinite)?;
            test.relative_sd = sd * errors.typical;
            test.hinge = Some(hinge);
        }
    }
    Ok(test)
}

/// Returns the larger share of two kinds of simulated lines with a ratio at least as large: with normal
/// noise, and with the permuted residuals of the line (Freedman and Lane 1983).
fn probability(design: &HingeDesign, residuals: &DVector<f64>, random: &mut ChaCha8Rng) -> f64 {
    // A permutation can equal the observed order, but for rounding.
    let ratio = design.largest_ratio(residuals) * (1.0 - TIE_TOLERANCE);
    let normal = share(|| {
        let noise = design.noise(|| StandardNormal.sample(random));
        design.largest_ratio(&design.residuals_of_whitened(&noise)) >= ratio
    });
    if normal >= SIGNIFICANCE {
        return normal;
    }
    let mut permuted = residuals.as_slice().to_vec();
    let permuted = share(|| {
        permuted.shuffle(random);
        design.largest_ratio(&design.residuals_of_whitened(&permuted)) >= ratio
    });
    normal.max(permuted)
}

/// Returns the share of simulations that are extreme. The simulation ends early when many are (Besag
/// and Clifford 1991).
fn share(mut is_extreme: impl FnMut() -> bool) -> f64 {
    let mut extreme = 0_usize;
    for simulated in 1..=REPLICATES {
        extreme += usize::from(is_extreme());
        if extreme == ENOUGH {
            return extreme as f64 / simulated as f64;
        }
    }
    (extreme + 1) as f64 / (REPLICATES + 1) as f64
}
