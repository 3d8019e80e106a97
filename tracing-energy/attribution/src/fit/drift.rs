//! Noise model by cause: the gain drifts, idle power drifts, brief background work occurs, and
//! the time of each edge between two windows has an error.
//!
//! ```text
//! window i    noise = D g  +  W h  +  W m  -  Ps s  +  Pe e  +  white
//!                     gain    idle    brief   start    end
//! window i+1  g, h and m decay over seconds and a tenth of one; its s is this window's e
//! ```
//!
//! A Kalman filter predicts a window from those before it. Its innovations are independent.
//! The same filter runs over every column.

/// Number of states: gain, idle, brief, start edge, end edge.
pub(super) const STATES: usize = 5;
/// Time constants of gain and idle, and of brief background work, in seconds.
const SLOW_S: f64 = 5.0;
const BRIEF_S: f64 = 0.08;
/// Innovations above this many standard deviations have less weight.
const OUTLIER: f64 = 2.5;
/// Number of windows from which sizes are estimated.
const LEARN_FROM: usize = 2_000;

/// Inputs of the noise model for each window.
#[derive(Debug, Clone, Default)]
pub(super) struct NoiseInputs {
    /// Window lengths in seconds.
    pub(super) seconds: Vec<f64>,
    /// Energy of spans in joules.
    pub(super) spans_j: Vec<f64>,
    /// Power at the start and at the end, in watts.
    pub(super) edges_w: Vec<(f64, f64)>,
    /// Sum of squared energies of instances.
    pub(super) squares_j2: Vec<f64>,
    /// Seconds since the middle of the window before.
    pub(super) since_s: Vec<f64>,
    /// Whether the window begins at the end of the one before.
    pub(super) joined: Vec<bool>,
    /// Idle power in watts, and the variance of the meter.
    pub(super) idle_w: f64,
    pub(super) least_j2: f64,
}

/// The sizes of the causes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes([f64; 6]);

impl Sizes {
    /// Gain (share), idle (share), brief (share of idle), edge (s), white (share of
    /// idle energy of a second, grows with the root of time), instances (share).
    const USUAL: Self = Self([0.03, 0.02, 0.03, 0.3e-3, 0.01, 0.10]);
    /// Standard deviations of the logarithms of sizes relative to the usual ones.
    const SPREAD: [f64; 6] = [0.7, 0.7, 1.0, 0.7, 1.0, 0.7];

    fn ln_prior(&self) -> f64 {
        let one = |i: usize| ((self.0[i] / Self::USUAL.0[i]).ln() / Self::SPREAD[i]).powi(2);
        -0.5 * (0..6).map(one).sum::<f64>()
    }
}

/// The filter, ready to run over columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Drift {
    rows: Vec<FilterStep>,
}

#[derive(Debug, Clone, Copy, Default)]
struct FilterStep {
    /// Coefficients of the states in the window.
    observation: [f64; STATES],
    /// Kalman gain of each state.
    kalman_gain: [f64; STATES],
    /// Factors of the states before the window.
    decay: [f64; 2],
    /// Whether the last end edge is the start edge of this window.
    joined: bool,
    begins: bool,
    scale: f64,
    ln_variance: f64,
}

impl NoiseInputs {
    /// Selects windows; `begins` marks those whose predecessor is not selected.
    pub(super) fn pick(&self, picked: &[usize], begins: &[bool]) -> Self {
        let pick = |from: &[f64]| picked.iter().map(|i| from[*i]).collect::<Vec<f64>>();
        Self {
            seconds: pick(&self.seconds),
            spans_j: pick(&self.spans_j),
            edges_w: picked.iter().map(|i| self.edges_w[*i]).collect(),
            squares_j2: pick(&self.squares_j2),
            since_s: picked
                .iter()
                .zip(begins)
                .map(|(i, b)| if *b { f64::INFINITY } else { self.since_s[*i] })
                .collect(),
            joined: picked
                .iter()
                .zip(begins)
                .map(|(i, b)| self.joined[*i] && !b)
                .collect(),
            ..*self
        }
    }

