//! Noise of windows: expected and observed variances, and correlation of neighbours.

use super::drift::{Drift, NoiseInputs, Sizes};
use crate::stats::{deviation, median, quantile, two_columns};

/// Relative spread of the power of one kind's instances.
const INSTANCE_CV: f64 = 0.10;
/// Error of a window's edges in seconds.
const EDGE_S: f64 = 0.2e-3;
/// Wander of the gain from window to window.
const GAIN: f64 = 0.015;
/// Wander of idle power.
const IDLE_WANDER: f64 = 0.02;
/// Standardised residuals above this have less weight.
const OUTLIER: f64 = 2.5;

/// A first-order filter that makes neighbouring windows' noise independent:
/// `z[i] = x[i] - ar x[i-1] + ma z[i-1]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Filter {
    pub(super) ar: f64,
    pub(super) ma: f64,
}

impl Filter {
    /// The noise of slow drift and of independent errors together: fits most sensors.
    pub(super) const DRIFT: Self = Self { ar: 0.95, ma: 0.6 };
    /// Noise that is independent already.
    pub(super) const WHITE: Self = Self { ar: 0.0, ma: 0.0 };
    /// Noise that lasts a few windows.
    pub(super) const MEMORY: Self = Self { ar: 0.6, ma: 0.0 };

    /// Divisor of the first row, which has no predecessor.
    pub(super) fn first(self) -> f64 {
        (1.0 + (self.ar - self.ma).powi(2) / (1.0 - self.ar * self.ar)).sqrt()
    }

    /// Filters one row of many columns. `before` and `filtered` are the previous row before and
    /// after filtering; both are updated.
    pub(super) fn apply(
        self,
        cells: &mut [f64],
        variance: f64,
        begins: bool,
        before: &mut [f64],
        filtered: &mut [f64],
    ) {
        let scale = 1.0 / variance.sqrt();
        let (ar, ma, first) = if begins {
            (0.0, 0.0, 1.0 / self.first())
        } else {
            (self.ar, self.ma, 1.0)
        };
        for ((cell, x1), z1) in cells.iter_mut().zip(before).zip(filtered) {
            let x = *cell * scale;
            *cell = x * first - ar * *x1 + ma * *z1;
            (*x1, *z1) = (x, *cell);
        }
    }

    /// Filters residuals, each divided by its standard deviation.
    pub(super) fn whiten(self, residuals: &[f64], variances: &[f64]) -> Vec<f64> {
        let (mut x1, mut z1) = (0.0, 0.0);
        let mut first = true;
        let scaled = residuals.iter().zip(variances).map(|(r, v)| r / v.sqrt());
        scaled
            .map(|x| {
                let z = if first {
                    x / self.first()
                } else {
                    x - self.ar * x1 + self.ma * z1
                };
                first = false;
                (x1, z1) = (x, z);
                z
            })
            .collect()
    }
}

/// Model that makes the noise of windows independent.
#[derive(Debug, Clone)]
pub(super) enum Noise {
    /// Variances and a fixed filter.
    Plain {
        /// Variance of each window.
        variances: Vec<f64>,
        /// Filter over the windows.
        filter: Filter,
    },
    /// A model of its causes.
    Drift {
        /// Inputs of the model.
        noise_inputs: Box<NoiseInputs>,
        /// Sizes of the causes.
        sizes: Sizes,
        /// How much each window is an outlier.
        inflation: Vec<f64>,
        /// The resulting filter.
        drift: Drift,
    },
}

impl Noise {
    pub(super) fn drift(noise_inputs: NoiseInputs, sizes: Sizes, inflation: Vec<f64>) -> Self {
        let drift = Drift::new(&noise_inputs, sizes, &inflation);
        Self::Drift {
            noise_inputs: Box::new(noise_inputs),
            sizes,
            inflation,
            drift,
        }
    }

    /// Returns the noise of selected windows.
    pub(super) fn pick(&self, picked: &[usize], begins: &[bool]) -> Self {
        let pick = |from: &[f64]| picked.iter().map(|i| from[*i]).collect::<Vec<f64>>();
        match self {
            Self::Plain { variances, filter } => Self::Plain {
                variances: pick(variances),
                filter: *filter,
            },
            Self::Drift {
                noise_inputs,
                sizes,
                inflation,
                ..
            } => Self::drift(noise_inputs.pick(picked, begins), *sizes, pick(inflation)),
        }
    }
}

/// Idle power before any fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct IdleNoise {
    pub(super) watts: f64,
    pub(super) sd: f64,
    pub(super) measured: bool,
    /// Windows without spans contain work: not all energy above idle belongs to spans.
    pub(super) has_untraced_work: bool,
}

/// Estimates idle power from the windows in which (almost) nothing ran; otherwise guesses it
/// from the windows with the lowest power.
pub(super) fn idle(energy_j: &[f64], seconds: &[f64], busy_s: &[f64]) -> IdleNoise {
    let power: Vec<f64> = energy_j.iter().zip(seconds).map(|(e, s)| e / s).collect();
    let quiet = power
        .iter()
        .zip(busy_s.iter().zip(seconds))
        .filter(|(_, (busy, s))| *busy / *s < 0.02);
    let quiet: Vec<f64> = quiet.map(|(p, _)| *p).collect();
    if quiet.len() >= 2 {
        let watts = typical(&quiet).max(0.0);
        let sd = (0.03 * watts).max(1.25 * deviation(&quiet) / (quiet.len() as f64).sqrt());
        return IdleNoise {
            watts,
            sd: sd.max(1e-6),
            measured: true,
            has_untraced_work: false,
        };
    }
    // All values from zero to the lowest power are equally likely.
    let lowest = quantile(&power, 0.02).max(0.0);
    IdleNoise {
        watts: 0.5 * lowest,
        sd: (0.29 * lowest).max(1e-6),
        measured: false,
        has_untraced_work: false,
    }
}

