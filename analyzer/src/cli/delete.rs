//! `energy delete`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use tracing_energy::rows::RunStatus;
use tracing_energy::store::Store;

use super::confirm::confirm;
use super::progress::Progress;
use crate::format::{bytes, escape, utc};
use crate::query::Run;
use crate::upkeep::{several, sizes};

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
    let recording = super::open_recording(db)?;
    let runs = several(&recording, &args.selectors)?;
    let recorded = runs.iter().find(|run| run.row.status == RunStatus::Running);
    if let Some(run) = recorded {
        let (title, pid) = (escape(&run.title()), run.row.pid);
        anyhow::bail!(
            "run {title} is being recorded by process {pid}: delete it after the process has ended"
        );
    }
    let progress = Progress::new("measuring");
    let sizes = sizes(&recording)?;
    drop(progress);
    let size = |run: &Run| bytes(sizes.get(&run.no).copied());
    if !args.yes {
        let describe = |run: &Run| {
            let (title, started) = (escape(&run.title()), utc(run.row.start_unix_ns));
            format!("{title} of {started}, about {}", size(run))
        };
        let question = match runs.as_slice() {
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
        };
        confirm(&question, "give --yes to delete permanently")?;
    }
    drop(recording);
    let store = Store::open_writable(db)?;
    let progress = Progress::new("deleting");
    for (done, run) in runs.iter().enumerate() {
        progress.set(done, runs.len(), &run.title());
        store.delete_run(run.no)?;
        writeln!(
            out,
            "deleted run {}, about {}",
            escape(&run.title()),
            size(run)
        )?;
    }
    Ok(())
}
