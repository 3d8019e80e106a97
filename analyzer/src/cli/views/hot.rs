//! `energy hot`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CommonArgs, RunCommand, SpanFilter};
use crate::views;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy hot
  energy hot sky --phase decode --limit 40
  energy hot sky --format markdown")]
pub struct HotArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    filter: SpanFilter,
    /// Maximum number of call paths in the list (0 lists all)
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

impl RunCommand for HotArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        let limit = self.limit;
        self.common
            .answer(db, Some(&self.filter), out, |recording, run, scope| {
                views::hot(recording, run, &scope, limit)
            })
    }
}
