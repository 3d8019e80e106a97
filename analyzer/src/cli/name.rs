//! `energy name`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use energy_store::Store;

use super::database::open_recording;
use super::exit::UsageError;
use crate::format::escape;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy name last sky
  energy name 1f0c \"sky, four threads\"
  energy name sky --clear")]
pub struct NameArgs {
    /// Id, id prefix or name of a run, or `last`
    #[arg(value_name = "RUN")]
    selector: String,
    /// New name
    #[arg(
        value_name = "NAME",
        required_unless_present = "clear",
        conflicts_with = "clear"
    )]
    name: Option<String>,
    /// Remove the name
    #[arg(long)]
    clear: bool,
}

pub(super) fn run(db: &Path, args: &NameArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let name = args.name.as_deref();
    if let Some(name @ ("" | "last")) = name {
        let text = format!("a run cannot be called `{name}`; give another name, or --clear");
        return Err(UsageError(text).into());
    }
    let recording = open_recording(db)?;
    let run = recording.run(&args.selector)?;
    drop(recording);
    Store::open_writable(db)?.set_name(run.no, name)?;
    let title = escape(&run.title());
    let change = match name {
        Some(name) => format!("renamed to {}", escape(name)),
        None => "has no name now".to_owned(),
    };
    Ok(writeln!(out, "run {title} {change}")?)
}
