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
use crate::query::{self, Recording, RunFilter, RunOrder, RunSelection};
use crate::report::{HtmlReport, MAX_SELECTIONS, ReportOptions};

/// Options of `energy report`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy report -o report.html
  energy report sky -o sky.html --title \"Sky, q4\"
  energy report before after -o changes.html
  energy report group=q4 group=q8 -o q4-q8.html
  energy report --experiment lengths -o lengths.html

The report is one file that loads and sends nothing. RUN may be a group or a
tag KEY=VALUE: its newest complete run is drawn, and all its runs are compared.
Up to four are drawn; the others are compared with the first.")]
pub struct ReportArgs {
    /// Runs or groups of runs [default: last, or the newest run of --experiment]
    #[arg(value_name = "RUN")]
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
    let runs = match (args.runs.as_slice(), &args.options.experiment) {
        ([], Some(name)) => vec![newest_of(&recording, name)?],
        ([], None) => vec!["last".to_owned()],
        (given, _) => given.to_vec(),
    };
    let sides = runs.iter();
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
    let mut options = args.options.clone();
    if let (true, None, Some(name)) = (args.runs.is_empty(), &options.title, &options.experiment) {
        options.title = Some(format!("Experiment {name}"));
    }
    let report = HtmlReport::read(&recording, sides, &options)?;
    write_file(&args.output, out, |out| report.write(out))?;
    if let Some(why) = report.not_compared() {
        warn(&format!("not compared: {why}"));
    }
    Ok(())
}

/// Returns the id of the newest complete run of an experiment that counts as a result.
fn newest_of(recording: &Recording, experiment: &str) -> anyhow::Result<String> {
    let filter = RunFilter {
        experiment: Some(experiment.to_owned()),
        status: Some("complete".to_owned()),
        ..RunFilter::default()
    };
    let page = query::run_page(recording, &filter, RunOrder::default(), (0, None))?;
    let mut runs = page.runs.into_iter();
    let newest = runs.find(|run| !query::is_replaced(run.tags.keys()));
    let newest = newest.map(|run| run.id);
    let text = || {
        format!(
            "experiment {} has no complete run: list runs with `energy runs`",
            escape(experiment)
        )
    };
    Ok(newest.ok_or_else(|| UsageError(text()))?)
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
