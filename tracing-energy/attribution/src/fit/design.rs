//! Design matrix: weighted time of each column in each window.

use super::columns::Columns;
use super::input::FitKernel;
use super::timeline::Timeline;
use super::windows::{WeightedInterval, Windows, weighted_intervals};

/// Sparse rows of the design.
#[derive(Debug, Clone, Default)]
pub(super) struct SparseRows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    seconds: Vec<f64>,
    /// Per row, the sum over its instances of their squared seconds.
    pub(super) squares: Vec<f64>,
}

/// Source of a design.
#[derive(Debug, Clone, Copy)]
pub(super) struct DesignSource<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) columns: &'a Columns,
    pub(super) kernel: FitKernel,
}

impl DesignSource<'_> {
    fn column(&self, kind: u32) -> Option<usize> {
        self.columns
            .of_kind
            .get(kind as usize)
            .copied()
            .flatten()
            .map(|c| c as usize)
    }
}

impl SparseRows {
    /// Creates the rows of all windows, with the sensor's clock ahead by `clock_offset_ns`.
    pub(super) fn new(
        source: DesignSource<'_>,
        windows: &Windows,
        clock_offset_ns: f64,
        table: &[f64; 256],
    ) -> Self {
        let mut rows = Self::default();
        let mut dense = vec![0.0; source.columns.len()];
        let (mut touched, mut pieces) = (Vec::new(), Vec::new());
        rows.starts.push(0);
        for i in 0..windows.len() {
            weighted_intervals(
                source.kernel,
                windows.start_ns[i] - clock_offset_ns,
                windows.end_ns[i] - clock_offset_ns,
                &mut pieces,
            );
            for &(from, to, factor) in &pieces {
                source.timeline.between(from, to, table, |kind, seconds| {
                    if let Some(column) = source.column(kind) {
                        if dense[column] == 0.0 {
                            touched.push(column as u32);
                        }
                        dense[column] += seconds * factor;
                    }
                });
            }
            touched.sort_unstable();
            touched.dedup();
            for column in touched.drain(..) {
                let seconds = std::mem::take(&mut dense[column as usize]);
                if seconds > 0.0 {
                    rows.columns.push(column);
                    rows.seconds.push(seconds);
                }
            }
            rows.starts.push(rows.columns.len());
            rows.squares.push(squares(
                source,
                &pieces,
                windows.end_ns[i] - windows.start_ns[i],
            ));
        }
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The columns of one row and their seconds.
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.columns[range.clone()]
            .iter()
            .zip(&self.seconds[range])
            .map(|(c, s)| (*c as usize, *s))
    }

    /// Each row's sum of seconds times `per_column`.
    pub(super) fn times(&self, per_column: &[f64]) -> Vec<f64> {
        (0..self.len())
            .map(|i| self.row(i).map(|(c, s)| s * per_column[c]).sum())
            .collect()
    }

    /// Seconds of each column over all rows, each row times `per_row`.
    pub(super) fn totals(&self, columns: usize, per_row: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut totals = vec![0.0; columns];
        for i in 0..self.len() {
            let factor = per_row(i);
            for (c, s) in self.row(i) {
                totals[c] += s * factor;
            }
        }
        totals
    }
}

fn squares(source: DesignSource<'_>, pieces: &[WeightedInterval], window_ns: f64) -> f64 {
    let most = (window_ns * 1e-9).powi(2);
    let mut sum = 0.0;
    for &(from, to, factor) in pieces {
        source
            .timeline
            .squares_between(from, to, |_, s2| sum += s2.min(most) * factor);
    }
    sum
}

/// A dense design whose windows can be moved along the timeline. Only the time that crosses
/// their edges is read.
#[derive(Debug)]
pub(super) struct Moving<'a> {
    source: DesignSource<'a>,
    table: [f64; 256],
    /// Start, end, factor and row of each interval at offset 0.
    intervals: Vec<(WeightedInterval, usize)>,
    clock_offset_ns: f64,
    columns: usize,
    /// Cells, row by row.
    pub(super) x: Vec<f64>,
}

impl<'a> Moving<'a> {
    pub(super) fn new(
        source: DesignSource<'a>,
        windows: &Windows,
        picked: &[usize],
        clock_offset_ns: f64,
        table: [f64; 256],
    ) -> Self {
        let (mut all, mut pieces) = (Vec::new(), Vec::new());
        for (row, &i) in picked.iter().enumerate() {
            weighted_intervals(
                source.kernel,
                windows.start_ns[i],
                windows.end_ns[i],
                &mut pieces,
            );
            all.extend(pieces.iter().map(|one| (*one, row)));
        }
        let columns = source.columns.len();
        let mut moving = Self {
            source,
            table,
            intervals: all,
            clock_offset_ns,
            columns,
            x: vec![0.0; picked.len() * columns],
        };
        for at in 0..moving.intervals.len() {
            let ((from, to, factor), row) = moving.intervals[at];
            moving.add(from - clock_offset_ns, to - clock_offset_ns, factor, row);
        }
        moving
    }

    /// Moves all windows to another offset.
    pub(super) fn shift_to(&mut self, clock_offset_ns: f64) {
        for at in 0..self.intervals.len() {
            let ((from, to, factor), row) = self.intervals[at];
            self.add(to - self.clock_offset_ns, to - clock_offset_ns, factor, row);
            self.add(
                from - self.clock_offset_ns,
                from - clock_offset_ns,
                -factor,
                row,
            );
        }
        self.clock_offset_ns = clock_offset_ns;
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.columns..(i + 1) * self.columns]
    }

    /// Adds the time between two times, or subtracts it if they are in reverse order.
    fn add(&mut self, from: f64, to: f64, factor: f64, row: usize) {
        let (low, high, factor) = if from <= to {
            (from, to, factor)
        } else {
            (to, from, -factor)
        };
        let source = self.source;
        let cells = &mut self.x[row * self.columns..(row + 1) * self.columns];
        source
            .timeline
            .between(low, high, &self.table, |kind, seconds| {
                if let Some(column) = source.column(kind) {
                    cells[column] += seconds * factor;
                }
            });
    }
}
