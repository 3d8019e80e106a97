//! `energy pipeline`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CommonArgs, RunCommand, SpanFilter};
use crate::views;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy pipeline
  energy pipeline sky --rail gpu")]
pub struct PipelineArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    filter: SpanFilter,
}

impl RunCommand for PipelineArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.common
            .answer(db, Some(&self.filter), out, |recording, run, scope| {
                views::pipeline(recording, run, &scope)
            })
    }
}
