//! The live estimate of one rail: the power of each kind, learnt sample by sample.
//!
//! ```text
//! sample   1 .. 9          10            11            12
//! account  (too few)       with p(9)     with p(10)    with p(11)
//! learn    p(1) .. p(9)    p(10)         p(11)         p(12)
//! ```
//!
//! The model is linear: energy = idle x time + sum of (power x time) of kinds. Its
//! normal equations are updated with each sample, filtered for the correlation between the
//! noise of successive samples. A prior keeps kinds at the common level until samples
//! contradict it. A sample is attributed with the powers learnt before it, and never
//! revised. The offline fit additionally uses later samples, the sensor's clock offset (taken
//! as 0 here), the sensor's kernel and the effect of concurrency, and it computes intervals.

use std::collections::{HashMap, VecDeque};

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::stats::median;

/// Samples required for an estimate; at least as many as kinds.
const LEAST_SAMPLES: u64 = 10;
/// Number of kinds with a power of their own; later kinds share one.
const MOST_KINDS: usize = 255;
/// Number of kinds up to which the equations are solved for every sample; with more kinds
/// they are solved less often, so that the cost per sample stays bounded.
const SOLVED_EACH_TIME: f64 = 100.0;
/// Spread of the powers of kinds, relative to the common level.
const SPREAD: f64 = 0.45;
/// Correlation of the noise of successive samples.
const CARRIED_ON: f64 = 0.9;
/// Noise of a sample: relative to its active and idle energy, and to the mean
/// energy of samples.
const ACTIVE_NOISE: f64 = 0.025;
const IDLE_NOISE: f64 = 0.03;
const LEAST_NOISE: f64 = 1e-3;
/// Relative noise common to all kinds of a sample, which scaling to the measured energy
/// absorbs.
const GAIN_NOISE: f64 = 0.03;
/// Least power of a kind relative to the common level.
const LEAST_POWER: f64 = 0.05;
/// Limits of the factor that scales powers to the measured energy of a sample.
const GAIN: (f64, f64) = (0.2, 5.0);
/// Deviations beyond this have less weight, in usual deviations.
const OUTLYING: f64 = 2.5;
/// Share of its time below which a sample counts as idle.
const IDLE_SHARE: f64 = 0.02;
/// Number of idle samples that are kept.
const IDLE_SAMPLES: usize = 64;
/// Relative spread of a known idle power, and of a guessed one.
const KNOWN_IDLE: f64 = 0.05;
const GUESSED_IDLE: f64 = 0.5;
/// Limit of plausible energies and row lengths.
const ABSURD: f64 = 1e12;
/// Shortest sample: a nanosecond.
const SHORTEST_S: f64 = 1e-9;

/// One sample, without the energy that is not the program's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveSample<'a> {
    /// Seconds of each kind that ran; by kind, each once.
    pub(crate) times: &'a [(u32, f64)],
    /// Length of the sample.
    pub(crate) seconds: f64,
    pub(crate) energy_j: f64,
    /// Idle power, if it is known.
    pub(crate) idle_w: Option<f64>,
}

/// Accounts of a sample; they sum to its energy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveAccounts {
    pub(crate) idle_j: f64,
    /// Energies by kind; never negative.
    pub(crate) kinds: Vec<(u32, f64)>,
    /// The remainder; negative if the estimated powers exceed the measured energy.
    pub(crate) residual_j: f64,
}

/// The estimate of one rail. Index 0 of rows and columns is idle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveRail {
    places: HashMap<u32, usize>,
    /// Products of filtered rows; the lower triangle.
    products: DMatrix<f64>,
    right: DVector<f64>,
    /// The last row, weighted, with its energy.
    last: Option<(DVector<f64>, f64)>,
    /// Powers of idle and of kinds, in watts.
    powers: Option<DVector<f64>>,
    learnt: u64,
    energy_j: f64,
    seconds: f64,
    kind_seconds: f64,
    /// Powers of idle samples.
    idle: VecDeque<f64>,
    least_w: f64,
    /// Typical deviation, in standard deviations.
    usual: f64,
}

/// A sample as a row of the equations.
struct LiveEquation {
    /// Seconds of the sample, then of kinds.
    times: DVector<f64>,
    /// Kinds, their indices and seconds.
    kinds: Vec<(u32, usize, f64)>,
    energy_j: f64,
    idle: Prediction,
    /// The common power level of kinds.
    level_w: f64,
    /// Predicted idle energy.
    idle_j: f64,
    /// Predicted energy of kinds.
    active_j: f64,
}

/// A predicted power with its standard deviation.
#[derive(Clone, Copy)]
struct Prediction {
    watts: f64,
    sd_watts: f64,
}

impl Default for LiveRail {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            products: DMatrix::zeros(1, 1),
            right: DVector::zeros(1),
            last: None,
            powers: None,
            learnt: 0,
            energy_j: 0.0,
            seconds: 0.0,
            kind_seconds: 0.0,
            idle: VecDeque::new(),
            least_w: f64::INFINITY,
            usual: 1.0,
        }
    }
}

