//! The sequence of a fit: offset, alpha, fit, gate, energies.

use nalgebra::DVector;

use super::fitted_rail::{ALPHAS, FittedRail};
use super::input::{FitOptions, FitSensor};
use super::noise::Filter;
use super::offset::{self, SensorOffset};
use super::outcome::{RailOutcome, Refusal, SensorFit};
use super::rail::{Effort, Fitted, Rail, RailView};
use super::report;
use super::solve::{Solution, SolveSetting, solve};
use super::{gate, gram, quarters};

/// Effort of the quick fits that only find the offset and alpha.
const QUICK: Effort = Effort {
    filters: &[Filter::DRIFT],
    passes: 2,
    causes: false,
};
/// Effort of the final fit.
const FULL: Effort = Effort {
    filters: &[Filter::WHITE, Filter::MEMORY, Filter::DRIFT],
    passes: 3,
    causes: true,
};
/// Least number of samples to fit.
const LEAST_SAMPLES: usize = 6;

/// Fits all rails of a sensor.
pub fn fit(sensor: FitSensor<'_>, options: &FitOptions) -> SensorFit {
    let rails: Vec<Result<Rail<'_>, Refusal>> = sensor
        .rails
        .iter()
        .map(|rail| Rail::new(sensor, rail, options))
        .collect();
    let fitting: Vec<&Rail<'_>> = rails
        .iter()
        .flatten()
        .filter(|rail| can_fit(rail))
        .collect();
    let (offset, alphas) = offset_and_alphas(&fitting, options);
    let mut alphas = alphas.into_iter();
    let results = rails.iter().map(|rail| match rail {
        Err(refusal) => Err(*refusal),
        Ok(rail) => {
            let alpha = if can_fit(rail) {
                alphas.next().flatten()
            } else {
                None
            };
            finish(rail, offset, alpha, sensor)
        }
    });
    SensorFit {
        rails: results.collect(),
        clock_offset_ns: offset.ns,
        clock_offset_sd_ns: offset.sd_ns,
    }
}

fn can_fit(rail: &Rail<'_>) -> bool {
    rail.windows.len() >= LEAST_SAMPLES && !rail.is_blurred()
}

fn finish(
    rail: &Rail<'_>,
    offset: SensorOffset,
    alpha: Option<f64>,
    sensor: FitSensor<'_>,
) -> Result<RailOutcome, Refusal> {
    let outcome = outcome(rail, offset, alpha);
    let busy_s = outcome.view.rows.times(&vec![1.0; rail.columns.len()]);
    if !busy_s.iter().any(|&seconds| seconds > 0.0) {
        return Err(Refusal::NoSpans);
    }
    Ok(report::rail(rail, &outcome, offset, sensor.kinds.len()))
}