/// Returns the median power of quiet windows. If most of them read zero, returns the mean of
/// all but the largest, because the others contain the energy.
fn typical(quiet: &[f64]) -> f64 {
    let middle = median(quiet);
    if middle > 0.0 {
        return middle;
    }
    let most = quantile(quiet, 0.98);
    let kept: Vec<f64> = quiet
        .iter()
        .copied()
        .filter(|watts| *watts <= most)
        .collect();
    kept.iter().sum::<f64>() / kept.len().max(1) as f64
}

/// Returns the least variance of each window, from differences between instances, errors of
/// edges, drift of the gain and steps of the meter.
pub(super) fn floor(
    energy_j: &[f64],
    seconds: &[f64],
    squares: &[f64],
    idle_w: f64,
    mean_w: f64,
) -> Vec<f64> {
    let step = step(energy_j);
    let tiny = 1e-12 * energy_j.iter().map(|e| e * e).sum::<f64>() / energy_j.len().max(1) as f64;
    (0..energy_j.len())
        .map(|i| {
            let s = seconds[i];
            let dynamic = (energy_j[i] - idle_w * s).max(0.0);
            (INSTANCE_CV * mean_w).powi(2) * squares[i]
                + 2.0 * (EDGE_S * dynamic / s).powi(2)
                + (GAIN * dynamic).powi(2)
                + (IDLE_WANDER * idle_w * s).powi(2)
                + step * step / 6.0
                + tiny
                + 1e-18
        })
        .collect()
}

/// Returns the variance of the meter in square joules, from its step.
pub(super) fn least(energy_j: &[f64]) -> f64 {
    let tiny = 1e-12 * energy_j.iter().map(|e| e * e).sum::<f64>() / energy_j.len().max(1) as f64;
    step(energy_j).powi(2) / 6.0 + tiny + 1e-18
}

/// Returns the smallest difference between energies, which is the meter's step.
fn step(energy_j: &[f64]) -> f64 {
    let mut rounded: Vec<f64> = energy_j.iter().map(|e| (e * 1e6).round() / 1e6).collect();
    rounded.sort_by(f64::total_cmp);
    let steps = rounded
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|d| *d > 0.0);
    let least = steps.fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 0.0 }
}

/// Dependence of residuals on a window's length and on the energy of its spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth {
    /// Variance of a window of mean length.
    pub(super) length: f64,
    /// Variance per squared joule of spans.
    pub(super) dynamic: f64,
}

pub(super) fn growth(residuals: &[f64], seconds: &[f64], spans_j: &[f64]) -> Growth {
    let squared: Vec<f64> = residuals.iter().map(|r| r * r).collect();
    let middle = median(&squared);
    let clipped: Vec<f64> = squared
        .iter()
        .map(|q| q.min(9.0 * middle + 1e-15))
        .collect();
    let n = residuals.len().max(1) as f64;
    let mean_s = seconds.iter().sum::<f64>() / n;
    let mean_d2 = spans_j.iter().map(|d| d * d).sum::<f64>() / n;
    let typical = median(&clipped);
    let rows = (0..residuals.len()).map(|i| {
        let (a, b) = ((seconds[i] / mean_s).powi(2), spans_j[i].powi(2));
        let weight = 1.0 / (a * typical + b * typical / mean_d2.max(1e-15) + 1e-15);
        (a * weight, b * weight, clipped[i] * weight)
    });
    let (length, dynamic) = two_columns(rows);
    let mean_q = clipped.iter().sum::<f64>() / n;
    Growth {
        length: length.max(0.02 * mean_q).max(1e-18),
        dynamic: dynamic.max(1e-8),
    }
}

/// Returns the variances of the next pass: the observed ones, at least the floor, larger for
/// outliers.
pub(super) fn update(
    floor: &[f64],
    observed: Growth,
    residuals: &[f64],
    seconds: &[f64],
    spans_j: &[f64],
    df: f64,
    filter: Filter,
) -> Vec<f64> {
    let n = residuals.len() as f64;
    let mean_s = seconds.iter().sum::<f64>() / n.max(1.0);
    let scale = 0.7 * n / df.max(1.0);
    let mut variances: Vec<f64> = (0..residuals.len())
        .map(|i| {
            floor[i].max(
                scale
                    * (observed.length * (seconds[i] / mean_s).powi(2)
                        + observed.dynamic * spans_j[i].powi(2)),
            )
        })
        .collect();
    let z = filter.whiten(residuals, &variances);
    let sizes: Vec<f64> = z.iter().map(|z| z.abs()).collect();
    let unit = 1.4826 * median(&sizes) + 1e-9;
    for (v, z) in variances.iter_mut().zip(&sizes) {
        *v *= (z / unit / OUTLIER).max(1.0).powi(2);
    }
    variances
}
