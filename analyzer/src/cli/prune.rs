//! `energy prune`.

use std::io::Write;
use std::path::Path;

use clap::{ArgGroup, Args};
use serde_json::json;
use tracing_energy::host;
use tracing_energy::store::Store;

use super::confirm::confirm;
use super::progress::Progress;
use crate::format::{Answer, Column, Format, Sheet, bytes, counted};
use crate::query::{Recording, list};
use crate::runs::parse_age;
use crate::upkeep::{PruneOptions, PrunePlan, parse_bytes};

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
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(db: &Path, args: &PruneArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = super::open_recording(db)?;
    let progress = Progress::new("measuring");
    let plan = plan(&recording, args)?;
    drop((recording, progress));
    let deletes = !plan.runs.is_empty() && !args.dry_run;
    if deletes && !args.yes {
        answer(&plan, args, false).write(&mut std::io::stderr(), Format::Table, &super::style())?;
        let question = format!("Delete {} permanently?", counted(plan.runs.len(), "run"));
        confirm(
            &question,
            "give --yes to delete permanently, or --dry-run to list the runs",
        )?;
    }
    if deletes {
        let store = Store::open_writable(db)?;
        let progress = Progress::new("deleting");
        for (done, run) in plan.runs.iter().enumerate() {
            progress.set(done, plan.runs.len(), &run.id);
            store.delete_run(run.no)?;
        }
    }
    Ok(answer(&plan, args, deletes).write(out, args.format, &super::style())?)
}

fn plan(recording: &Recording, args: &PruneArgs) -> anyhow::Result<PrunePlan> {
    let space = recording.store().space()?;
    let sizes = space.runs.iter().map(|run| (run.run, run.bytes)).collect();
    let options = PruneOptions {
        keep: args.keep,
        older_than_ns: args.older_than,
        max_bytes: args.max_size,
        all: args.all,
    };
    let used = space.file_bytes - space.free_bytes;
    Ok(PrunePlan::make(
        &list(recording)?,
        &sizes,
        used,
        &options,
        host::unix_ns(),
    ))
}

fn answer(plan: &PrunePlan, args: &PruneArgs, is_done: bool) -> Answer {
    let columns = vec![
        Column::id("id", "id"),
        Column::text("name", "name"),
        Column::moment("start_unix_ns", "started"),
        Column::text("reason", "reason"),
        Column::bytes("bytes", "size"),
    ];
    let (count, freed) = (plan.runs.len(), bytes(Some(plan.freed_bytes)));
    let runs = counted(count, "run");
    let left = bytes(Some(plan.left_bytes));
    let note = match (count, is_done) {
        (0, _) => "No run to delete.".to_owned(),
        (_, false) => {
            format!("{runs} would be deleted and free about {freed}; about {left} stay in use.")
        }
        (_, true) => {
            format!("{runs} deleted, about {freed} freed; about {left} are in use.")
        }
    };
    let mut answer = Answer::new("prune", "")
        .with("deleted", json!(is_done))
        .with("freed_bytes", json!(plan.freed_bytes))
        .with("left_bytes", json!(plan.left_bytes))
        .with("spared", json!(plan.spared))
        .sheet(Sheet::new("runs", "", columns, &plan.runs))
        .note(note);
    if plan.spared > 0 {
        let spared = counted(plan.spared, "run");
        answer = answer.note(format!(
            "{spared} kept because of the tag `baseline` or `keep`; --all deletes them."
        ));
    }
    if args.max_size.is_some_and(|most| plan.left_bytes > most) {
        answer = answer.note("More than --max-size stays in use: the remaining runs are kept.");
    }
    answer
}
