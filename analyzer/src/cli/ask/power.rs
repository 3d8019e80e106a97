//! `energy power`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Ask, Asked};
use crate::ask;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy power
  energy power sky --rail gpu --format csv > gpu.csv")]
pub struct PowerArgs {
    #[command(flatten)]
    asked: Asked,
    /// Samples of this phase only: decode
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
}

impl Ask for PowerArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.asked.answer(db, None, out, |recording, run, scope| {
            let phase = self.phase.clone();
            ask::power(recording, run, &ask::Scope { phase, ..scope })
        })
    }
}
