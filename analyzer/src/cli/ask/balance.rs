//! `energy balance`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Ask, Asked};
use crate::ask;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy balance
  energy balance sky --format json")]
pub struct BalanceArgs {
    #[command(flatten)]
    asked: Asked,
}

impl Ask for BalanceArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.asked.answer(db, None, out, |recording, run, scope| {
            ask::balance(recording, run, &scope)
        })
    }
}
