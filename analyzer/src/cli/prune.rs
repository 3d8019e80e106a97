//! `energy prune`.

use std::io::Write;
use std::path::Path;

use clap::{ArgGroup, Args};
use energy_host as host;

use super::confirm::confirm;
use super::console::style;
use super::database::open_recording;
use super::progress::Progress;
use crate::format::{Format, counted};
use crate::options::OutputFormat;
use crate::runs::parse_age;
use crate::upkeep::{LimitNames, PruneOptions, PrunePlan, parse_bytes};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").required(true).multiple(true)
    .args(["keep", "older_than", "max_size"]))]
#[command(after_help = "Examples:
  energy prune --older-than 30d --dry-run
  energy prune --keep 20 --yes
  energy prune --max-size 500MB --keep 5 --yes

The oldest runs are deleted first. A run that is being recorded is never
deleted. Sizes are estimates. The file keeps its size until `energy vacuum`
returns free space to the file system.")]
pub struct PruneArgs {
    /// Number of newest runs to keep; without other limits, all others are deleted
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Age from which runs are deleted, e.g. 12h, 30d, 8w
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    older_than: Option<i64>,
    /// Size of the used part of the file, above which the oldest runs are deleted, e.g. 500MB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    max_size: Option<u64>,
    /// Also delete runs with the tag `baseline` or `keep`
    #[arg(long)]
    all: bool,
    /// Only list the runs that would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Delete without confirmation
    #[arg(short, long)]
    yes: bool,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &PruneArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = open_recording(db)?;
    let progress = Progress::new("measuring");
    let options = PruneOptions {
        keep: args.keep,
        older_than_ns: args.older_than,
        max_bytes: args.max_size,
        all: args.all,
    };
    let plan = PrunePlan::read(&recording, &options, host::unix_ns())?;
    drop((recording, progress));
    let deletes = !plan.runs.is_empty() && !args.dry_run;
    if deletes && !args.yes {
        let preview = plan.answer(&options, false, LimitNames::COMMAND);
        preview.write(&mut std::io::stderr(), Format::Table, &style())?;
        let question = format!("Delete {} permanently?", counted(plan.runs.len(), "run"));
        confirm(
            &question,
            "give --yes to delete permanently, or --dry-run to list the runs",
        )?;
    }
    if deletes {
        let progress = Progress::new("deleting");
        plan.delete(db, &mut |done, next| {
            progress.set(done, plan.runs.len(), &next.id);
        })?;
    }
    let answer = plan.answer(&options, deletes, LimitNames::COMMAND);
    Ok(answer.write(out, args.output.format(), &style())?)
}