    /// Estimates the sizes, and how much each window is an outlier, from residuals.
    pub(super) fn learn(&self, residuals: &[f64]) -> (Sizes, Vec<f64>) {
        let n = residuals.len();
        let most = n.min(LEARN_FROM);
        let picked: Vec<usize> = (0..most).collect();
        let part = self.pick(&picked, &vec![false; most]);
        let mut inflation = vec![1.0; n];
        let mut sizes = Sizes::USUAL;
        for _ in 0..2 {
            sizes = part.climb(&residuals[..most], &inflation[..most], sizes);
            inflation = self.outliers(residuals, sizes);
        }
        (sizes, inflation)
    }

    fn climb(&self, residuals: &[f64], inflation: &[f64], start: Sizes) -> Sizes {
        let value = |sizes: Sizes| {
            Drift::new(self, sizes, inflation).likelihood(residuals) + sizes.ln_prior()
        };
        let mut best = (value(start), start);
        for factor in [3.0, 1.7, 1.7, 1.25] {
            for i in 0..6 {
                for by in [factor, 1.0 / factor] {
                    let mut sizes = best.1;
                    sizes.0[i] *= by;
                    let v = value(sizes);
                    if v > best.0 {
                        best = (v, sizes);
                    }
                }
            }
        }
        best.1
    }

    fn outliers(&self, residuals: &[f64], sizes: Sizes) -> Vec<f64> {
        let plain = vec![1.0; residuals.len()];
        let drift = Drift::new(self, sizes, &plain);
        let mut z = residuals.to_vec();
        drift.run(&mut z, 0, &mut [0.0; STATES]);
        let sizes: Vec<f64> = z.iter().map(|z| z.abs()).collect();
        let unit = (1.4826 * crate::stats::median(&sizes)).max(1e-9);
        sizes
            .iter()
            .map(|z| (z / unit / OUTLIER).max(1.0).powi(2))
            .collect()
    }
}

impl Drift {
    pub(super) fn new(noise_inputs: &NoiseInputs, sizes: Sizes, inflation: &[f64]) -> Self {
        let [gain, idle, brief, edge, white, instances] = sizes.0;
        let variances = [
            gain.powi(2),
            (idle * noise_inputs.idle_w).powi(2),
            (brief * noise_inputs.idle_w).powi(2),
        ];
        let mut p = [[0.0; STATES]; STATES];
        let mut rows = Vec::with_capacity(inflation.len());
        for (i, inflation) in inflation.iter().enumerate() {
            let since = noise_inputs.since_s[i];
            let begins = i == 0 || !since.is_finite();
            let decay = if begins {
                [0.0; 2]
            } else {
                [(-since / SLOW_S).exp(), (-since / BRIEF_S).exp()]
            };
            predict(
                &mut p,
                decay,
                noise_inputs.joined[i] && !begins,
                variances,
                edge * edge,
            );
            let (seconds, (start_w, end_w)) = (noise_inputs.seconds[i], noise_inputs.edges_w[i]);
            let observation = [noise_inputs.spans_j[i], seconds, seconds, -start_w, end_w];
            let own = (white * noise_inputs.idle_w).powi(2) * seconds
                + instances.powi(2) * noise_inputs.squares_j2[i]
                + noise_inputs.least_j2;
            let (kalman_gain, variance) = update(&mut p, &observation, own * inflation);
            rows.push(FilterStep {
                observation,
                kalman_gain,
                decay,
                joined: noise_inputs.joined[i] && !begins,
                begins,
                scale: 1.0 / variance.sqrt(),
                ln_variance: variance.ln(),
            });
        }
        Self { rows }
    }

    /// Replaces a column's cells, from row `at` on, by their innovations in standard deviations.
    /// `state` is the state of the column, which is updated.
    pub(super) fn run(&self, cells: &mut [f64], at: usize, state: &mut [f64; STATES]) {
        for (cell, row) in cells.iter_mut().zip(&self.rows[at..]) {
            if row.begins {
                *state = [0.0; STATES];
            }
            let [slow, fast] = row.decay;
            let edge = if row.joined { state[4] } else { 0.0 };
            let before = [state[0] * slow, state[1] * slow, state[2] * fast, edge, 0.0];
            let predicted: f64 = (0..STATES).map(|k| before[k] * row.observation[k]).sum();
            let new = *cell - predicted;
            for k in 0..STATES {
                state[k] = before[k] + row.kalman_gain[k] * new;
            }
            *cell = new * row.scale;
        }
    }

