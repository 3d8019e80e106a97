//! One rail while it is fitted.

use nalgebra::{DMatrix, DVector};

use super::columns::Columns;
use super::design::{Source, SparseRows};
use super::drift::Scene;
use super::gram::{Gram, Samples, gram};
use super::input::{FitOptions, Kernel, KindInfo, KnownIdle, Method, RailInput, Sensor};
use super::noise::{self, Filter, Growth, Idle, Noise};
use super::outcome::Refusal;
use super::prior::{Beliefs, Known, PER_PARENT};
use super::solve::{Setting, Solution, solve};
use super::timeline::{Timeline, weights};
use super::windows::{Windows, stretches};

/// Below this share of concurrent time a rail counts as one thing after another.
const OVERLAPPING: f64 = 0.05;

/// Columns whose cosine is above this run in one proportion.
const TIED: f64 = 0.995;
/// Half of the time around an edge that its power is taken from, in nanoseconds.
const EDGE_NS: f64 = 0.3e6;

/// A rail, checked and put in order.
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

/// A rail seen at one offset and alpha.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) rows: SparseRows,
    pub(super) idle: Idle,
    /// The mean power of spans in watts.
    pub(super) level_w: f64,
    pub(super) floor: Vec<f64>,
    /// The meter's own variance.
    pub(super) least_j2: f64,
    pub(super) offset_ns: f64,
    pub(super) alpha: f64,
}

/// A fit with the noise that belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    pub(super) solution: Solution,
    pub(super) noise: Noise,
    /// The noise by a filter alone, a second opinion for the gate.
    pub(super) filtered: Noise,
    pub(super) growth: Growth,
    /// Columns that run in one proportion, as pairs.
    pub(super) ties: Vec<(usize, usize)>,
}

/// How thoroughly to fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    pub(super) filters: &'static [Filter],
    pub(super) passes: usize,
    /// Whether to look for the causes of noise, beside filters.
    pub(super) causes: bool,
}

/// Windows without spans that draw so many times the measured idle power are no idle time.
const UNTRACED: f64 = 1.5;

impl<'a> Rail<'a> {
    pub(super) fn new(
        sensor: Sensor<'a>,
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
        let calibrated = options.method == Method::Calibrated;
        let knows = calibrated || input.pooled.is_some();
        let most = match input.is_merged && !knows {
            // So few windows distinguish no more kinds: those with little time are fitted
            // together. Without this no kind would get more than its share of time.
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

    pub(super) fn source(&self) -> Source<'_> {
        Source {
            timeline: self.timeline,
            columns: &self.columns,
            kernel: self.input.kernel,
        }
    }

    /// Whether several spans ran at once for a time that matters.
    pub(super) fn is_concurrent(&self) -> bool {
        self.concurrent > 1e-3
    }

    /// Whether each sample is a mean over more than its own interval, or windows overlap.
    pub(super) fn is_blurred(&self) -> bool {
        let long = matches!(self.input.kernel, Kernel::Trailing { ns } if ns as f64 > 1.25 * self.windows.interval_ns() as f64);
        long || self.windows.overlapping * 4 > self.windows.len()
    }

    pub(super) fn view(&self, offset_ns: f64, alpha: f64) -> View {
        let windows = &self.windows;
        let rows = SparseRows::new(self.source(), windows, offset_ns, &weights(alpha));
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
        View {
            rows,
            idle,
            level_w,
            floor,
            least_j2: noise::least(&windows.energy_j),
            offset_ns,
            alpha,
        }
    }

    /// Idle power: as given, or from the samples, unless work without spans is in them.
    pub(super) fn idle(&self, busy_s: &[f64]) -> Idle {
        let known = |known: KnownIdle| Idle {
            watts: known.watts.max(0.0),
            sd: known.sd_watts.max(0.01 * known.watts).max(1e-6),
            measured: true,
        };
        if let Some(configured) = self.input.idle {
            return known(configured);
        }
        let found = noise::idle(&self.windows.energy_j, &self.windows.seconds, busy_s);
        let is_work =
            |rest: &KnownIdle| found.watts > UNTRACED * rest.watts.max(0.0) + 3.0 * found.sd;
        let rest = self.input.measured_idle.filter(is_work);
        rest.map_or(found, known)
    }

    pub(super) fn beliefs(&self, idle: Idle) -> Beliefs<'_> {
        let n = self.columns.len();
        let mut beliefs = Beliefs {
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
        let alone = |k: u32| {
            let column = self.columns.of_kind[k as usize]? as usize;
            (self.columns.members[column].len() == 1).then_some(column)
        };
        if let Some(pooled) = &self.input.pooled {
            let size = pooled.kinds.len();
            let mut covariance = DMatrix::zeros(n, n);
            for (a, &ka) in pooled.kinds.iter().enumerate() {
                let Some(ca) = alone(ka) else { continue };
                for (b, &kb) in pooled.kinds.iter().enumerate() {
                    let Some(cb) = alone(kb) else { continue };
                    covariance[(ca, cb)] = pooled.covariance[a * size + b];
                }
                covariance[(ca, ca)] += pooled.drift.powi(2);
                beliefs.known[ca] = Some(Known {
                    ln_power: pooled.ln_power[a],
                    variance: covariance[(ca, ca)],
                });
            }
            beliefs.pooled = Some(covariance);
        } else if self.calibrated {
            for (k, prior) in self.input.priors.iter().enumerate() {
                if let (Some(prior), Some(column)) = (prior, alone(k as u32)) {
                    beliefs.known[column] = Some(Known {
                        ln_power: prior.watts.ln(),
                        variance: prior.relative_sd.powi(2),
                    });
                }
            }
        }
        beliefs
    }

    pub(super) fn samples<'b>(&'b self, noise: &'b Noise) -> Samples<'b> {
        Samples {
            seconds: &self.windows.seconds,
            energy_j: &self.windows.energy_j,
            noise,
            begins: &[],
        }
    }

    /// The products of `view`, one for each noise.
    pub(super) fn whitened(&self, view: &View, noises: &[Noise]) -> Vec<Gram> {
        noises
            .iter()
            .map(|noise| gram(&view.rows, self.columns.len(), self.samples(noise)))
            .collect()
    }

    /// Fits `view` in several passes: each learns the noise from what the one before left over.
    pub(super) fn fit(&self, view: &View, effort: Effort) -> Option<Fitted> {
        let beliefs = self.beliefs(view.idle);
        let priors = beliefs.grid();
        let means = beliefs.means(view.level_w.ln());
        let setting = Setting {
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
                let scene = self.scene(view, &solution, &spans);
                // What a fit leaves over is less than the noise: it has followed some of it.
                let scale = (residuals.len() as f64 / solution.df.max(1.0))
                    .min(3.0)
                    .sqrt();
                let scaled: Vec<f64> = residuals.iter().map(|r| r * scale).collect();
                let (sizes, inflation) = scene.learn(&scaled);
                noises.push(Noise::drift(scene, sizes, inflation));
            }
            start = solution.u;
        }
        None
    }

