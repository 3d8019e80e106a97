//! Counts of a table's row.

/// How often something holds, and sizes in comparison with a reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    held: usize,
    total: usize,
    ratios: Vec<f64>,
}

impl Tally {
    /// Counts one case.
    pub(crate) fn add(&mut self, holds: bool) {
        self.held += usize::from(holds);
        self.total += 1;
    }

    /// Counts one interval: whether it holds the truth, and its width over that of the oracle.
    pub(crate) fn add_interval(&mut self, holds: bool, ratio: f64) {
        self.add(holds);
        self.ratios.push(ratio);
    }

    /// Returns the number of cases.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Returns the share of cases in which it holds.
    pub(crate) fn share(&self) -> f64 {
        self.held as f64 / self.total as f64
    }

    /// Returns the median width over that of the oracle.
    pub(crate) fn median_ratio(&self) -> f64 {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Returns the share as text.
    pub(crate) fn percent(&self) -> String {
        match self.total {
            0 => "-".to_owned(),
            _ => format!("{:.1} %", 100.0 * self.share()),
        }
    }
}
