//! `energy analyse`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::console::style;
use super::database::open_recording;
use super::exit::UsageError;
use super::file::{is_stdout, write_file};
use crate::analyse::{ANALYSES, AnalyseOptions, Analysed, analysis};
use crate::options::OutputFormat;
use crate::plot::{LEAST_WIDTH, Plot, svg};
use crate::query::Recording;

/// Width of a picture in pixels.
const WIDTH: u32 = 720;
/// Largest width.
const MOST_WIDTH: i64 = 4000;

const HELP: &str = "Analyses:
  batch         best batch, and which others cannot be distinguished from it
  context       prompt length from which on a generated token costs more
  quantization  energy of number formats, next to the quality of answers
  parameters    exponent of the energy over the active parameters of models
  shape         layers, hidden size and FFN size: which goes with energy?
  attention     multi-head, grouped-query and multi-query attention
  experts       dense models and mixtures of experts
  engines       programs that run the same model
  pareto        throughput against energy: front and knee
  trend         change over time

Examples:
  energy analyse batch
  energy analyse context --experiment lengths --svg context.svg
  energy analyse quantization --model smollm2 --format json
  energy analyse pareto --also other.db --per output-token

Only complete runs are used. A series is a set of configurations that are equal
in all but what is analysed. The sample of a law about models is a model, not a
run. docs/experiments.md explains the statistics.";

/// Options of `energy analyse`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct AnalyseArgs {
    /// Analysis; see the list below
    #[arg(value_name = "ANALYSIS", value_parser = names(), hide_possible_values = true)]
    analysis: String,
    /// Runs and divisor.
    #[command(flatten)]
    pub options: AnalyseOptions,
    /// Further database, e.g. of another machine (repeatable) [default: none]
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// SVG file to write the plot to (`-` for standard output); a second plot gets the suffix -2
    /// [default: none]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Width of the plot in pixels
    #[arg(long, value_name = "PIXELS", requires = "svg", default_value_t = WIDTH,
          value_parser = clap::value_parser!(u32).range(i64::from(LEAST_WIDTH)..=MOST_WIDTH))]
    width: u32,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

fn names() -> PossibleValuesParser {
    ANALYSES
        .iter()
        .map(|one| one.name)
        .collect::<Vec<_>>()
        .into()
}

pub(super) fn run(db: &Path, args: &AnalyseArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recordings = open_all(db, &args.also)?;
    let recordings: Vec<&Recording> = recordings.iter().collect();
    let analysed = Analysed::read(&recordings, analysis(&args.analysis)?, &args.options)?;
    let Some(path) = &args.svg else {
        return Ok(analysed
            .answer()
            .write(out, args.output.format(), &style())?);
    };
    let plots = &analysed.result.plots;
    if plots.is_empty() {
        let text = format!(
            "nothing to draw: no run has what the analysis {} needs; measure, for example: {}",
            analysed.analysis.name, analysed.analysis.remedy
        );
        return Err(UsageError(text).into());
    }
    write_plots(path, plots, args.width, out)?;
    match is_stdout(path) {
        true => Ok(()),
        false => Ok(analysed
            .answer()
            .write(out, args.output.format(), &style())?),
    }
}

fn write_plots(path: &Path, plots: &[Plot], width: u32, out: &mut dyn Write) -> anyhow::Result<()> {
    for (at, plot) in plots.iter().enumerate() {
        if at > 0 && is_stdout(path) {
            break;
        }
        let path = match at {
            0 => path.to_owned(),
            at => numbered(path, at + 1),
        };
        write_file(&path, out, |out| {
            Ok(out.write_all(svg(plot, width).as_bytes())?)
        })?;
    }
    Ok(())
}

/// Adds a number to the name of a file, before its extension.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|text| text.to_string_lossy());
    path.with_file_name(match extension {
        Some(extension) => format!("{stem}-{number}.{extension}"),
        None => format!("{stem}-{number}"),
    })
}

/// Opens the database and further ones.
pub(super) fn open_all(db: &Path, also: &[PathBuf]) -> anyhow::Result<Vec<Recording>> {
    let all = std::iter::once(db).chain(also.iter().map(PathBuf::as_path));
    all.map(open_recording).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_analysis() {
        for one in ANALYSES {
            let line = |line: &str| line.starts_with(&format!("  {} ", one.name));
            assert!(HELP.lines().any(line), "{}", one.name);
        }
    }

    #[test]
    fn further_plots_have_numbers() {
        assert_eq!(numbered(Path::new("a/b.svg"), 2), Path::new("a/b-2.svg"));
        assert_eq!(numbered(Path::new("b"), 3), Path::new("b-3"));
    }
}
