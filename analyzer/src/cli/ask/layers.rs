//! `energy layers`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Ask, Asked, Part};
use crate::ask;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy layers
  energy layers sky --phase decode --format csv")]
pub struct LayersArgs {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    part: Part,
}

impl Ask for LayersArgs {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        self.asked
            .answer(db, Some(&self.part), out, |recording, run, scope| {
                ask::layers(recording, run, &scope)
            })
    }
}
