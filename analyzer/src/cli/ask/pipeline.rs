//! `energy pipeline`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Ask, Asked, Part};
use crate::ask;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy pipeline
  energy pipeline sky --rail gpu")]
pub struct PipelineArgs {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    part: Part,
}

impl Ask for PipelineArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.asked
            .answer(db, Some(&self.part), out, |recording, run, scope| {
                ask::pipeline(recording, run, &scope)
            })
    }
}
