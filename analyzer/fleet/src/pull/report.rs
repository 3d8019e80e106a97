//! Result of pulling.

/// What was pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReport {
    /// Runs that were written.
    pub runs: usize,
    /// Runs that the filter leaves out.
    pub others: usize,
    /// Runs and manifests that are left out because objects are missing or damaged.
    pub faults: usize,
    /// Reasons why runs and tables are left out.
    pub warnings: Vec<String>,
}

impl PullReport {
    pub(super) fn fault(&mut self, why: String) {
        self.faults += 1;
        self.warnings.push(why);
    }
}