/// Returns the offset, and each rail's alpha (`None` if no fit succeeded).
fn offset_and_alphas(
    rails: &[&Rail<'_>],
    options: &FitOptions,
) -> (SensorOffset, Vec<Option<f64>>) {
    let fixed = options.fixed_clock_offset_ns.map(|ns| SensorOffset {
        ns: ns as f64,
        sd_ns: 0.0,
        at_edge: false,
        changed: None,
    });
    if rails.is_empty() {
        let unknown = SensorOffset {
            ns: 0.0,
            sd_ns: 0.0,
            at_edge: false,
            changed: None,
        };
        return (fixed.unwrap_or(unknown), Vec::new());
    }
    let none = vec![None; rails.len()];
    let first = fixed.unwrap_or_else(|| offset::search(rails, &none, None, options));
    let quick: Vec<Option<(Fitted, f64)>> =
        rails.iter().map(|rail| quick(rail, first.ns)).collect();
    let alphas = quick
        .iter()
        .map(|q| q.as_ref().map(|(_, alpha)| *alpha))
        .collect();
    if fixed.is_some() {
        return (first, alphas);
    }
    let fitted: Vec<Option<(&Fitted, f64)>> = quick
        .iter()
        .map(|q| q.as_ref().map(|(fit, alpha)| (fit, *alpha)))
        .collect();
    let found = offset::search(rails, &fitted, Some(first.ns), options);
    (checked(rails, &fitted, found), alphas)
}

/// Increases the standard deviation of the offset if parts of the run have different offsets.
fn checked(
    rails: &[&Rail<'_>],
    fitted: &[Option<(&Fitted, f64)>],
    found: SensorOffset,
) -> SensorOffset {
    let changed = quarters::changed(rails, fitted, found);
    let widest = changed.map_or(0.0, |(low, high)| (high - low) / 2.0);
    SensorOffset {
        changed,
        sd_ns: found.sd_ns.max(widest),
        ..found
    }
}

/// Returns a quick fit at the alpha that explains the samples best.
fn quick(rail: &Rail<'_>, clock_offset_ns: f64) -> Option<(Fitted, f64)> {
    if !rail.is_concurrent() {
        return Some((rail.fit(&rail.view(clock_offset_ns, 1.0), QUICK)?, 1.0));
    }
    let start = rail.fit(&rail.view(clock_offset_ns, 0.9), QUICK)?;
    let mut best: Option<(f64, f64)> = None;
    for alpha in ALPHAS {
        let view = rail.view(clock_offset_ns, alpha);
        let Some(again) = refit(rail, &view, &start, 2) else {
            continue;
        };
        if best.is_none_or(|(evidence, _)| again.evidence > evidence) {
            best = Some((again.evidence, alpha));
        }
    }
    let alpha = best?.1;
    Some((rail.fit(&rail.view(clock_offset_ns, alpha), QUICK)?, alpha))
}

/// Solves again with the noise of an earlier fit.
fn refit(rail: &Rail<'_>, view: &RailView, earlier: &Fitted, steps: usize) -> Option<Solution> {
    let prior_set = rail.prior_set(view.idle);
    let priors: Vec<_> = prior_set
        .grid()
        .into_iter()
        .skip(earlier.solution.prior)
        .take(1)
        .collect();
    let means = prior_set.means(view.level_w.ln());
    let setting = SolveSetting {
        priors: &priors,
        means: &means,
        idle: view.idle,
        level_w: view.level_w,
        steps,
    };
    let whitened = rail.whitened(view, std::slice::from_ref(&earlier.noise));
    solve(&whitened, setting, &earlier.solution.u)
}

fn outcome(rail: &Rail<'_>, offset: SensorOffset, alpha: Option<f64>) -> FittedRail {
    let alpha_or_one = alpha.unwrap_or(1.0);
    let view = rail.view(offset.ns, alpha_or_one);
    let fitted = alpha.and_then(|_| rail.fit(&view, FULL));
    let verdict = fitted.as_ref().and_then(|fit| judge(rail, &view, fit));
    let slope = fitted
        .as_ref()
        .and_then(|fit| slope(rail, fit, offset, alpha_or_one));
    FittedRail {
        alpha: alpha_or_one,
        view,
        fitted,
        verdict,
        slope,
    }
}

fn judge(rail: &Rail<'_>, view: &RailView, fit: &Fitted) -> Option<gate::Verdict> {
    let prior_set = rail.prior_set(view.idle);
    let priors = prior_set.grid();
    let null = prior_set.null()?;
    let means = prior_set.means(view.level_w.ln());
    let setting = SolveSetting {
        priors: &priors,
        means: &means,
        idle: view.idle,
        level_w: view.level_w,
        steps: 1,
    };
    let bounds = gate::bounds(rail.windows.len());
    let solution = &fit.solution;
    let prior = priors.get(solution.prior)?;
    let by = |noise| {
        let samples = rail.samples(noise);
        let blocks = gram::grams(&view.rows, rail.columns.len(), samples, &bounds);
        gate::judge(&blocks, setting, prior, &null, &solution.u, solution.sigma)
    };
    let (one, other) = (by(&fit.noise)?, by(&fit.filtered)?);
    Some(if other.weight > one.weight {
        other
    } else {
        one
    })
}

/// Returns the change of log powers per standard deviation of the offset, from fits on both
/// sides of it.
fn slope(rail: &Rail<'_>, fit: &Fitted, offset: SensorOffset, alpha: f64) -> Option<DVector<f64>> {
    if offset.sd_ns <= 0.0 {
        return None;
    }
    let step = offset.sd_ns.max(0.25e6);
    let at = |ns: f64| refit(rail, &rail.view(ns, alpha), fit, 3);
    let (low, high) = (at(offset.ns - step)?, at(offset.ns + step)?);
    Some((high.u - low.u) * (0.5 * offset.sd_ns / step))
}
