//! `energy report`.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::warn;
use super::database::open_recording;
use super::exit::UsageError;
use super::file::write_file;
use super::selected::selected;
use crate::format::escape;
use crate::query::RunSelection;
use crate::report::{HtmlReport, MAX_SELECTIONS, ReportOptions};

/// Options of `energy report`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy report -o report.html
  energy report sky -o sky.html --title \"Sky, q4\"
  energy report before after -o changes.html
  energy report group=q4 group=q8 -o q4-q8.html

The report is one file that loads and sends nothing. RUN may be a group or a
tag KEY=VALUE: its newest complete run is drawn, and all its runs are compared.
Up to four are drawn; the others are compared with the first.")]
pub struct ReportArgs {
    /// Runs or groups of runs
    #[arg(value_name = "RUN", default_value = "last")]
    runs: Vec<String>,
    /// HTML file to write (`-` for standard output)
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Attribution to show, if there is one run; `energy show` lists them
    /// [default: the newest]
    #[arg(long, value_name = "ID")]
    attribution: Option<i64>,
    /// Content of the page.
    #[command(flatten)]
    pub options: ReportOptions,
}

pub(super) fn run(db: &Path, args: &ReportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.runs.len() > MAX_SELECTIONS {
        let text = format!("a report holds up to {MAX_SELECTIONS} runs or groups: give fewer");
        return Err(UsageError(text).into());
    }
    if args.runs.len() > 1 && args.attribution.is_some() {
        let text = "--attribution needs a single run: omit it, or give one run";
        return Err(UsageError(text.to_owned()).into());
    }
    let recording = open_recording(db)?;
    let sides = args.runs.iter();
    let sides = sides.map(|which| selected(&recording, which, args.attribution));
    let sides = sides.collect::<anyhow::Result<Vec<RunSelection>>>()?;
    refuse_duplicates(&sides)?;
    for run in sides.iter().flat_map(|side| &side.runs) {
        if let Some(caveat) = run.caveat() {
            let _ = writeln!(
                std::io::stderr(),
                "{}: energies are {caveat}",
                escape(&run.title())
            );
        }
    }
    let report = HtmlReport::read(&recording, sides, &args.options)?;
    write_file(&args.output, out, |out| report.write(out))?;
    if let Some(why) = report.not_compared() {
        warn(&format!("not compared: {why}"));
    }
    Ok(())
}

/// Fails if a run is selected twice.
fn refuse_duplicates(sides: &[RunSelection]) -> Result<(), UsageError> {
    let mut seen = HashSet::new();
    let mut runs = sides.iter().flat_map(|side| &side.runs);
    match runs.find(|run| !seen.insert(run.no)) {
        None => Ok(()),
        Some(run) => {
            let text = format!("run {} is given twice: omit one", escape(&run.title()));
            Err(UsageError(text))
        }
    }
}