impl LiveRail {
    /// Attributes a sample with the current powers, then learns from it. `None` until enough
    /// samples are learnt, or if the sample is implausible.
    pub(crate) fn sample(&mut self, sample: &LiveSample<'_>) -> Option<LiveAccounts> {
        let row = self.row(sample);
        let Some(row) = row else {
            self.interrupt();
            return None;
        };
        let accounts = self.is_ready().then(|| self.account(&row));
        if row.energy_j >= 0.0 {
            self.learn(&row);
        }
        accounts
    }

    /// Marks that the next sample does not directly follow the last one.
    pub(crate) fn interrupt(&mut self) {
        self.last = None;
    }

    /// Whether enough samples are learnt to attribute samples.
    pub(crate) fn is_ready(&self) -> bool {
        let enough = (self.right.len() as u64 - 1).max(LEAST_SAMPLES);
        self.powers.is_some() && self.learnt >= enough
    }

    /// Number of samples learnt from.
    pub(crate) fn learnt(&self) -> u64 {
        self.learnt
    }

    /// Idle power in watts, once enough samples are learnt.
    pub(crate) fn idle_w(&self) -> Option<f64> {
        let powers = self.powers.as_ref().filter(|_| self.is_ready())?;
        Some(powers[0].max(0.0))
    }

    /// Power of a kind in watts; `None` if it never ran or too few samples are learnt.
    pub(crate) fn power_w(&self, kind: u32) -> Option<f64> {
        let powers = self.powers.as_ref().filter(|_| self.is_ready())?;
        let place = *self.places.get(&kind)?;
        Some(
            powers
                .get(place)?
                .max(LEAST_POWER * self.level_w(powers[0])?),
        )
    }

    fn row(&mut self, sample: &LiveSample<'_>) -> Option<LiveEquation> {
        let (energy_j, seconds) = (sample.energy_j, sample.seconds);
        let is_plausible = energy_j.abs() < ABSURD && (SHORTEST_S..ABSURD).contains(&seconds);
        if !is_plausible {
            return None;
        }
        let some = |&&(_, time): &&(u32, f64)| time > 0.0 && time < ABSURD;
        let mut kinds = Vec::with_capacity(sample.times.len());
        for &(kind, time) in sample.times.iter().filter(some) {
            kinds.push((kind, self.place(kind), time));
        }
        self.grow();
        let busy_s: f64 = kinds.iter().map(|(_, _, time)| time).sum();
        let power_w = energy_j / seconds;
        if energy_j >= 0.0 {
            self.energy_j += energy_j;
            self.seconds += seconds;
            self.kind_seconds += busy_s;
            self.note_idle(power_w, busy_s / seconds);
        }
        let idle = self.idle(sample.idle_w);
        let level_w = match self.kind_seconds > 0.2 * seconds {
            true => self.level_w(idle.watts)?.max(LEAST_POWER * power_w),
            false => power_w,
        };
        let mut times = DVector::zeros(self.right.len());
        times[0] = seconds;
        for &(_, place, time) in &kinds {
            times[place] += time;
        }
        let active = |&(_, place, time): &(u32, usize, f64)| time * self.power(place, level_w);
        let active_j = kinds.iter().map(active).sum();
        let whole = level_w > 0.0 && level_w.is_finite();
        whole.then_some(LiveEquation {
            times,
            kinds,
            energy_j,
            idle,
            level_w,
            idle_j: idle.watts * seconds,
            active_j,
        })
    }

    /// Returns the index of a kind. New kinds share the last index when all others are used.
    fn place(&mut self, kind: u32) -> usize {
        let next = (self.places.len() + 1).min(MOST_KINDS + 1);
        *self.places.entry(kind).or_insert(next)
    }

    /// Extends the matrices for new kinds.
    fn grow(&mut self) {
        let size = 1 + self.places.len().min(MOST_KINDS + 1);
        if size > self.right.len() {
            self.products.resize_mut(size, size, 0.0);
            self.right.resize_vertically_mut(size, 0.0);
            if let Some((row, _)) = &mut self.last {
                row.resize_vertically_mut(size, 0.0);
            }
        }
    }

    fn note_idle(&mut self, power_w: f64, busy: f64) {
        self.least_w = self.least_w.min(power_w);
        if busy < IDLE_SHARE {
            self.idle.push_back(power_w);
            if self.idle.len() > IDLE_SAMPLES {
                self.idle.pop_front();
            }
        }
    }

