//! `energy tokens`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CommonArgs, RunCommand, SpanFilter};
use crate::views;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy tokens
  energy tokens sky --outliers
  energy tokens sky --format csv > tokens.csv

A token is an outlier if its modified z-score exceeds 3.5: 0.6745 times its distance
from the median, divided by the median of these distances.")]
pub struct TokensArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    filter: SpanFilter,
    /// Only list outliers
    #[arg(long)]
    outliers: bool,
    /// Maximum number of tokens in a table (0 lists all; default: 40)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl RunCommand for TokensArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.common
            .answer(db, Some(&self.filter), out, |recording, run, scope| {
                let options = views::TokensOptions {
                    scope,
                    outliers: self.outliers,
                    limit: self.limit,
                };
                views::tokens(recording, run, &options)
            })
    }
}
