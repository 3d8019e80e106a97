//! Options of a report.

/// Options of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// Title that replaces the names of the runs.
    pub title: Option<String>,
    /// Compare runs with different configurations.
    pub allow_different: bool,
}
