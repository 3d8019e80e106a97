//! Fits power to the program's spans at a given clock offset.
//!
//! The energy of sample i of a rail, which covers `[a, b)` by the sensor's clock, is
//! modelled as
//!
//! ```text
//! E_i = idle * (b - a) + sum over kinds k of  w_k * (T_k(b - offset) - T_k(a - offset)),   w_k >= 0
//! ```
//!
//! where `T_k(t)` is the time of kind k up to t. Both powers and times are means over windows,
//! so an offset of a fraction of a sample is resolved as exactly as a whole sample. For each
//! offset, idle and w are the least-squares solution.

use energy_data::rows::{RailRow, SampleRow};

use super::busy::KindBusyTime;

/// Prior limit of a kind's power, as a multiple of the range of measured power.
const MAX_POWER: f64 = 3.0;
/// Assumed noise share of the variance, which sets the weight of that prior.
const NOISE: f64 = 0.05;

/// A sample, or several consecutive ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AlignmentWindow {
    pub(super) start_ns: f64,
    pub(super) end_ns: f64,
    pub(super) energy_j: f64,
}

/// Samples of one rail.
#[derive(Debug)]
pub(super) struct AlignmentRail {
    windows: Vec<AlignmentWindow>,
    seconds: f64,
    mean_w: f64,
    /// Variation of power: sum of squares around the mean.
    pub(super) total: f64,
    /// Prior precision of each kind's power.
    ridge: f64,
}

/// Fit of one rail at one offset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OffsetFit {
    /// Residual sum of squares.
    pub(super) residual: f64,
    /// Idle power relative to the mean, then each kind's power, W.
    pub(super) powers: Vec<f64>,
}

impl AlignmentRail {
    /// Returns `None` if the power does not vary.
    pub(super) fn new(windows: Vec<AlignmentWindow>) -> Option<Self> {
        let seconds: f64 = windows.iter().map(AlignmentWindow::seconds).sum();
        let energy_j: f64 = windows.iter().map(|window| window.energy_j).sum();
        let mean_w = energy_j / seconds;
        let off = |window: &AlignmentWindow| window.energy_j / window.seconds() - mean_w;
        let squares = windows
            .iter()
            .map(|window| off(window).powi(2) * window.seconds());
        let total: f64 = squares.sum();
        let widest = windows
            .iter()
            .map(|window| off(window).abs())
            .fold(0.0, f64::max);
        let varies = total.is_finite() && widest > 1e-6 * mean_w.abs() && widest > 1e-9;
        varies.then(|| Self {
            ridge: NOISE * total / windows.len() as f64 / (MAX_POWER * widest).powi(2),
            windows,
            seconds,
            mean_w,
            total,
        })
    }

    pub(super) fn windows(&self) -> &[AlignmentWindow] {
        &self.windows
    }

    /// Returns the least-squares fit at an offset. Only samples that overlap the program are
    /// visited: the contribution of the others is the same at every offset, namely their
    /// duration and their power around its own mean.
    pub(super) fn explain(&self, busy: &KindBusyTime, clock_offset_ns: f64) -> OffsetFit {
        let mut sums = Sums::new(busy.kinds() + 1);
        self.rows(
            self.overlapping(busy, clock_offset_ns),
            busy,
            clock_offset_ns,
            |row, off| {
                sums.add(row, off);
            },
        );
        sums.square[0] = self.seconds;
        sums.right[0] = 0.0;
        for kind in 1..sums.size {
            sums.square[kind * sums.size + kind] += self.ridge;
        }
        let powers = sums.solve();
        OffsetFit {
            residual: sums.residual(&powers, self.total),
            powers,
        }
    }

    /// Returns each window's residual power, weighted by the square root of its length, and
    /// whether the program ran in it.
    pub(super) fn residuals(
        &self,
        busy: &KindBusyTime,
        clock_offset_ns: f64,
        powers: &[f64],
    ) -> Vec<(f64, bool)> {
        let mut residuals = Vec::with_capacity(self.windows.len());
        self.rows(&self.windows, busy, clock_offset_ns, |row, off| {
            let fitted: f64 = row.iter().zip(powers).map(|(x, w)| x * w).sum();
            residuals.push((off - fitted, row[1..].iter().any(|time| *time > 0.0)));
        });
        residuals
    }

    /// Returns the windows that may overlap the program.
    fn overlapping(&self, busy: &KindBusyTime, clock_offset_ns: f64) -> &[AlignmentWindow] {
        let (start_ns, end_ns) = busy.extent_ns();
        let before = |window: &AlignmentWindow| window.end_ns - clock_offset_ns <= start_ns;
        let first = self.windows.partition_point(before);
        let during = |window: &AlignmentWindow| window.start_ns - clock_offset_ns < end_ns;
        let count = self.windows[first..].partition_point(during);
        &self.windows[first..first + count]
    }

    /// Passes each window's row of the model and its power to `add`, both weighted by the
    /// square root of the window's length.
    fn rows(
        &self,
        windows: &[AlignmentWindow],
        busy: &KindBusyTime,
        clock_offset_ns: f64,
        mut add: impl FnMut(&[f64], f64),
    ) {
        let kinds = busy.kinds();
        let (mut from, mut to) = (vec![0.0; kinds], vec![0.0; kinds]);
        let mut row = vec![0.0; kinds + 1];
        let mut at_ns = f64::NAN;
        for window in windows {
            if window.start_ns != at_ns {
                busy.upto(window.start_ns - clock_offset_ns, &mut from);
            }
            busy.upto(window.end_ns - clock_offset_ns, &mut to);
            at_ns = window.end_ns;
            let root = window.seconds().sqrt();
            row[0] = root;
            for (x, (to, from)) in row[1..].iter_mut().zip(to.iter().zip(&from)) {
                *x = (to - from) / root;
            }
            let off = (window.energy_j - self.mean_w * window.seconds()) / root;
            add(&row, off);
            std::mem::swap(&mut from, &mut to);
        }
    }
}