    /// Like [`Self::run`] for one row of many columns. `memory` has the first state of all
    /// columns, then the second one, and so on.
    pub(super) fn apply(&self, at: usize, cells: &mut [f64], memory: &mut [f64]) {
        let row = &self.rows[at];
        let width = cells.len();
        if row.begins {
            memory.fill(0.0);
        }
        let (gain, tail) = memory.split_at_mut(width);
        let (idle, tail) = tail.split_at_mut(width);
        let (brief, tail) = tail.split_at_mut(width);
        let (start, end) = tail.split_at_mut(width);
        let [slow, fast] = row.decay;
        let keeps = if row.joined { 1.0 } else { 0.0 };
        let (observation, kalman_gain) = (&row.observation, &row.kalman_gain);
        for c in 0..width {
            let before = [
                gain[c] * slow,
                idle[c] * slow,
                brief[c] * fast,
                end[c] * keeps,
            ];
            let predicted = before[0] * observation[0]
                + before[1] * observation[1]
                + before[2] * observation[2]
                + before[3] * observation[3];
            let new = cells[c] - predicted;
            gain[c] = before[0] + kalman_gain[0] * new;
            idle[c] = before[1] + kalman_gain[1] * new;
            brief[c] = before[2] + kalman_gain[2] * new;
            start[c] = before[3] + kalman_gain[3] * new;
            end[c] = kalman_gain[4] * new;
            cells[c] = new * row.scale;
        }
    }

    /// Sum of the logarithms of the variances of some rows.
    pub(super) fn ln_variances(&self, first: usize, last: usize) -> f64 {
        self.rows[first..last]
            .iter()
            .map(|row| row.ln_variance)
            .sum()
    }

    fn likelihood(&self, residuals: &[f64]) -> f64 {
        let mut z = residuals.to_vec();
        self.run(&mut z, 0, &mut [0.0; STATES]);
        let square: f64 = z.iter().map(|z| z * z).sum();
        -0.5 * (square + self.ln_variances(0, residuals.len()))
    }
}

/// Propagates the states' covariance to the next window.
fn predict(
    p: &mut [[f64; STATES]; STATES],
    decay: [f64; 2],
    joined: bool,
    variances: [f64; 3],
    edge: f64,
) {
    let keeps = [decay[0], decay[0], decay[1]];
    let old = *p;
    for j in 0..3 {
        for k in 0..3 {
            p[j][k] = old[j][k] * keeps[j] * keeps[k];
        }
        p[j][j] += (1.0 - keeps[j] * keeps[j]) * variances[j];
        let tied = if joined { old[j][4] * keeps[j] } else { 0.0 };
        (p[j][3], p[3][j]) = (tied, tied);
        (p[j][4], p[4][j]) = (0.0, 0.0);
    }
    p[3][3] = if joined { old[4][4] } else { edge };
    p[4][4] = edge;
    (p[3][4], p[4][3]) = (0.0, 0.0);
}

/// Updates the covariance with one window. Returns the gain of each state and the variance of
/// the window.
fn update(
    p: &mut [[f64; STATES]; STATES],
    observation: &[f64; STATES],
    own: f64,
) -> ([f64; STATES], f64) {
    let mut ph = [0.0; STATES];
    for j in 0..STATES {
        ph[j] = (0..STATES).map(|k| p[j][k] * observation[k]).sum();
    }
    let variance = ((0..STATES).map(|k| ph[k] * observation[k]).sum::<f64>() + own).max(1e-24);
    let kalman_gain = ph.map(|x| x / variance);
    for j in 0..STATES {
        for k in 0..STATES {
            p[j][k] -= kalman_gain[j] * ph[k];
        }
    }
    (kalman_gain, variance)
}
