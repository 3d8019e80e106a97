//! Products of the whitened columns with each other: all a fit needs of the samples.

use nalgebra::{DMatrix, DVector};

use super::design::{Moving, SparseRows};
use super::noise::Filter;

/// Rows that are made dense at a time.
const CHUNK: usize = 256;

/// Rows of seconds per column.
pub(super) trait Rows {
    /// Adds row `i`: calls `put(column, seconds)`.
    fn fill(&self, i: usize, put: &mut dyn FnMut(usize, f64));
}

impl Rows for SparseRows {
    fn fill(&self, i: usize, put: &mut dyn FnMut(usize, f64)) {
        self.row(i).for_each(|(c, s)| put(c, s));
    }
}

impl Rows for Moving<'_> {
    fn fill(&self, i: usize, put: &mut dyn FnMut(usize, f64)) {
        self.row(i).iter().enumerate().for_each(|(c, s)| put(c, *s));
    }
}

/// The samples beside the design.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples<'a> {
    pub(super) seconds: &'a [f64],
    pub(super) energy_j: &'a [f64],
    pub(super) variances: &'a [f64],
    /// Rows with no predecessor, beside the first.
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

/// The products of `bounds[j]..bounds[j + 1]` for each j.
pub(super) fn grams(
    rows: &dyn Rows,
    columns: usize,
    samples: Samples<'_>,
    filter: Filter,
    bounds: &[usize],
) -> Vec<Gram> {
    let mut whitener = Whitener::new(columns + 2, filter);
    bounds
        .windows(2)
        .map(|pair| whitener.gram(rows, samples, pair[0], pair[1]))
        .collect()
}

/// The products of all rows.
pub(super) fn gram(rows: &dyn Rows, columns: usize, samples: Samples<'_>, filter: Filter) -> Gram {
    Whitener::new(columns + 2, filter).gram(rows, samples, 0, samples.seconds.len())
}

struct Whitener {
    filter: Filter,
    dense: DMatrix<f64>,
    before: DVector<f64>,
    filtered: DVector<f64>,
}

impl Whitener {
    fn new(width: usize, filter: Filter) -> Self {
        Self {
            filter,
            dense: DMatrix::zeros(CHUNK, width),
            before: DVector::zeros(width),
            filtered: DVector::zeros(width),
        }
    }

    fn gram(&mut self, rows: &dyn Rows, samples: Samples<'_>, first: usize, last: usize) -> Gram {
        let width = self.dense.ncols();
        let mut gram = Gram {
            products: DMatrix::zeros(width, width),
            rows: last - first,
            ln_variances: 0.0,
        };
        let mut at = first;
        while at < last {
            let count = CHUNK.min(last - at);
            self.load(rows, samples, at, count);
            self.filter(samples, at, count);
            let part = self.dense.rows(0, count);
            gram.products.gemm(1.0, &part.transpose(), &part, 1.0);
            gram.ln_variances += samples.variances[at..at + count]
                .iter()
                .map(|v| v.ln())
                .sum::<f64>();
            at += count;
        }
        gram
    }

    fn load(&mut self, rows: &dyn Rows, samples: Samples<'_>, at: usize, count: usize) {
        let width = self.dense.ncols();
        self.dense.fill(0.0);
        for i in 0..count {
            let scale = 1.0 / samples.variances[at + i].sqrt();
            rows.fill(at + i, &mut |column, seconds| {
                self.dense[(i, column)] = seconds * scale
            });
            self.dense[(i, width - 2)] = samples.seconds[at + i] * scale;
            self.dense[(i, width - 1)] = samples.energy_j[at + i] * scale;
        }
    }

    fn filter(&mut self, samples: Samples<'_>, at: usize, count: usize) {
        let Filter { ar, ma } = self.filter;
        if ar == 0.0 && ma == 0.0 {
            return;
        }
        let first = 1.0 / self.filter.first();
        for (column, mut cells) in self.dense.column_iter_mut().enumerate() {
            let (mut x1, mut z1) = (self.before[column], self.filtered[column]);
            for i in 0..count {
                let x = cells[i];
                let begins = at + i == 0 || samples.begins.get(at + i).copied().unwrap_or(false);
                let z = if begins {
                    x * first
                } else {
                    x - ar * x1 + ma * z1
                };
                cells[i] = z;
                (x1, z1) = (x, z);
            }
            self.before[column] = x1;
            self.filtered[column] = z1;
        }
    }
}
