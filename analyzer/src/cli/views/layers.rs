//! `energy layers`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CommonArgs, RunCommand, SpanFilter};
use crate::views;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy layers
  energy layers sky --phase decode --format csv")]
pub struct LayersArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    filter: SpanFilter,
}

impl RunCommand for LayersArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.common
            .answer(db, Some(&self.filter), out, |recording, run, scope| {
                views::layers(recording, run, &scope)
            })
    }
}
