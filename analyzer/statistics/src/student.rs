//! Student's t distribution, from the regularised incomplete beta function: with `x = df / (df
//! + t^2)` the two tails beyond `t` hold `I_x(df / 2, 1 / 2)`.

use statrs::function::beta::{beta_reg, ln_beta};

/// Cap on degrees of freedom: more change nothing in seven digits.
const MAX_DF: f64 = 1e8;
/// Maximum number of steps of Newton's method; each at least multiplies a heavy tail by `1 + 1
/// / df`.
const MAX_STEPS: usize = 500;

/// Returns the probability of a value at least as far from zero as `t`.
pub(crate) fn two_tails(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let df = df.min(MAX_DF);
    beta_reg(df / 2.0, 0.5, df / (df + t * t))
}

/// Returns the value beyond which, on both sides together, the share `tails` lies.
///
/// The tail probability is convex in `t`, so Newton's steps from zero approach the solution
/// from below and never overshoot.
pub(crate) fn quantile_of_two_tails(tails: f64, df: f64) -> f64 {
    let df = df.min(MAX_DF);
    let mut t = 0.0;
    for _ in 0..MAX_STEPS {
        let step = (two_tails(t, df) - tails) / (2.0 * density(t, df));
        if !(step > 1e-13 * t && step.is_finite()) {
            break;
        }
        t += step;
    }
    t
}

fn density(t: f64, df: f64) -> f64 {
    let ln = -(df + 1.0) / 2.0 * (t * t / df).ln_1p() - df.ln() / 2.0 - ln_beta(df / 2.0, 0.5);
    ln.exp()
}