    /// What the noise of each window depends on, as far as `solution` knows.
    fn scene(&self, view: &View, solution: &Solution, spans_j: &[f64]) -> Scene {
        let windows = &self.windows;
        let n = windows.len();
        let powers = powers(view.level_w, &solution.u);
        let edges_w = self
            .edge_powers(view, powers.as_slice())
            .unwrap_or_else(|| vec![(0.0, 0.0); n]);
        let mut scene = Scene {
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
            scene
                .since_s
                .push(((middle(i) - middle(i - 1)) * 1e-9).max(0.0));
            let gap = (windows.start_ns[i] - windows.end_ns[i - 1]).abs() * 1e-9;
            scene.joined.push(gap < 0.05 * windows.seconds[i]);
        }
        scene
    }

    /// Per window, the sum over its instances of their squared energies.
    fn squares(&self, view: &View, powers: &[f64]) -> Vec<f64> {
        let windows = &self.windows;
        let mut pieces = Vec::new();
        let mut sums = Vec::with_capacity(windows.len());
        for i in 0..windows.len() {
            let (start, end) = (
                windows.start_ns[i] - view.offset_ns,
                windows.end_ns[i] - view.offset_ns,
            );
            let most = windows.seconds[i].powi(2);
            stretches(self.input.kernel, start, end, &mut pieces);
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

    /// The power at the first and the last moment of each window; `None` where the
    /// kernel has no sharp edges.
    fn edge_powers(&self, view: &View, powers: &[f64]) -> Option<Vec<(f64, f64)>> {
        if matches!(self.input.kernel, Kernel::LowPass { .. }) {
            return None;
        }
        let windows = &self.windows;
        let table = weights(view.alpha);
        let mut out = Vec::with_capacity(windows.len());
        let mut pieces = Vec::new();
        for i in 0..windows.len() {
            stretches(
                self.input.kernel,
                windows.start_ns[i] - view.offset_ns,
                windows.end_ns[i] - view.offset_ns,
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

    /// Energy of spans and what is left, per window.
    pub(super) fn residuals(&self, view: &View, solution: &Solution) -> (Vec<f64>, Vec<f64>) {
        let spans = view
            .rows
            .times(powers(view.level_w, &solution.u).as_slice());
        let left = (0..spans.len()).map(|i| {
            self.windows.energy_j[i] - solution.idle_w * self.windows.seconds[i] - spans[i]
        });
        let left = left.collect();
        (spans, left)
    }

    /// Weighted seconds of each column over the whole timeline.
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

/// Powers in watts from log powers.
pub(super) fn powers(level_w: f64, u: &DVector<f64>) -> DVector<f64> {
    u.map(|u| level_w * u.exp())
}

/// Mean power of spans above idle in watts.
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

/// Pairs of columns that look the same to the samples, whatever their powers.
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
