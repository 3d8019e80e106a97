//! `energy export`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::warn;
use super::database::open_attributed;
use super::exit::UsageError;
use crate::export::{
    ExportFormat, ExportSource, ExportWriter, Exported, FORMATS, FormatOutput, NodeCost,
    WalkFilter, export, format, names,
};
use crate::format::{bytes, escape};
use crate::options::AttributedRun;

/// Options of `energy export`.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub struct ExportArgs {
    /// Export format
    #[arg(value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(names()))]
    format: String,
    /// The run.
    #[command(flatten)]
    run: AttributedRun,
    /// File or folder to write (`-` for standard output) [default: named by the id of the run]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// The part of the run.
    #[command(flatten)]
    filter: WalkFilter,
}

const EXAMPLES: &str = "Examples:
  energy export perfetto -o trace.pftrace
  energy export chrome sky --window 2s..5s --min-energy 1mJ -o part.json
  energy export parquet last -o runs
  energy export folded -o - | sort -k2 -n";

/// Returns the examples and a line for each format.
fn help() -> String {
    let line = |format: &&dyn ExportFormat| format!("  {:<11}{}\n", format.name(), format.about());
    let formats: String = FORMATS.iter().map(line).collect();
    format!(
        "{EXAMPLES}\n\nFormats:\n{formats}\nEnergies are active energies of spans. Each \
         format counts each joule once\nand states whether it was measured."
    )
}

pub(super) fn run(db: &Path, args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let format = format(&args.format)?;
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && format.output() == FormatOutput::Folder {
        let text = format!("{} writes a folder: give it with -o FOLDER", format.name());
        return Err(UsageError(text).into());
    }
    let (recording, run) = open_attributed(db, &args.run)?;
    let source = ExportSource::read(&recording, &run, args.filter)?;
    if let Some(caveat) = run.caveat() {
        let _ = writeln!(std::io::stderr(), "energies are {caveat}");
    }
    if to_stdout {
        let mut out = ExportWriter::stream(out);
        format.write(&source, &mut out)?;
        out.finish()?.warnings.iter().for_each(|text| warn(text));
        return Ok(());
    }
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| default_path(format, &run));
    let exported = export(format, &source, &path)?;
    exported.warnings.iter().for_each(|text| warn(text));
    report(&path, &exported);
    let is_none = exported.walked.emitted == 0 && source.node_costs()?.iter().all(is_nothing);
    if is_none && !source.filter.is_whole() {
        warn("no span entry matches --window and --min-energy");
    }
    Ok(())
}

/// Returns the path that is written without `--output`.
fn default_path(format: &dyn ExportFormat, run: &crate::query::Run) -> PathBuf {
    match format.output() {
        FormatOutput::File(ending) | FormatOutput::Json(ending) => {
            format!("{}.{ending}", run.short_id()).into()
        }
        FormatOutput::Folder => format!("{}-{}", run.short_id(), format.name()).into(),
    }
}

fn is_nothing(cost: &NodeCost<'_>) -> bool {
    cost.activations == 0
}

fn report(path: &Path, exported: &Exported) {
    let walked = &exported.walked;
    let mut text = format!(
        "wrote {}: {}",
        escape(&path.display().to_string()),
        bytes(Some(exported.bytes))
    );
    if walked.emitted > 0 {
        text += &format!(", {} span entries", walked.emitted);
    }
    if walked.below_minimum > 0 {
        text += &format!(
            "; {} below --min-energy are merged into their parents",
            walked.below_minimum
        );
    }
    let _ = writeln!(std::io::stderr(), "{text}");
    if walked.clipped > 0 {
        warn(&format!(
            "{} span entries ended after their parent; they are truncated at its end",
            walked.clipped
        ));
    }
}
