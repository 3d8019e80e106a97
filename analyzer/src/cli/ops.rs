//! `energy ops`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::ask::{Asked, Part};
use crate::ops::{Ops, OpsOptions};
use crate::query::By;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy ops
  energy ops sky --by name --rail gpu
  energy ops sky --phase decode --limit 10
  energy ops sky --groups --format csv > kinds.csv

Energies are active self energies. With the accounts below them they sum to what
was measured: kinds + (idle) + (unattributed) - (extrapolated). With --phase or
--basis there are no accounts. A kind that occurs in other phases, too, has no
interval there.")]
pub struct OpsArgs {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    part: Part,
    /// What is added up
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Show kinds that cannot be told apart as one, with `+` between them
    #[arg(long)]
    groups: bool,
    /// Rows in a table: 30 unless told otherwise; 0 lists all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub(super) fn run(db: &Path, args: &OpsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_figures(db, &args.asked.run)?;
    let options = OpsOptions {
        by: args.by,
        scope: args.asked.scope(Some(&args.part)),
        groups: args.groups,
        limit: args.limit,
    };
    let ops = Ops::read(&recording, run, &options)?;
    Ok(ops.write(out, args.asked.format, &super::look())?)
}
