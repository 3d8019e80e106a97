//! `energy export`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::WhichFigures;
use crate::export::{
    Cut, Exported, FORMATS, Format, Makes, NodeCost, Output, Source, export, format, names,
};
use crate::export::{parse_energy, parse_window};
use crate::format::{bytes, escape};

/// What to write, and how.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub struct ExportArgs {
    /// The format
    #[arg(value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(names()))]
    format: String,
    #[command(flatten)]
    run: WhichFigures,
    /// The file or folder to write; `-` is standard output
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Only this time of the run: 2s..5s
    #[arg(long, value_name = "FROM..UNTIL", value_parser = parse_window, allow_hyphen_values = true)]
    window: Option<(i64, i64)>,
    /// Only activations with at least this much energy: 1mJ
    #[arg(long, value_name = "ENERGY", value_parser = parse_energy)]
    min_energy: Option<f64>,
}

const EXAMPLES: &str = "Examples:
  energy export perfetto -o trace.pftrace
  energy export chrome sky --window 2s..5s --min-energy 1mJ -o part.json
  energy export parquet last -o runs
  energy export folded -o - | sort -k2 -n";

/// Examples and what each format is for.
fn help() -> String {
    let line = |format: &&dyn Format| format!("  {:<11}{}\n", format.name(), format.about());
    let formats: String = FORMATS.iter().map(line).collect();
    format!(
        "{EXAMPLES}\n\nFormats:\n{formats}\nEnergies are active energies of spans; every \
         format holds each joule once, and\nsays whether it was measured."
    )
}

impl ExportArgs {
    /// What part of the run is wanted.
    pub fn cut(&self) -> Cut {
        Cut {
            window: self.window,
            least_j: self.min_energy,
        }
    }
}

pub(super) fn run(db: &Path, args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let format = format(&args.format)?;
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && format.makes() == Makes::Folder {
        let text = format!("{} makes a folder: give it with -o FOLDER", format.name());
        return Err(super::Usage(text).into());
    }
    let (recording, run) = super::open_figures(db, &args.run)?;
    let source = Source::read(&recording, &run, args.cut())?;
    if let Some(caveat) = run.caveat() {
        let _ = writeln!(std::io::stderr(), "energies are {caveat}");
    }
    if to_stdout {
        let mut out = Output::stream(out);
        format.write(&source, &mut out)?;
        out.finish()?;
        return Ok(());
    }
    let path = args.output.clone().unwrap_or_else(|| default(format, &run));
    let exported = export(format, &source, &path)?;
    tell(&path, &exported);
    let is_none = exported.walked.told == 0 && source.node_costs()?.iter().all(is_nothing);
    if is_none && !source.cut.is_whole() {
        super::warn("no activation is in that part of the run");
    }
    Ok(())
}

/// Where it goes unless told otherwise.
fn default(format: &dyn Format, run: &crate::query::Run) -> PathBuf {
    match format.makes() {
        Makes::File(ending) | Makes::Json(ending) => format!("{}.{ending}", run.short_id()).into(),
        Makes::Folder => format!("{}-{}", run.short_id(), format.name()).into(),
    }
}

fn is_nothing(cost: &NodeCost<'_>) -> bool {
    cost.activations == 0
}

fn tell(path: &Path, exported: &Exported) {
    let walked = &exported.walked;
    let mut text = format!(
        "wrote {}: {}",
        escape(&path.display().to_string()),
        bytes(Some(exported.bytes))
    );
    if walked.told > 0 {
        text += &format!(", {} activations", walked.told);
    }
    if walked.left_out > 0 {
        text += &format!(
            "; {} below --min-energy are in those around them",
            walked.left_out
        );
    }
    let _ = writeln!(std::io::stderr(), "{text}");
    if walked.cut > 0 {
        super::warn(&format!(
            "{} activations ended after the one around them; they are drawn up to its end",
            walked.cut
        ));
    }
}
