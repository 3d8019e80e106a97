//! `energy ops`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::WhichFigures;
use crate::format::Format;
use crate::ops::{Ops, OpsOptions};
use crate::query::By;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy ops
  energy ops sky --by name --rail gpu
  energy ops sky --groups --format csv > kinds.csv

Energies are active self energies. With the accounts below them they sum to what
was measured: kinds + (idle) + (unattributed) - (extrapolated).")]
pub struct OpsArgs {
    #[command(flatten)]
    run: WhichFigures,
    /// What is added up
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// This rail only, in place of the sum of root rails
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Show kinds that cannot be told apart as one, with `+` between them
    #[arg(long)]
    groups: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &OpsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_figures(db, &args.run)?;
    let options = OpsOptions {
        by: args.by,
        rail: args.rail.clone(),
        groups: args.groups,
    };
    Ok(Ops::read(&recording, run, &options)?.write(out, args.format, &super::look())?)
}
