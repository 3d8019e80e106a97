//! `energy hot`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Ask, Asked, Part};
use crate::ask;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy hot
  energy hot sky --phase decode --limit 40
  energy hot sky --format markdown")]
pub struct HotArgs {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    part: Part,
    /// Nodes to list; 0 lists all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

impl Ask for HotArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        let limit = self.limit;
        self.asked
            .answer(db, Some(&self.part), out, |recording, run, scope| {
                ask::hot(recording, run, &scope, limit)
            })
    }
}
