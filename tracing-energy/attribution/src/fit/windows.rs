//! The usable windows of a rail, sorted by time.

use super::input::{FitKernel, FitWindow};
use crate::stats::median;

/// Usable windows in the order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    pub(super) start_ns: Vec<f64>,
    pub(super) end_ns: Vec<f64>,
    pub(super) seconds: Vec<f64>,
    pub(super) energy_j: Vec<f64>,
    /// Index of each window in the input.
    pub(super) input: Vec<usize>,
    /// Number of duplicate, empty or invalid windows.
    pub(super) left_out: usize,
    /// Number of windows that begin before the end of the one before them.
    pub(super) overlapping: usize,
}

impl Windows {
    pub(super) fn new(input: &[FitWindow]) -> Self {
        let sound = |w: &FitWindow| {
            w.energy_j.is_finite() && w.end_ns > w.start_ns && w.energy_j.abs() < 1e15
        };
        let mut order: Vec<usize> = (0..input.len()).filter(|&i| sound(&input[i])).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&input[a], &input[b]);
            (a.start_ns, a.end_ns)
                .cmp(&(b.start_ns, b.end_ns))
                .then(a.energy_j.total_cmp(&b.energy_j))
        });
        order.dedup_by(|a, b| input[*a] == input[*b]);
        let mut windows = Self {
            left_out: input.len() - order.len(),
            ..Self::default()
        };
        for i in order {
            windows.push(i, &input[i]);
        }
        windows
    }

    fn push(&mut self, i: usize, window: &FitWindow) {
        let (start, end) = (window.start_ns as f64, window.end_ns as f64);
        let tolerated = 0.1 * (end - start);
        if self
            .end_ns
            .last()
            .is_some_and(|before| *before > start + tolerated)
        {
            self.overlapping += 1;
        }
        self.start_ns.push(start);
        self.end_ns.push(end);
        self.seconds.push((end - start) * 1e-9);
        self.energy_j.push(window.energy_j);
        self.input.push(i);
    }

    pub(super) fn len(&self) -> usize {
        self.start_ns.len()
    }

    /// Median length in nanoseconds.
    pub(super) fn interval_ns(&self) -> i64 {
        (median(&self.seconds) * 1e9) as i64
    }

    /// Selects about `most` windows at most, as runs of neighbours spread over all time. The
    /// second value marks the first window of each run.
    pub(super) fn subset(&self, most: usize) -> (Vec<usize>, Vec<bool>) {
        let n = self.len();
        if n <= most {
            return ((0..n).collect(), (0..n).map(|i| i == 0).collect());
        }
        let blocks = (most / 50).max(1);
        let length = most / blocks;
        let (mut picked, mut begins) = (Vec::with_capacity(most), Vec::with_capacity(most));
        for block in 0..blocks {
            let first = block * (n - length) / blocks.saturating_sub(1).max(1);
            for i in first.min(n - length)..(first + length).min(n) {
                picked.push(i);
                begins.push(i == first);
            }
        }
        (picked, begins)
    }
}

/// Start, end and weight of a time over which a window averages.
pub(super) type WeightedInterval = (f64, f64, f64);

/// Appends the intervals over which the window between two times averages.
pub(super) fn weighted_intervals(
    kernel: FitKernel,
    start_ns: f64,
    end_ns: f64,
    out: &mut Vec<WeightedInterval>,
) {
    out.clear();
    match kernel {
        FitKernel::Box => out.push((start_ns, end_ns, 1.0)),
        FitKernel::Trailing { ns } => {
            let ns = ns.max(1) as f64;
            out.push((end_ns - ns, end_ns, (end_ns - start_ns) / ns));
        }
        FitKernel::LowPass { tau_ns } => {
            // Approximates the filter's response by eight equally likely delays.
            out.extend((0..8).map(|q| {
                let delay = -(1.0 - (f64::from(q) + 0.5) / 8.0).ln() * tau_ns.max(0) as f64;
                (start_ns - delay, end_ns - delay, 0.125)
            }));
        }
    }
}
