//! Products of the whitened columns with each other: all a fit needs of the samples.

use nalgebra::DMatrix;

use super::design::{Moving, SparseRows};
use super::drift::Drift;
use super::noise::{Filter, Noise};

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
    pub(super) noise: &'a Noise,
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
    bounds: &[usize],
) -> Vec<Gram> {
    let mut whitener = Whitener::new(columns + 2);
    bounds
        .windows(2)
        .map(|pair| whitener.gram(rows, samples, pair[0], pair[1]))
        .collect()
}

/// The products of all rows.
pub(super) fn gram(rows: &dyn Rows, columns: usize, samples: Samples<'_>) -> Gram {
    Whitener::new(columns + 2).gram(rows, samples, 0, samples.seconds.len())
}

struct Whitener {
    dense: DMatrix<f64>,
    /// Each column's last cell before and after the filter, or its state.
    states: Vec<[f64; 5]>,
}

impl Whitener {
    fn new(width: usize) -> Self {
        Self {
            dense: DMatrix::zeros(CHUNK, width),
            states: vec![Drift::START; width],
        }
    }

    fn gram(&mut self, rows: &dyn Rows, samples: Samples<'_>, first: usize, last: usize) -> Gram {
        let width = self.dense.ncols();
        let ln_variances = match samples.noise {
            Noise::Plain { variances, .. } => variances[first..last].iter().map(|v| v.ln()).sum(),
            Noise::Drift { drift, .. } => drift.ln_variances(first, last),
        };
        let mut gram = Gram {
            products: DMatrix::zeros(width, width),
            rows: last - first,
            ln_variances,
        };
        let mut at = first;
        while at < last {
            let count = CHUNK.min(last - at);
            self.load(rows, samples, at, count);
            match samples.noise {
                Noise::Plain { variances, filter } => {
                    self.filter(variances, *filter, samples.begins, at, count)
                }
                Noise::Drift { drift, .. } => {
                    for (mut cells, state) in self.dense.column_iter_mut().zip(&mut self.states) {
                        drift.run(&mut cells.as_mut_slice()[..count], at, state);
                    }
                }
            }
            let part = self.dense.rows(0, count);
            gram.products.gemm(1.0, &part.transpose(), &part, 1.0);
            at += count;
        }
        gram
    }

    fn load(&mut self, rows: &dyn Rows, samples: Samples<'_>, at: usize, count: usize) {
        let width = self.dense.ncols();
        self.dense.fill(0.0);
        for i in 0..count {
            rows.fill(at + i, &mut |column, seconds| {
                self.dense[(i, column)] = seconds
            });
            self.dense[(i, width - 2)] = samples.seconds[at + i];
            self.dense[(i, width - 1)] = samples.energy_j[at + i];
        }
    }

    fn filter(
        &mut self,
        variances: &[f64],
        filter: Filter,
        begins: &[bool],
        at: usize,
        count: usize,
    ) {
        let Filter { ar, ma } = filter;
        let first = 1.0 / filter.first();
        let scales: Vec<f64> = variances[at..at + count]
            .iter()
            .map(|v| 1.0 / v.sqrt())
            .collect();
        for (mut cells, state) in self.dense.column_iter_mut().zip(&mut self.states) {
            for (i, scale) in scales.iter().enumerate() {
                let x = cells[i] * scale;
                let begins = at + i == 0 || begins.get(at + i).copied().unwrap_or(false);
                let z = if begins {
                    x * first
                } else {
                    x - ar * state[0] + ma * state[1]
                };
                cells[i] = z;
                (state[0], state[1]) = (x, z);
            }
        }
    }
}
