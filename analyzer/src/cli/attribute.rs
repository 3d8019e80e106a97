//! `energy attribute`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::WhichRun;
use crate::attribute::{Method, attribute};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  energy attribute sky --method proportional")]
pub struct AttributeArgs {
    #[command(flatten)]
    run: WhichRun,
    /// How to divide energy among spans
    #[arg(long, value_enum, default_value_t)]
    method: Method,
}

pub(super) fn run(db: &Path, args: &AttributeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open(db, &args.run)?;
    drop(recording);
    let id = attribute(db, &run.row.uuid, args.method)?;
    Ok(writeln!(
        out,
        "run {}: attribution {id} ({})",
        run.title(),
        args.method.name()
    )?)
}
