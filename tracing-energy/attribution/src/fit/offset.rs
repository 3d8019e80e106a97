//! Finds the offset between the sensor's clock and the spans' clock at which samples fit best.

use super::design::Moving;
use super::gram::{Samples, gram};
use super::input::FitOptions;
use super::noise::{self, Filter, Noise};
use super::prior::ScaledPrior;
use super::rail::{Fitted, Rail, level};
use super::solve::{LinearSystem, SolveSetting, sigmas};
use super::timeline::weights;
use super::windows::Windows;

const MS: f64 = 1e6;
/// Prior spread of offsets.
const SPREAD_MS: f64 = 20.0;
/// Least standard deviation of an offset.
const LEAST_SD_MS: f64 = 0.15;

/// Result of the search, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SensorOffset {
    pub(super) ns: f64,
    pub(super) sd_ns: f64,
    pub(super) at_edge: bool,
    /// The smallest and the largest offset of quarters of the run, if they differ.
    pub(super) changed: Option<(f64, f64)>,
}

/// One rail during the search.
struct Scanned<'a, 'b> {
    rail: &'b Rail<'a>,
    moving: Moving<'b>,
    windows: Windows,
    begins: Vec<bool>,
    /// The noise and the prior's index in the grid, if there is a fit.
    fitted: Option<(Noise, usize)>,
    /// Computed at the first offset, because idle's spread hardly depends on it.
    priors: Option<Vec<ScaledPrior>>,
}

/// State of the search: the evidence of each tried offset, in quarters of a millisecond.
struct Search<'a, 'b> {
    rails: Vec<Scanned<'a, 'b>>,
    evidence_at: std::collections::BTreeMap<i64, f64>,
    range: i64,
}

