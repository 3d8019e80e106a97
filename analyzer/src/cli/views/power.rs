//! `energy power`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CommonArgs, RunCommand};
use crate::views;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy power
  energy power sky --rail gpu --format csv > gpu.csv")]
pub struct PowerArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Only list samples of this phase, e.g. decode
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
}

impl RunCommand for PowerArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.common.answer(db, None, out, |recording, run, scope| {
            let phase = self.phase.clone();
            views::power(recording, run, &views::Scope { phase, ..scope })
        })
    }
}