    /// Returns the prior of idle power: the known one, else that of idle samples, else half of
    /// the lowest power of all samples.
    fn idle(&self, known_w: Option<f64>) -> Prediction {
        let known = known_w.filter(|watts| watts.is_finite() && *watts >= 0.0);
        let (watts, relative) = match known {
            Some(watts) => (watts, KNOWN_IDLE),
            None if self.idle.len() > 1 => {
                let powers: Vec<f64> = self.idle.iter().copied().collect();
                (median(&powers), IDLE_NOISE)
            }
            None if self.least_w.is_finite() => (0.5 * self.least_w, GUESSED_IDLE),
            None => (0.0, GUESSED_IDLE),
        };
        let mean_w = self.energy_j / self.seconds.max(f64::MIN_POSITIVE);
        Prediction {
            watts,
            sd_watts: relative * watts + 0.01 * mean_w,
        }
    }

    /// Returns the common power level of kinds, given the idle power.
    fn level_w(&self, idle_w: f64) -> Option<f64> {
        let active_j = self.energy_j - idle_w.max(0.0) * self.seconds;
        let level = active_j / self.kind_seconds;
        level.is_finite().then_some(level.max(0.0))
    }

    fn power(&self, place: usize, level_w: f64) -> f64 {
        let powers = self.powers.as_ref();
        let power = powers.and_then(|powers| powers.get(place));
        power.map_or(level_w, |power| power.max(LEAST_POWER * level_w))
    }

    fn account(&self, row: &LiveEquation) -> LiveAccounts {
        let seconds = row.times[0];
        let idle_w = self.powers.as_ref().map_or(row.idle.watts, |p| p[0]);
        let idle_j = idle_w.max(0.0) * seconds;
        let residual_j = row.energy_j - idle_j - row.active_j;
        let gain = (GAIN_NOISE * row.active_j).powi(2);
        let noise = (IDLE_NOISE * row.idle_j).powi(2);
        let factor = match row.active_j > 0.0 && gain > 0.0 {
            true => 1.0 + gain / (gain + noise) * (residual_j / row.active_j),
            false => 1.0,
        };
        let factor = factor.clamp(GAIN.0, GAIN.1);
        let energy = |&(kind, place, time): &(u32, usize, f64)| {
            (kind, factor * time * self.power(place, row.level_w))
        };
        let kinds: Vec<(u32, f64)> = row.kinds.iter().map(energy).collect();
        let kinds_j: f64 = kinds.iter().map(|(_, energy)| energy).sum();
        LiveAccounts {
            idle_j,
            kinds,
            residual_j: row.energy_j - idle_j - kinds_j,
        }
    }

    fn learn(&mut self, row: &LiveEquation) {
        let idle_w = self.powers.as_ref().map_or(row.idle.watts, |p| p[0]);
        let active_j = (row.energy_j - row.idle_j).max(0.0);
        let mean_j = self.energy_j / (self.learnt + 1) as f64;
        let noise = [
            ACTIVE_NOISE * active_j,
            IDLE_NOISE * row.idle_j,
            LEAST_NOISE * mean_j,
        ];
        let sd_j = noise.iter().map(|part| part * part).sum::<f64>().sqrt();
        let off = (row.energy_j - idle_w * row.times[0] - row.active_j).abs() / sd_j;
        let weight = 1.0 / (off / (OUTLYING * self.usual.max(1.0))).max(1.0) / sd_j;
        if !(weight.is_finite() && weight > 0.0) || row.times.amax() * weight > ABSURD {
            return self.interrupt();
        }
        self.usual = 0.98 * self.usual + 0.02 * 1.25 * off.min(5.0 * self.usual);
        let (times, energy) = (&row.times * weight, row.energy_j * weight);
        let (filtered, filtered_energy) = match &self.last {
            Some((last, before)) => (&times - last * CARRIED_ON, energy - CARRIED_ON * before),
            None => (times.clone(), energy),
        };
        self.products.syger(1.0, &filtered, &filtered, 1.0);
        self.right.axpy(filtered_energy, &filtered, 1.0);
        self.last = Some((times, energy));
        self.learnt += 1;
        let size = (self.right.len() - 1) as f64 / SOLVED_EACH_TIME;
        let every = size.powi(3).ceil().max(1.0) as u64;
        if self.powers.is_none() || self.learnt.is_multiple_of(every) {
            self.solve(row.idle, row.level_w);
        }
    }

    /// Computes the most likely powers. Keeps the previous ones if the equations cannot be solved.
    fn solve(&mut self, idle: Prediction, level_w: f64) {
        let count = self.right.len();
        let mut mean = DVector::from_element(count, level_w);
        mean[0] = idle.watts;
        let mut system = self.products.clone();
        for place in 0..count {
            let sd = match place {
                0 => idle.sd_watts,
                _ => SPREAD * level_w,
            };
            system[(place, place)] += 1.0 / (sd * sd);
        }
        let mut powers = self.right.clone();
        powers.sygemv(-1.0, &self.products, &mean, 1.0);
        let Some(factor) = Cholesky::new(system) else {
            return;
        };
        factor.solve_mut(&mut powers);
        powers += mean;
        if powers.iter().all(|power| power.is_finite()) {
            self.powers = Some(powers);
        }
    }
}
