//! `energy delete`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use tracing_energy::store::Store;

use super::Usage;
use crate::format::{escape, utc};
use crate::query::Run;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  energy delete 1f0c\n  energy delete last --yes")]
pub struct DeleteArgs {
    /// Id, beginning of an id, name, or `last`
    #[arg(value_name = "RUN")]
    which: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(db: &Path, args: &DeleteArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = super::open_recording(db)?;
    let run = recording.run(&args.which)?;
    if !args.yes {
        confirm(&run)?;
    }
    drop(recording);
    Store::open_writable(db)?.delete_run(run.no)?;
    Ok(writeln!(out, "deleted run {}", escape(&run.title()))?)
}

fn confirm(run: &Run) -> anyhow::Result<()> {
    if !super::is_interactive() {
        let text = "nobody can be asked here: give --yes to delete the run for good";
        return Err(Usage(text.to_owned()).into());
    }
    let mut err = std::io::stderr();
    let (title, started) = (escape(&run.title()), utc(run.row.start_unix_ns));
    write!(err, "Delete run {title} of {started} for good? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => anyhow::bail!("nothing was deleted"),
    }
}
