//! Fit of one rail.

use nalgebra::{DMatrix, DVector};

use super::columns::Columns;
use super::design::{DesignSource, SparseRows};
use super::drift::NoiseInputs;
use super::gram::{Gram, Samples, gram};
use super::input::{FitKernel, FitMethod, FitOptions, FitSensor, KindInfo, KnownIdle, RailInput};
use super::noise::{self, Filter, Growth, IdleNoise, Noise};
use super::outcome::Refusal;
use super::prior::{Known, PER_PARENT, PriorSet};
use super::solve::{Solution, SolveSetting, solve};
use super::timeline::{Timeline, weights};
use super::windows::{Windows, weighted_intervals};

/// Share of concurrent time below which spans of a rail count as sequential.
const OVERLAPPING: f64 = 0.05;

/// Cosine of two columns above which they run in a fixed proportion.
const TIED: f64 = 0.995;
/// Half of the time around an edge over which its power is averaged, in nanoseconds.
const EDGE_NS: f64 = 0.3e6;

/// A validated rail with sorted windows.
#[derive(Debug)]
pub(super) struct Rail<'a> {
    pub(super) input: &'a RailInput,
    pub(super) timeline: &'a Timeline,
    pub(super) windows: Windows,
    pub(super) columns: Columns,
    /// Share of the time during which several spans ran.
    pub(super) concurrent: f64,
    calibrated: bool,
}

/// A rail at one offset and alpha.
#[derive(Debug, Clone)]
pub(super) struct RailView {
    pub(super) rows: SparseRows,
    pub(super) idle: IdleNoise,
    /// The mean power of spans in watts.
    pub(super) level_w: f64,
    pub(super) floor: Vec<f64>,
    /// The meter's own variance.
    pub(super) least_j2: f64,
    pub(super) clock_offset_ns: f64,
    pub(super) alpha: f64,
}

/// A fit with its noise.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    pub(super) solution: Solution,
    pub(super) noise: Noise,
    /// The noise by a filter alone, a second input of the gate.
    pub(super) filtered: Noise,
    pub(super) growth: Growth,
    /// Pairs of columns that run in a fixed proportion.
    pub(super) ties: Vec<(usize, usize)>,
}

/// Thoroughness of a fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    pub(super) filters: &'static [Filter],
    pub(super) passes: usize,
    /// Whether to model the causes of noise in addition to filters.
    pub(super) causes: bool,
}

/// Ratio to the measured idle power from which on windows without spans contain work.
const UNTRACED: f64 = 1.5;

impl<'a> Rail<'a> {
    pub(super) fn new(
        sensor: FitSensor<'a>,
        input: &'a RailInput,
        options: &FitOptions,
    ) -> Result<Self, Refusal> {
        let timeline = sensor
            .timelines
            .get(input.timeline)
            .ok_or(Refusal::NoSuchTimeline)?;
        check(sensor.kinds, timeline, input)?;
        let windows = Windows::new(&input.windows);
        if windows.len() == 0 {
            return Err(Refusal::NoWindows);
        }
        let mut seconds = vec![0.0; sensor.kinds.len()];
        timeline.all(&weights(1.0), |kind, s| seconds[kind as usize] += s);
        let calibrated = options.method == FitMethod::Calibrated;
        let has_priors = calibrated || input.pooled.is_some();
        let most = match input.is_merged && !has_priors {
            // Few windows cannot separate more kinds: those with little time are fitted
            // together. Otherwise every kind would get only its share of time.
            true => options.most_kinds.min((windows.len() / 3).max(1)),
            false => options.most_kinds,
        };
        let columns = Columns::new(sensor.kinds, &seconds, most);
        if columns.len() == 0 {
            return Err(Refusal::NoSpans);
        }
        let concurrent = timeline.concurrent_share();
        Ok(Self {
            input,
            timeline,
            windows,
            columns,
            concurrent,
            calibrated,
        })
    }

