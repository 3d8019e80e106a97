//! `energy balance`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{CommonArgs, RunCommand};
use crate::views;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy balance
  energy balance sky --format json")]
pub struct BalanceArgs {
    #[command(flatten)]
    common: CommonArgs,
}

impl RunCommand for BalanceArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.common.answer(db, None, out, |recording, run, scope| {
            views::balance(recording, run, &scope)
        })
    }
}
