//! Options of all analyses.

use clap::Args;

use super::analysis::PerToken;
use crate::query::RunFilter;

/// Options of an analysis.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct AnalyseOptions {
    /// Runs to use: complete ones that match.
    #[command(flatten)]
    pub filter: RunFilter,
    /// Tokens that energies are divided by [default: output-token for context, else token]
    #[arg(long, value_name = "TOKENS", value_enum)]
    pub per: Option<PerToken>,
}
