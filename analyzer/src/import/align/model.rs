//! How well power is explained by the program's spans, if clocks are so far apart.
//!
//! The energy of sample i of a rail, which covers `[a, b)` by the sensor's clock, is
//! modelled as
//!
//! ```text
//! E_i = idle * (b - a) + sum over kinds k of  w_k * (T_k(b - offset) - T_k(a - offset)),   w_k >= 0
//! ```
//!
//! where `T_k(t)` is the time of kind k up to t. Powers are means over their windows and
//! so are these times: an offset of a part of a sample is told as exactly as a whole
//! one. For each offset idle and w are the least squares.

use super::busy::Busy;

/// Powers are believed to be no larger than so many times the range of what was measured.
const MOST_POWER: f64 = 3.0;
/// Share of the variance that is noise, for how firmly that is believed.
const NOISE: f64 = 0.05;

/// A sample, or several that follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) start_ns: f64,
    pub(super) end_ns: f64,
    pub(super) energy_j: f64,
}

/// Samples of one rail.
#[derive(Debug)]
pub(super) struct Rail {
    windows: Vec<Window>,
    seconds: f64,
    mean_w: f64,
    /// How much power varies in all: sum of squares around the mean.
    pub(super) total: f64,
    /// Precision of each kind's power.
    ridge: f64,
}

/// What one offset explains on one rail.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Explained {
    /// Sum of squares that is left.
    pub(super) left: f64,
    /// Idle above the mean, then each kind's power, W.
    pub(super) powers: Vec<f64>,
}

impl Rail {
    /// None where its power does not vary at all.
    pub(super) fn new(windows: Vec<Window>) -> Option<Self> {
        let seconds: f64 = windows.iter().map(Window::seconds).sum();
        let energy_j: f64 = windows.iter().map(|window| window.energy_j).sum();
        let mean_w = energy_j / seconds;
        let off = |window: &Window| window.energy_j / window.seconds() - mean_w;
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
            ridge: NOISE * total / windows.len() as f64 / (MOST_POWER * widest).powi(2),
            windows,
            seconds,
            mean_w,
            total,
        })
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The least squares at an offset. Only samples beside the program are looked at:
    /// what the others add to the sums is the same at every offset, namely their time,
    /// and power around its own mean.
    pub(super) fn explain(&self, busy: &Busy, offset_ns: f64) -> Explained {
        let mut sums = Sums::new(busy.kinds() + 1);
        self.rows(self.beside(busy, offset_ns), busy, offset_ns, |row, off| {
            sums.add(row, off);
        });
        sums.square[0] = self.seconds;
        sums.right[0] = 0.0;
        for kind in 1..sums.size {
            sums.square[kind * sums.size + kind] += self.ridge;
        }
        let powers = sums.solve();
        Explained {
            left: sums.left(&powers, self.total),
            powers,
        }
    }

    /// What is left of each window's power, weighted by the root of its length, and
    /// whether the program was there.
    pub(super) fn residuals(
        &self,
        busy: &Busy,
        offset_ns: f64,
        powers: &[f64],
    ) -> Vec<(f64, bool)> {
        let mut residuals = Vec::with_capacity(self.windows.len());
        self.rows(&self.windows, busy, offset_ns, |row, off| {
            let told: f64 = row.iter().zip(powers).map(|(x, w)| x * w).sum();
            residuals.push((off - told, row[1..].iter().any(|time| *time > 0.0)));
        });
        residuals
    }

    /// The windows in which the program may be at work.
    fn beside(&self, busy: &Busy, offset_ns: f64) -> &[Window] {
        let (start_ns, end_ns) = busy.extent_ns();
        let before = |window: &Window| window.end_ns - offset_ns <= start_ns;
        let first = self.windows.partition_point(before);
        let during = |window: &Window| window.start_ns - offset_ns < end_ns;
        let count = self.windows[first..].partition_point(during);
        &self.windows[first..first + count]
    }

    /// Gives each window's row of the model and its power, both weighted by the root of
    /// its length.
    fn rows(
        &self,
        windows: &[Window],
        busy: &Busy,
        offset_ns: f64,
        mut take: impl FnMut(&[f64], f64),
    ) {
        let kinds = busy.kinds();
        let (mut from, mut to) = (vec![0.0; kinds], vec![0.0; kinds]);
        let mut row = vec![0.0; kinds + 1];
        let mut at_ns = f64::NAN;
        for window in windows {
            if window.start_ns != at_ns {
                busy.upto(window.start_ns - offset_ns, &mut from);
            }
            busy.upto(window.end_ns - offset_ns, &mut to);
            at_ns = window.end_ns;
            let root = window.seconds().sqrt();
            row[0] = root;
            for (x, (to, from)) in row[1..].iter_mut().zip(to.iter().zip(&from)) {
                *x = (to - from) / root;
            }
            let off = (window.energy_j - self.mean_w * window.seconds()) / root;
            take(&row, off);
            std::mem::swap(&mut from, &mut to);
        }
    }
}

impl Window {
    pub(super) fn seconds(&self) -> f64 {
        (self.end_ns - self.start_ns) * 1e-9
    }
}

/// The normal equations.
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

    /// The least squares in which no kind has a power below zero: those that would are
    /// left out, the worst first.
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

    /// Cholesky's way, in place; what cannot be told apart from the ones before is 0.
    fn solve_for(&self, used: &[usize]) -> Vec<f64> {
        let n = used.len();
        let mut lower = vec![0.0; n * n];
        let mut found: Vec<f64> = used.iter().map(|&at| self.right[at]).collect();
        for i in 0..n {
            for j in 0..=i {
                let (a, b) = (used[i].max(used[j]), used[i].min(used[j]));
                let inner: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let rest = self.square[a * self.size + b] - inner;
                lower[i * n + j] = match i == j {
                    true => rest.max(0.0).sqrt(),
                    false if lower[j * n + j] > 0.0 => rest / lower[j * n + j],
                    false => 0.0,
                };
            }
            if lower[i * n + i].powi(2) <= 1e-12 * self.square[used[i] * self.size + used[i]] {
                lower[i * n + i] = 0.0;
            }
        }
        for i in 0..n {
            let inner: f64 = (0..i).map(|k| lower[i * n + k] * found[k]).sum();
            found[i] = divided(found[i] - inner, lower[i * n + i]);
        }
        for i in (0..n).rev() {
            let inner: f64 = (i + 1..n).map(|k| lower[k * n + i] * found[k]).sum();
            found[i] = divided(found[i] - inner, lower[i * n + i]);
        }
        found
    }

    fn left(&self, powers: &[f64], total: f64) -> f64 {
        let mut left = total;
        for i in 0..self.size {
            left -= 2.0 * powers[i] * self.right[i];
            for j in 0..self.size {
                let square = self.square[i.max(j) * self.size + i.min(j)];
                left += powers[i] * powers[j] * square;
            }
        }
        left.max(0.0)
    }
}

fn divided(value: f64, by: f64) -> f64 {
    if by > 0.0 { value / by } else { 0.0 }
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
