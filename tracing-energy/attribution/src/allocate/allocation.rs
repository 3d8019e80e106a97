//! Allocations: the energy of one window, divided among accounts and cells.
//!
//! ```text
//! measured   |-- idle --|------------------- active -------------------|
//! split                 | threads | unattributed | other processes | .. |
//! cells                 |a |b |a  |                          a node on a thread
//! ```

use crate::windows::activity::Window;

/// Accounts of an active energy. The sum of `threads` is the account `spans`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Split {
    pub(crate) threads: Vec<f64>,
    /// Energies of cells; empty if a thread's energy is divided by self time.
    pub(crate) cells: Vec<f64>,
    pub(crate) unattributed: Option<f64>,
    pub(crate) other_processes: Option<f64>,
    pub(crate) profiler: Option<f64>,
    /// Energy that cannot be assigned to a process.
    pub(crate) unknown: Option<f64>,
}

impl Split {
    /// Sets `unknown` for an estimated device: the active energy without the known accounts if
    /// no span used the device; otherwise unchanged.
    pub(crate) fn give_unknown(&mut self, active_j: f64) {
        let unknown = self.unknown.get_or_insert(0.0);
        if self.threads.iter().all(|&energy| energy == 0.0) {
            let known = [self.unattributed, self.other_processes, self.profiler];
            *unknown = active_j - known.into_iter().flatten().sum::<f64>();
        }
    }
}

/// A split with the powers of the window's cells.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct CellSplit {
    pub(crate) split: Split,
    /// Powers of the window's cells.
    pub(crate) cells: Vec<f64>,
}

/// The energy of one window, divided by a method.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) idle_j: Option<f64>,
    /// The active energy.
    pub(crate) active: CellSplit,
    /// Idle energy as it is divided if idle power is not subtracted.
    pub(crate) in_idle: Option<CellSplit>,
    /// Whether it follows from an estimate of the power of kinds.
    pub(crate) is_estimated: bool,
}

impl CellSplit {
    /// Returns the split of `amount` joules.
    pub(crate) fn times(&self, amount: f64) -> Self {
        let part = |share: Option<f64>| share.map(|share| share * amount);
        let scaled = |shares: &[f64]| shares.iter().map(|share| share * amount).collect();
        Self {
            split: Split {
                threads: scaled(&self.split.threads),
                cells: scaled(&self.split.cells),
                unattributed: part(self.split.unattributed),
                other_processes: part(self.split.other_processes),
                profiler: part(self.split.profiler),
                unknown: part(self.split.unknown),
            },
            cells: scaled(&self.cells),
        }
    }

    /// Adds another split of the same window.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        let sums = |own: &mut Vec<f64>, more: &[f64]| {
            own.iter_mut()
                .zip(more)
                .for_each(|(sum, part)| *sum += part);
        };
        let sum = |own: &mut Option<f64>, more: Option<f64>| {
            *own = own.map_or(more, |share| Some(share + more.unwrap_or(0.0)));
        };
        sums(&mut self.split.threads, &other.split.threads);
        sums(&mut self.cells, &other.cells);
        sum(&mut self.split.unattributed, other.split.unattributed);
        sum(&mut self.split.other_processes, other.split.other_processes);
        sum(&mut self.split.profiler, other.split.profiler);
        sum(&mut self.split.unknown, other.split.unknown);
        self
    }
}

impl Allocation {
    /// Whether activations of one thread may have different powers.
    pub(crate) fn is_uneven(&self) -> bool {
        self.is_estimated || !self.active.split.cells.is_empty()
    }
}

/// Returns the mean power of each thread's activations in the window.
pub(crate) fn thread_powers(split: &Split, window: &Window) -> Vec<f64> {
    let parts = window.threads.iter().zip(&split.threads);
    parts
        .map(|(part, energy)| energy / (part.covered_ns as f64 / 1e9))
        .collect()
}

/// Returns the mean power of each cell; that of its thread if energies are known by thread
/// only.
pub(crate) fn cell_powers(split: &Split, window: &Window) -> Vec<f64> {
    if split.cells.is_empty() {
        let threads = window.threads.iter().zip(thread_powers(split, window));
        let cells = threads.flat_map(|(part, power)| part.cells().map(move |_| power));
        return cells.collect();
    }
    let cells = window.cells().iter().zip(&split.cells);
    cells
        .map(|(cell, &energy)| energy / cell.seconds())
        .collect()
}