    pub(super) fn source(&self) -> DesignSource<'_> {
        DesignSource {
            timeline: self.timeline,
            columns: &self.columns,
            kernel: self.input.kernel,
        }
    }

    /// Whether several spans ran at once for a relevant time.
    pub(super) fn is_concurrent(&self) -> bool {
        self.concurrent > 1e-3
    }

    /// Whether each sample is a mean over more than its own interval, or windows overlap.
    pub(super) fn is_blurred(&self) -> bool {
        let long = matches!(self.input.kernel, FitKernel::Trailing { ns } if ns as f64 > 1.25 * self.windows.interval_ns() as f64);
        long || self.windows.overlapping * 4 > self.windows.len()
    }

    pub(super) fn view(&self, clock_offset_ns: f64, alpha: f64) -> RailView {
        let windows = &self.windows;
        let rows = SparseRows::new(self.source(), windows, clock_offset_ns, &weights(alpha));
        let busy = rows.times(&vec![1.0; self.columns.len()]);
        let idle = self.idle(&busy);
        let level_w = level(&windows.energy_j, &windows.seconds, &busy, idle.watts);
        let floor = noise::floor(
            &windows.energy_j,
            &windows.seconds,
            &rows.squares,
            idle.watts,
            level_w,
        );
        RailView {
            rows,
            idle,
            level_w,
            floor,
            least_j2: noise::least(&windows.energy_j),
            clock_offset_ns,
            alpha,
        }
    }

    /// Returns idle power: the configured one, or from the samples, or the measured one where
    /// the samples contain work without spans.
    pub(super) fn idle(&self, busy_s: &[f64]) -> IdleNoise {
        let known = |known: KnownIdle| IdleNoise {
            watts: known.watts.max(0.0),
            sd: known.sd_watts.max(0.01 * known.watts).max(1e-6),
            measured: true,
            has_untraced_work: false,
        };
        if let Some(configured) = self.input.idle {
            return known(configured);
        }
        let found = noise::idle(&self.windows.energy_j, &self.windows.seconds, busy_s);
        let is_work =
            |rest: &KnownIdle| found.watts > UNTRACED * rest.watts.max(0.0) + 3.0 * found.sd;
        let rest = self.input.measured_idle.filter(is_work);
        let with_work = |rest| IdleNoise {
            has_untraced_work: true,
            ..known(rest)
        };
        rest.map_or(found, with_work)
    }

    pub(super) fn prior_set(&self, idle: IdleNoise) -> PriorSet<'_> {
        let n = self.columns.len();
        let mut prior_set = PriorSet {
            parent: &self.columns.parent,
            per_parent: if self.concurrent > OVERLAPPING {
                0.0
            } else {
                PER_PARENT
            },
            known: vec![None; n],
            pooled: None,
            idle_sd: idle.sd,
        };
        let single = |k: u32| {
            let column = self.columns.of_kind[k as usize]? as usize;
            (self.columns.members[column].len() == 1).then_some(column)
        };
        if let Some(pooled) = &self.input.pooled {
            let size = pooled.kinds.len();
            let mut covariance = DMatrix::zeros(n, n);
            for (a, &ka) in pooled.kinds.iter().enumerate() {
                let Some(ca) = single(ka) else { continue };
                for (b, &kb) in pooled.kinds.iter().enumerate() {
                    let Some(cb) = single(kb) else { continue };
                    covariance[(ca, cb)] = pooled.covariance[a * size + b];
                }
                covariance[(ca, ca)] += pooled.drift.powi(2);
                prior_set.known[ca] = Some(Known {
                    ln_power: pooled.ln_power[a],
                    variance: covariance[(ca, ca)],
                });
            }
            prior_set.pooled = Some(covariance);
        } else if self.calibrated {
            for (k, prior) in self.input.priors.iter().enumerate() {
                if let (Some(prior), Some(column)) = (prior, single(k as u32)) {
                    prior_set.known[column] = Some(Known {
                        ln_power: prior.watts.ln(),
                        variance: prior.relative_sd.powi(2),
                    });
                }
            }
        }
        prior_set
    }

    pub(super) fn samples<'b>(&'b self, noise: &'b Noise) -> Samples<'b> {
        Samples {
            seconds: &self.windows.seconds,
            energy_j: &self.windows.energy_j,
            noise,
            begins: &[],
        }
    }

    /// Returns the products of `view`, one for each noise.
    pub(super) fn whitened(&self, view: &RailView, noises: &[Noise]) -> Vec<Gram> {
        noises
            .iter()
            .map(|noise| gram(&view.rows, self.columns.len(), self.samples(noise)))
            .collect()
    }

    /// Fits `view` in several passes; each estimates the noise from the residuals of the pass
    /// before.
    pub(super) fn fit(&self, view: &RailView, effort: Effort) -> Option<Fitted> {
        let prior_set = self.prior_set(view.idle);
        let priors = prior_set.grid();
        let means = prior_set.means(view.level_w.ln());
        let setting = SolveSetting {
            priors: &priors,
            means: &means,
            idle: view.idle,
            level_w: view.level_w,
            steps: 4,
        };
        let plain = |variances: &[f64]| -> Vec<Noise> {
            effort
                .filters
                .iter()
                .map(|f| Noise::Plain {
                    variances: variances.to_vec(),
                    filter: *f,
                })
                .collect()
        };
        let mut noises = plain(&view.floor);
        let mut start = means.clone();
        for pass in 1.. {
            let grams = self.whitened(view, &noises);
            let solution = solve(&grams, setting, &start)?;
            let (spans, residuals) = self.residuals(view, &solution);
            let growth = noise::growth(&residuals, &self.windows.seconds, &spans);
            if pass >= effort.passes {
                let noise = noises[solution.whitened].clone();
                let ties = ties(&grams[solution.whitened]);
                return Some(Fitted {
                    solution,
                    noise,
                    filtered: noises.swap_remove(effort.filters.len() - 1),
                    growth,
                    ties,
                });
            }
            let filter = match &noises[solution.whitened] {
                Noise::Plain { filter, .. } => *filter,
                Noise::Drift { .. } => Filter::DRIFT,
            };
            let variances = noise::update(
                &view.floor,
                growth,
                &residuals,
                &self.windows.seconds,
                &spans,
                solution.df,
                filter,
            );
            noises = plain(&variances);
            if effort.causes {
                let noise_inputs = self.noise_inputs(view, &solution, &spans);
                // Residuals are smaller than the noise, because the fit follows some of it.
                let scale = (residuals.len() as f64 / solution.df.max(1.0))
                    .min(3.0)
                    .sqrt();
                let scaled: Vec<f64> = residuals.iter().map(|r| r * scale).collect();
                let (sizes, inflation) = noise_inputs.learn(&scaled);
                noises.push(Noise::drift(noise_inputs, sizes, inflation));
            }
            start = solution.u;
        }
        None
    }

    /// Returns the inputs of the noise model, given `solution`.
    fn noise_inputs(&self, view: &RailView, solution: &Solution, spans_j: &[f64]) -> NoiseInputs {
        let windows = &self.windows;
        let n = windows.len();
        let powers = powers(view.level_w, &solution.u);
        let edges_w = self
            .edge_powers(view, powers.as_slice())
            .unwrap_or_else(|| vec![(0.0, 0.0); n]);
        let mut noise_inputs = NoiseInputs {
            seconds: windows.seconds.clone(),
            spans_j: spans_j.to_vec(),
            edges_w,
            squares_j2: self.squares(view, powers.as_slice()),
            since_s: vec![f64::INFINITY],
            joined: vec![false],
            idle_w: solution.idle_w.max(0.05 * view.level_w),
            least_j2: view.least_j2,
        };
        for i in 1..n {
            let middle = |i: usize| 0.5 * (windows.start_ns[i] + windows.end_ns[i]);
            noise_inputs
                .since_s
                .push(((middle(i) - middle(i - 1)) * 1e-9).max(0.0));
            let gap = (windows.start_ns[i] - windows.end_ns[i - 1]).abs() * 1e-9;
            noise_inputs.joined.push(gap < 0.05 * windows.seconds[i]);
        }
        noise_inputs
    }

    /// Returns, for each window, the sum of squared energies of its instances.
    fn squares(&self, view: &RailView, powers: &[f64]) -> Vec<f64> {
        let windows = &self.windows;
        let mut pieces = Vec::new();
        let mut sums = Vec::with_capacity(windows.len());
        for i in 0..windows.len() {
            let (start, end) = (
                windows.start_ns[i] - view.clock_offset_ns,
                windows.end_ns[i] - view.clock_offset_ns,
            );
            let most = windows.seconds[i].powi(2);
            weighted_intervals(self.input.kernel, start, end, &mut pieces);
            let mut sum = 0.0;
            for &(from, to, factor) in &pieces {
                self.timeline.squares_between(from, to, |kind, s2| {
                    if let Some(column) = self.columns.of_kind[kind as usize] {
                        sum += s2.min(most) * factor * powers[column as usize].powi(2);
                    }
                });
            }
            sums.push(sum);
        }
        sums
    }

    /// Returns the power at the start and the end of each window; `None` if the kernel has no
    /// sharp edges.
    fn edge_powers(&self, view: &RailView, powers: &[f64]) -> Option<Vec<(f64, f64)>> {
        if matches!(self.input.kernel, FitKernel::LowPass { .. }) {
            return None;
        }
        let windows = &self.windows;
        let table = weights(view.alpha);
        let mut out = Vec::with_capacity(windows.len());
        let mut pieces = Vec::new();
        for i in 0..windows.len() {
            weighted_intervals(
                self.input.kernel,
                windows.start_ns[i] - view.clock_offset_ns,
                windows.end_ns[i] - view.clock_offset_ns,
                &mut pieces,
            );
            let at = |t: f64| {
                let mut joules = 0.0;
                self.timeline
                    .between(t - EDGE_NS, t + EDGE_NS, &table, |kind, s| {
                        if let Some(c) = self.columns.of_kind[kind as usize] {
                            joules += s * powers[c as usize];
                        }
                    });
                joules / (2e-9 * EDGE_NS) + view.idle.watts
            };
            let (from, to, _) = pieces.first().copied().unwrap_or_default();
            out.push((at(from), at(to)));
        }
        Some(out)
    }

    /// Returns the energy of spans and the residual of each window.
    pub(super) fn residuals(&self, view: &RailView, solution: &Solution) -> (Vec<f64>, Vec<f64>) {
        let spans = view
            .rows
            .times(powers(view.level_w, &solution.u).as_slice());
        let residuals = (0..spans.len()).map(|i| {
            self.windows.energy_j[i] - solution.idle_w * self.windows.seconds[i] - spans[i]
        });
        let residuals = residuals.collect();
        (spans, residuals)
    }

    /// Returns the weighted seconds of each column over the whole timeline.
    pub(super) fn totals(&self, alpha: f64) -> Vec<f64> {
        let mut totals = vec![0.0; self.columns.len()];
        self.timeline.all(&weights(alpha), |kind, seconds| {
            if let Some(column) = self.columns.of_kind[kind as usize] {
                totals[column as usize] += seconds;
            }
        });
        totals
    }
}

