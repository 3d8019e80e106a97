//! `energy delete`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::confirm::confirm;
use super::database::open_recording;
use super::progress::Progress;
use crate::format::{bytes, escape, utc};
use crate::query::Run;
use crate::upkeep::DeletePlan;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy delete 1f0c
  energy delete last --yes
  energy delete group=warmup sky --yes

The file keeps its size: later runs reuse the free space. `energy vacuum`
returns it to the file system.")]
pub struct DeleteArgs {
    /// Runs: id, id prefix, name, `last`, KEY=VALUE of a tag, or a group
    #[arg(value_name = "RUN", required = true)]
    selectors: Vec<String>,
    /// Delete without confirmation
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(db: &Path, args: &DeleteArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = open_recording(db)?;
    let progress = Progress::new("measuring");
    let plan = DeletePlan::read(&recording, &args.selectors)?;
    drop((recording, progress));
    if !args.yes {
        confirm(&question(&plan), "give --yes to delete permanently")?;
    }
    let progress = Progress::new("deleting");
    let all = plan.runs.len();
    plan.delete(db, &mut |done, run| {
        let next = plan.runs.get(done).map_or_else(String::new, Run::title);
        progress.set(done, all, &next);
        let (title, size) = (escape(&run.title()), bytes(plan.bytes(run)));
        Ok(writeln!(out, "deleted run {title}, about {size}")?)
    })?;
    Ok(())
}

fn question(plan: &DeletePlan) -> String {
    let describe = |run: &Run| {
        let (title, started) = (escape(&run.title()), utc(run.row.start_unix_ns));
        format!("{title} of {started}, about {}", bytes(plan.bytes(run)))
    };
    match plan.runs.as_slice() {
        [run] => format!("Delete run {} permanently?", describe(run)),
        runs => {
            let lines: Vec<String> = runs
                .iter()
                .map(|run| "  ".to_owned() + &describe(run))
                .collect();
            format!(
                "{}\nDelete these {} runs permanently?",
                lines.join("\n"),
                runs.len()
            )
        }
    }
}
