//! Options of a report.

use clap::Args;

use crate::options::ALLOW_DIFFERENT_HELP;

/// Options of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ReportOptions {
    /// Title of the page [default: the names of the runs, or of the experiment]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Also show the analyses of this experiment [default: none]
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Compare runs with different configurations.
    #[arg(long, help = ALLOW_DIFFERENT_HELP)]
    pub allow_different: bool,
}
