//! Converts powers to energies: every window's energy is divided without a remainder.

use super::noise::Growth;
use super::outcome::WindowFit;
use super::rail::{Rail, RailView};

/// Limits of the ratio of a window's span energy to the prediction of their powers.
const LEAST_FACTOR: f64 = 0.3;
const MOST_FACTOR: f64 = 3.0;
/// Share of a window below which spans get only a part of its energy, because something else
/// must have run.
const LEAST_COVERED: f64 = 1e-3;
/// Limit of extrapolated seconds, relative to seconds inside windows.
const MOST_EXTENSION: f64 = 3.0;

/// Fitted powers, fall-back powers and the weight between them.
#[derive(Debug, Clone)]
pub(super) struct BlendedPowers {
    pub(super) fit_w: Vec<f64>,
    pub(super) flat_w: Vec<f64>,
    pub(super) weight: f64,
    pub(super) fit_idle_w: f64,
    pub(super) flat_idle_w: f64,
}

/// Energies of columns, and of each window.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    pub(super) windows: Vec<WindowFit>,
    /// Energy of each column by the fit alone, extrapolation included.
    pub(super) fit_j: Vec<f64>,
    /// Energy of each column by the fall-back alone.
    pub(super) flat_j: Vec<f64>,
    pub(super) energy_j: Vec<f64>,
    pub(super) extrapolated_j: Vec<f64>,
}

/// Divides the energy of all windows of `rail`.
pub(super) fn shares(
    rail: &Rail<'_>,
    view: &RailView,
    prices: &BlendedPowers,
    growth: Growth,
    totals: &[f64],
) -> Shares {
    let windows = &rail.windows;
    let n = rail.columns.len();
    let fit = view.rows.times(&prices.fit_w);
    let flat = view.rows.times(&prices.flat_w);
    let busy_s = view.rows.times(&vec![1.0; n]);
    let mean_s = windows.seconds.iter().sum::<f64>() / windows.len() as f64;
    let w = prices.weight;
    let least_covered = match view.idle.has_untraced_work {
        true => 1.0,
        false => LEAST_COVERED,
    };
    let (mut fit_factors, mut flat_factors) = (Vec::new(), Vec::new());
    let mut result = vec![WindowFit::default(); rail.input.windows.len()];
    for i in 0..windows.len() {
        let (seconds, energy) = (windows.seconds[i], windows.energy_j[i]);
        let fit_factor = fit_factor(
            energy - prices.fit_idle_w * seconds,
            fit[i],
            seconds / mean_s,
            growth,
        );
        let above = (energy - prices.flat_idle_w * seconds).max(0.0);
        let covered = (busy_s[i] / (least_covered * seconds)).min(1.0);
        let flat_factor = if flat[i] > 1e-12 {
            covered * above / flat[i]
        } else {
            0.0
        };
        let idle_j = (w * prices.fit_idle_w + (1.0 - w) * prices.flat_idle_w) * seconds;
        let spans_j = w * fit_factor * fit[i] + (1.0 - w) * flat_factor * flat[i];
        result[windows.input[i]] = WindowFit {
            fit_factor: w * fit_factor,
            flat_factor: (1.0 - w) * flat_factor,
            idle_j,
            spans_j,
            other_accounts_j: energy - idle_j - spans_j,
            used: true,
        };
        fit_factors.push(fit_factor);
        flat_factors.push(flat_factor);
    }
    let covered_s = view.rows.totals(n, |_| 1.0);
    let by_fit = view.rows.totals(n, |i| fit_factors[i]);
    let by_flat = view.rows.totals(n, |i| flat_factors[i]);
    let mut shares = Shares {
        windows: result,
        fit_j: vec![],
        flat_j: vec![],
        energy_j: vec![],
        extrapolated_j: vec![],
    };
    for k in 0..n {
        let measured_fit = by_fit[k] * prices.fit_w[k];
        let measured_flat = by_flat[k] * prices.flat_w[k];
        let more_fit = prices.fit_w[k] * (totals[k] - covered_s[k]).max(0.0);
        let extension = (totals[k] / covered_s[k].max(1e-12)).clamp(1.0, MOST_EXTENSION) - 1.0;
        let more_flat = measured_flat * extension;
        shares.fit_j.push(measured_fit + more_fit);
        shares.flat_j.push(measured_flat + more_flat);
        shares
            .energy_j
            .push(w * (measured_fit + more_fit) + (1.0 - w) * (measured_flat + more_flat));
        shares
            .extrapolated_j
            .push(w * more_fit + (1.0 - w) * more_flat);
    }
    shares
}

/// Returns the factor by which span energy changes to absorb a part of the residual. The part
/// grows with the share of the noise that depends on span energy.
fn fit_factor(above_idle_j: f64, spans_j: f64, length: f64, growth: Growth) -> f64 {
    if spans_j <= 1e-12 {
        return 1.0;
    }
    let own = growth.dynamic * spans_j * spans_j;
    let share = own / (own + growth.length * length * length + 1e-18);
    (1.0 + share * (above_idle_j - spans_j) / spans_j).clamp(LEAST_FACTOR, MOST_FACTOR)
}