/// Searches the offset in the whole range, then in finer steps. With `around`, searches only
/// near it, using `fitted` (one fit per rail, with its alpha).
pub(super) fn search(
    rails: &[&Rail<'_>],
    fitted: &[Option<(&Fitted, f64)>],
    around: Option<f64>,
    options: &FitOptions,
) -> SensorOffset {
    let quarter = 0.25 * MS;
    let range = (options.offset_range_ns.max(0) as f64 / quarter) as i64;
    let most = options.offset_windows.max(10);
    let mut search = Search {
        rails: rails
            .iter()
            .zip(fitted)
            .map(|(rail, fit)| Scanned::new(rail, *fit, most))
            .collect(),
        evidence_at: std::collections::BTreeMap::new(),
        range,
    };
    let (centre, wide_sd) = match around {
        None => {
            let coarse = search.best((-range..=range).step_by(16));
            (search.best((-4..=4).map(|i| coarse + i * 4)), 0.0)
        }
        Some(ns) => {
            let middle = ((ns / quarter).round() as i64).clamp(-range, range);
            let grid: Vec<i64> = (-8..=8)
                .map(|i| (middle + i * 8).clamp(-range, range))
                .collect();
            let centre = search.best(grid.iter().copied());
            let (_, sd) = search.moments(grid.into_iter());
            (search.best((-4..=4).map(|i| centre + i * 2)), sd)
        }
    };
    let centre = search.best((-5..=5).map(|i| centre + i));
    let (mean, sd) = search.moments((-6..=6).map(|i| centre + i));
    SensorOffset {
        ns: mean * quarter,
        sd_ns: (sd * 0.25).max(wide_sd * 0.25).max(LEAST_SD_MS) * MS,
        at_edge: range > 0 && centre.abs() >= range - 1,
        changed: None,
    }
}

impl Search<'_, '_> {
    fn at(&mut self, quarters: i64) -> f64 {
        if let Some(evidence) = self.evidence_at.get(&quarters) {
            return *evidence;
        }
        let ms = quarters as f64 * 0.25;
        let evidence: f64 = self
            .rails
            .iter_mut()
            .map(|rail| rail.evidence(ms * MS))
            .sum();
        let evidence = evidence - 0.5 * (ms / SPREAD_MS).powi(2);
        self.evidence_at.insert(quarters, evidence);
        evidence
    }

    fn best(&mut self, grid: impl Iterator<Item = i64>) -> i64 {
        let range = self.range;
        let mut best = (f64::NEG_INFINITY, 0);
        for quarters in grid.map(|q| q.clamp(-range, range)) {
            let evidence = self.at(quarters);
            if evidence > best.0 {
                best = (evidence, quarters);
            }
        }
        best.1
    }

    /// Mean and standard deviation over a grid, in quarters of a millisecond.
    fn moments(&mut self, grid: impl Iterator<Item = i64>) -> (f64, f64) {
        let range = self.range;
        let mut grid: Vec<i64> = grid.map(|q| q.clamp(-range, range)).collect();
        grid.dedup();
        let evidence: Vec<f64> = grid.iter().map(|q| self.at(*q)).collect();
        let best = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = evidence
            .iter()
            .map(|e| {
                if best.is_finite() {
                    (e - best).exp()
                } else {
                    1.0
                }
            })
            .collect();
        let sum: f64 = weights.iter().sum();
        let mean = grid
            .iter()
            .zip(&weights)
            .map(|(q, w)| *q as f64 * w)
            .sum::<f64>()
            / sum;
        let variance = grid
            .iter()
            .zip(&weights)
            .map(|(q, w)| (*q as f64 - mean).powi(2) * w)
            .sum::<f64>()
            / sum;
        (mean, variance.sqrt())
    }
}

impl<'a, 'b> Scanned<'a, 'b> {
    fn new(rail: &'b Rail<'a>, fitted: Option<(&Fitted, f64)>, most: usize) -> Self {
        let (picked, begins) = rail.windows.subset(most);
        let pick = |from: &[f64]| picked.iter().map(|&i| from[i]).collect::<Vec<f64>>();
        let windows = Windows {
            start_ns: pick(&rail.windows.start_ns),
            end_ns: pick(&rail.windows.end_ns),
            seconds: pick(&rail.windows.seconds),
            energy_j: pick(&rail.windows.energy_j),
            ..Windows::default()
        };
        let alpha = fitted.map_or(1.0, |(_, alpha)| alpha);
        let moving = Moving::new(rail.source(), &rail.windows, &picked, 0.0, weights(alpha));
        let fitted = fitted.map(|(fit, _)| (fit.noise.pick(&picked, &begins), fit.solution.prior));
        Self {
            rail,
            moving,
            windows,
            begins,
            fitted,
            priors: None,
        }
    }

    /// Returns the log evidence of this rail's samples at an offset.
    fn evidence(&mut self, clock_offset_ns: f64) -> f64 {
        self.moving.shift_to(clock_offset_ns);
        let windows = &self.windows;
        let n = windows.len();
        let busy: Vec<f64> = (0..n).map(|i| self.moving.row(i).iter().sum()).collect();
        let idle = self.rail.idle(&busy);
        let level_w = level(&windows.energy_j, &windows.seconds, &busy, idle.watts);
        let prior_set = self.rail.prior_set(idle);
        let means = prior_set.means(level_w.ln());
        let first;
        let noises: &[Noise] = match &self.fitted {
            Some((noise, _)) => std::slice::from_ref(noise),
            None => {
                let squares = vec![0.0; n];
                let variances = noise::floor(
                    &windows.energy_j,
                    &windows.seconds,
                    &squares,
                    idle.watts,
                    level_w,
                );
                first = [Filter::WHITE, Filter::MEMORY, Filter::DRIFT].map(|filter| Noise::Plain {
                    variances: variances.clone(),
                    filter,
                });
                &first
            }
        };
        let place = self.fitted.as_ref().map(|(_, place)| *place);
        let priors = self.priors.get_or_insert_with(|| {
            let grid = prior_set.grid();
            let place = place.unwrap_or(grid.len() / 2);
            grid.into_iter().skip(place).take(1).collect()
        });
        let setting = SolveSetting {
            priors: &*priors,
            means: &means,
            idle,
            level_w,
            steps: 1,
        };
        let columns = self.rail.columns.len();
        let mut all = Vec::new();
        for noise in noises {
            let samples = Samples {
                seconds: &windows.seconds,
                energy_j: &windows.energy_j,
                noise,
                begins: &self.begins,
            };
            let linear = LinearSystem::new(&gram(&self.moving, columns, samples), &means, setting);
            all.extend(setting.priors.iter().flat_map(|prior| {
                let linear = &linear;
                sigmas()
                    .into_iter()
                    .step_by(2)
                    .filter_map(move |sigma| linear.at(prior, sigma))
                    .map(|(evidence, _, _)| evidence)
            }));
        }
        let best = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if best.is_finite() {
            best + all.iter().map(|e| (e - best).exp()).sum::<f64>().ln()
        } else {
            -1e300
        }
    }
}
