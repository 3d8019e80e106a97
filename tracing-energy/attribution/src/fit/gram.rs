//! Products of the whitened columns with each other, to which a fit reduces the samples.

use nalgebra::DMatrix;

use super::design::{Moving, SparseRows};
use super::drift::STATES;
use super::noise::Noise;

/// Number of rows that are made dense at once.
const CHUNK: usize = 256;

/// Rows of seconds per column.
pub(super) trait Rows {
    /// Writes row `i` into `cells`, which are zero.
    fn fill(&self, i: usize, cells: &mut [f64]);
}

impl Rows for SparseRows {
    fn fill(&self, i: usize, cells: &mut [f64]) {
        self.row(i).for_each(|(c, s)| cells[c] = s);
    }
}

impl Rows for Moving<'_> {
    fn fill(&self, i: usize, cells: &mut [f64]) {
        let row = self.row(i);
        cells[..row.len()].copy_from_slice(row);
    }
}

/// The samples without the design.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples<'a> {
    pub(super) seconds: &'a [f64],
    pub(super) energy_j: &'a [f64],
    pub(super) noise: &'a Noise,
    /// Rows without a predecessor, in addition to the first.
    pub(super) begins: &'a [bool],
}

/// Products of columns: kinds, then the window's length, then its energy.
#[derive(Debug, Clone)]
pub(super) struct Gram {
    pub(super) products: DMatrix<f64>,
    /// Number of rows.
    pub(super) rows: usize,
    /// Sum of the logarithms of the variances.
    pub(super) ln_variances: f64,
}

/// Returns the products of rows `bounds[j]..bounds[j + 1]` for each j.
pub(super) fn grams(
    rows: &dyn Rows,
    columns: usize,
    samples: Samples<'_>,
    bounds: &[usize],
) -> Vec<Gram> {
    let mut whitener = Whitener::new(columns + 2);
    bounds
        .windows(2)
        .map(|pair| whitener.gram(rows, samples, pair[0], pair[1]))
        .collect()
}

/// Returns the products of all rows.
pub(super) fn gram(rows: &dyn Rows, columns: usize, samples: Samples<'_>) -> Gram {
    Whitener::new(columns + 2).gram(rows, samples, 0, samples.seconds.len())
}

struct Whitener {
    /// One column per window, so that the cells of a window are contiguous.
    dense: DMatrix<f64>,
    /// State of the filter for each column of the design.
    memory: Vec<f64>,
}

impl Whitener {
    fn new(width: usize) -> Self {
        Self {
            dense: DMatrix::zeros(width, CHUNK),
            memory: vec![0.0; width * STATES],
        }
    }

    fn gram(&mut self, rows: &dyn Rows, samples: Samples<'_>, first: usize, last: usize) -> Gram {
        let width = self.dense.nrows();
        let ln_variances = match samples.noise {
            Noise::Plain { variances, .. } => variances[first..last].iter().map(|v| v.ln()).sum(),
            Noise::Drift { drift, .. } => drift.ln_variances(first, last),
        };
        let mut products = DMatrix::zeros(width, width);
        let mut at = first;
        while at < last {
            let count = CHUNK.min(last - at);
            for i in 0..count {
                self.whiten(rows, samples, at + i, i);
            }
            let part = self.dense.columns(0, count);
            products.gemm(1.0, &part, &part.transpose(), 1.0);
            at += count;
        }
        Gram {
            products,
            rows: last - first,
            ln_variances,
        }
    }

    /// Writes window `row` to column `place` of the dense matrix, whitened against the windows
    /// before it.
    fn whiten(&mut self, rows: &dyn Rows, samples: Samples<'_>, row: usize, place: usize) {
        let width = self.dense.nrows();
        let cells = &mut self.dense.as_mut_slice()[place * width..(place + 1) * width];
        cells.fill(0.0);
        rows.fill(row, cells);
        cells[width - 2] = samples.seconds[row];
        cells[width - 1] = samples.energy_j[row];
        match samples.noise {
            Noise::Plain { variances, filter } => {
                let begins = row == 0 || samples.begins.get(row).copied().unwrap_or(false);
                let (before, filtered) = self.memory.split_at_mut(width);
                filter.apply(
                    cells,
                    variances[row],
                    begins,
                    before,
                    &mut filtered[..width],
                );
            }
            Noise::Drift { drift, .. } => drift.apply(row, cells, &mut self.memory),
        }
    }
}
