//! `energy tokens`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Ask, Asked, Part};
use crate::ask;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy tokens
  energy tokens sky --outliers
  energy tokens sky --format csv > tokens.csv

A token stands out where 0.6745 x its distance from the median, over the median
distance, is above 3.5.")]
pub struct TokensArgs {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    part: Part,
    /// Only tokens that stand out
    #[arg(long)]
    outliers: bool,
    /// Tokens in a table: 40 unless told otherwise; 0 lists all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Ask for TokensArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.asked
            .answer(db, Some(&self.part), out, |recording, run, scope| {
                let options = ask::TokensOptions {
                    scope,
                    outliers: self.outliers,
                    limit: self.limit,
                };
                ask::tokens(recording, run, &options)
            })
    }
}
