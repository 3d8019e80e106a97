//! `energy ops`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::views::{CommonArgs, SpanFilter};
use crate::ops::{Ops, OpsOptions};
use crate::query::GroupBy;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy ops
  energy ops sky --by name --rail gpu
  energy ops sky --phase decode --limit 10
  energy ops sky --groups --format csv > kinds.csv

Energies are active self energies. With the accounts below them they sum to the
measured energy: operations + (idle) + (unattributed) - (extrapolated). With --phase or
--basis there are no accounts. An operation that also occurs in other phases has no
interval with --phase.")]
pub struct OpsArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    filter: SpanFilter,
    /// Level at which energies are summed
    #[arg(long, value_enum, default_value_t)]
    by: GroupBy,
    /// Show operations that cannot be distinguished as one, joined by `+`
    #[arg(long)]
    groups: bool,
    /// Maximum number of rows in a table (0 lists all; default: 30)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub(super) fn run(db: &Path, args: &OpsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_attributed(db, &args.common.run)?;
    let options = OpsOptions {
        by: args.by,
        scope: args.common.scope(Some(&args.filter)),
        groups: args.groups,
        limit: args.limit,
    };
    let ops = Ops::read(&recording, run, &options)?;
    Ok(ops.write(out, args.common.format, &super::style())?)
}