impl AlignmentWindow {
    pub(super) fn seconds(&self) -> f64 {
        (self.end_ns - self.start_ns) * 1e-9
    }
}

/// Normal equations.
struct Sums {
    size: usize,
    square: Vec<f64>,
    right: Vec<f64>,
}

impl Sums {
    fn new(size: usize) -> Self {
        Self {
            size,
            square: vec![0.0; size * size],
            right: vec![0.0; size],
        }
    }

    fn add(&mut self, row: &[f64], value: f64) {
        for (i, x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            self.right[i] += x * value;
            for (j, y) in row.iter().enumerate().take(i + 1) {
                self.square[i * self.size + j] += x * y;
            }
        }
    }

    /// Returns the least-squares solution without negative powers of kinds: kinds with negative
    /// power are removed, the most negative first.
    fn solve(&self) -> Vec<f64> {
        let mut used: Vec<usize> = (0..self.size).collect();
        loop {
            let found = self.solve_for(&used);
            let worst = (1..used.len()).min_by(|&a, &b| found[a].total_cmp(&found[b]));
            match worst.filter(|&worst| found[worst] < 0.0) {
                Some(worst) => drop(used.remove(worst)),
                None => {
                    let mut all = vec![0.0; self.size];
                    used.iter()
                        .zip(found)
                        .for_each(|(&at, power)| all[at] = power);
                    return all;
                }
            }
        }
    }

    /// Solves by Cholesky decomposition, in place; kinds that are linearly dependent on
    /// previous ones get 0.
    fn solve_for(&self, used: &[usize]) -> Vec<f64> {
        let n = used.len();
        let mut lower = vec![0.0; n * n];
        let mut found: Vec<f64> = used.iter().map(|&at| self.right[at]).collect();
        for i in 0..n {
            for j in 0..=i {
                let (a, b) = (used[i].max(used[j]), used[i].min(used[j]));
                let inner: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let remainder = self.square[a * self.size + b] - inner;
                lower[i * n + j] = match i == j {
                    true => remainder.max(0.0).sqrt(),
                    false if lower[j * n + j] > 0.0 => remainder / lower[j * n + j],
                    false => 0.0,
                };
            }
            if lower[i * n + i].powi(2) <= 1e-12 * self.square[used[i] * self.size + used[i]] {
                lower[i * n + i] = 0.0;
            }
        }
        for i in 0..n {
            let inner: f64 = (0..i).map(|k| lower[i * n + k] * found[k]).sum();
            found[i] = divide_or_zero(found[i] - inner, lower[i * n + i]);
        }
        for i in (0..n).rev() {
            let inner: f64 = (i + 1..n).map(|k| lower[k * n + i] * found[k]).sum();
            found[i] = divide_or_zero(found[i] - inner, lower[i * n + i]);
        }
        found
    }

    fn residual(&self, powers: &[f64], total: f64) -> f64 {
        let mut residual = total;
        for i in 0..self.size {
            residual -= 2.0 * powers[i] * self.right[i];
            for j in 0..self.size {
                let square = self.square[i.max(j) * self.size + i.min(j)];
                residual += powers[i] * powers[j] * square;
            }
        }
        residual.max(0.0)
    }
}

fn divide_or_zero(value: f64, by: f64) -> f64 {
    if by > 0.0 { value / by } else { 0.0 }
}

/// Returns the samples with an energy of each root rail.
pub(super) fn windows(rails: &[RailRow], samples: &[SampleRow]) -> Vec<Vec<AlignmentWindow>> {
    let of_rail = |rail: &RailRow| -> Vec<AlignmentWindow> {
        let own = samples.iter().filter(|sample| sample.rail == rail.id);
        let mut windows: Vec<AlignmentWindow> = own
            .filter(|sample| sample.end_ns > sample.start_ns)
            .filter_map(|sample| {
                Some(AlignmentWindow {
                    start_ns: sample.start_ns as f64,
                    end_ns: sample.end_ns as f64,
                    energy_j: sample.energy_j?,
                })
            })
            .collect();
        windows.sort_by(|a, b| a.start_ns.total_cmp(&b.start_ns));
        windows
    };
    let roots = rails.iter().filter(|rail| rail.parent.is_none());
    let all: Vec<Vec<AlignmentWindow>> = roots.map(of_rail).collect();
    all.into_iter()
        .filter(|windows| !windows.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_found_and_none_is_negative() {
        let mut sums = Sums::new(3);
        let rows = [
            [1.0, 1.0, 0.0],
            [1.0, 0.0, 1.0],
            [1.0, 0.5, 0.5],
            [1.0, 0.0, 0.0],
        ];
        for row in rows {
            sums.add(&row, 2.0 + 5.0 * row[1] + 3.0 * row[2]);
        }
        let found = sums.solve();
        for (found, expected) in found.iter().zip([2.0, 5.0, 3.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        let mut sums = Sums::new(3);
        for row in rows {
            sums.add(&row, 2.0 + 5.0 * row[1] - 3.0 * row[2]);
        }
        let found = sums.solve();
        assert!(found[2] == 0.0 && found[1] > 0.0, "{found:?}");
        let mut sums = Sums::new(3);
        for x in [0.0, 1.0, 2.0] {
            sums.add(&[1.0, x, 2.0 * x], 1.0 + 4.0 * x);
        }
        let found = sums.solve();
        assert!((found[1] + 2.0 * found[2] - 4.0).abs() < 1e-6, "{found:?}");
    }
}