/// Converts log powers to watts.
pub(super) fn powers(level_w: f64, u: &DVector<f64>) -> DVector<f64> {
    u.map(|u| level_w * u.exp())
}

/// Returns the mean power of spans above idle in watts.
pub(super) fn level(energy_j: &[f64], seconds: &[f64], busy_s: &[f64], idle_w: f64) -> f64 {
    let energy: f64 = energy_j.iter().sum();
    let time: f64 = seconds.iter().sum();
    let busy: f64 = busy_s.iter().sum();
    let least = (1e-3 * energy.abs() / time).max(1e-9);
    ((energy - idle_w * time) / busy.max(1e-9)).max(least)
}

fn check(kinds: &[KindInfo], timeline: &Timeline, input: &RailInput) -> Result<(), Refusal> {
    let unknown = |k: u32| k as usize >= kinds.len();
    let parents_known = kinds.iter().filter_map(|k| k.parent).all(|p| !unknown(p));
    if timeline.kinds() as usize > kinds.len() || !parents_known || input.priors.len() > kinds.len()
    {
        return Err(Refusal::UnknownKind);
    }
    let positive = |x: f64| x.is_finite() && x > 0.0;
    if !input
        .priors
        .iter()
        .flatten()
        .all(|p| positive(p.watts) && positive(p.relative_sd))
    {
        return Err(Refusal::BadPrior);
    }
    if input
        .idle
        .is_some_and(|i| !(i.watts.is_finite() && i.sd_watts.is_finite()))
    {
        return Err(Refusal::BadPrior);
    }
    let Some(pooled) = &input.pooled else {
        return Ok(());
    };
    if pooled.kinds.iter().any(|k| unknown(*k)) {
        return Err(Refusal::UnknownKind);
    }
    let n = pooled.kinds.len();
    let sizes = pooled.ln_power.len() == n && pooled.covariance.len() == n * n;
    let finite = pooled
        .ln_power
        .iter()
        .chain(&pooled.covariance)
        .all(|x| x.is_finite())
        && pooled.drift.is_finite();
    if sizes && finite {
        Ok(())
    } else {
        Err(Refusal::BadPrior)
    }
}

/// Returns pairs of columns that the samples cannot distinguish.
fn ties(gram: &Gram) -> Vec<(usize, usize)> {
    let n = gram.products.ncols() - 2;
    let mut pairs = Vec::new();
    for j in 0..n {
        for k in 0..j {
            let norm = (gram.products[(j, j)] * gram.products[(k, k)]).sqrt();
            if gram.products[(j, k)] > TIED * norm {
                pairs.push((k, j));
            }
        }
    }
    pairs
}
