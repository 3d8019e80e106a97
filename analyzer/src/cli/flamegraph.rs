//! `energy flamegraph`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::warn;
use super::database::open_recording;
use super::exit::UsageError;
use super::file::{is_stdout, write_file};
use super::selected::selected;
use crate::error::Result;
use crate::flamegraph::{Graph, GraphOptions, IdleEnergy, Measure, Picture, draw_side_by_side};
use crate::options::AttributedRun;
use crate::query::{Recording, RunSelection};

/// Options of `energy flamegraph`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy flamegraph -o decode.svg --phase decode --collapse layers
  energy flamegraph sky --rail gpu --idle include -o sky.svg
  energy flamegraph before --diff after -o diff.svg
  energy flamegraph group=q4 --diff group=q8 --collapse layers,tokens
  energy flamegraph sky --by both -o both.svg
  energy flamegraph --folded - -o flamegraph.svg | sort -k2 -n

RUN may be a group or a tag KEY=VALUE: the mean of its complete runs is drawn.
The width of a frame is the self energy of its span plus that of all its
descendants.")]
pub struct FlamegraphArgs {
    /// The run.
    #[command(flatten)]
    run: AttributedRun,
    /// SVG file to write (`-` for standard output)
    #[arg(short, long, value_name = "FILE", default_value = "flamegraph.svg")]
    output: PathBuf,
    /// Also write folded stacks to this file (`-` for standard output) [default: none]
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// Quantity that widths show
    #[arg(long, value_name = "QUANTITY", value_enum, default_value_t)]
    by: Widths,
    /// Run or group to compare with: red frames have more self energy there, blue ones less
    /// [default: no comparison]
    #[arg(long, value_name = "AFTER")]
    diff: Option<String>,
    /// Content.
    #[command(flatten)]
    pub graph: GraphOptions,
    /// Appearance.
    #[command(flatten, next_help_heading = "Appearance")]
    pub picture: Picture,
}

/// Quantity that widths show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Widths {
    /// Energy in joules
    #[default]
    Energy,
    /// Self time, summed over threads
    Time,
    /// Energy and time side by side, each with its own zoom
    Both,
}

impl FlamegraphArgs {
    /// Returns the content of the first graph.
    fn content(&self) -> GraphOptions {
        GraphOptions {
            measure: match self.by {
                Widths::Energy | Widths::Both => Measure::Energy,
                Widths::Time => Measure::Time,
            },
            ..self.graph.clone()
        }
    }

    /// Rejects combinations of options that contradict each other.
    fn check(&self) -> std::result::Result<(), UsageError> {
        let refuse = |text: &str| Err(UsageError(text.to_owned()));
        let has_energy_options =
            self.graph.rail.is_some() || self.graph.idle != IdleEnergy::default();
        match self.by {
            Widths::Time if has_energy_options => refuse(
                "--by time cannot be combined with --rail or --idle: times have no rail and no idle share",
            ),
            Widths::Both if self.folded.is_some() => {
                refuse("--folded writes one quantity: use it with --by energy or --by time")
            }
            _ if self.folded.as_deref() == Some(Path::new("-")) && is_stdout(&self.output) => {
                refuse(
                    "only one of --output and --folded can be standard output: give a file name for the other",
                )
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn run(db: &Path, args: &FlamegraphArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    args.check()?;
    let recording = open_recording(db)?;
    let after = args.diff.as_deref();
    let after = after
        .map(|which| selected(&recording, which, None))
        .transpose()?;
    let before = selected(&recording, &args.run.run.selector, args.run.attribution)?;
    let sides = (before, after);
    let (what, picture) = (args.content(), &args.picture);
    let graph = read(&recording, &sides, &what)?;
    for notice in graph.notices(picture) {
        warn(&notice);
    }
    if let Some(folded) = &args.folded {
        write_file(folded, out, |out| graph.fold(out))?;
    }
    match args.by {
        Widths::Both => {
            let what = GraphOptions {
                measure: Measure::Time,
                ..what
            };
            let time = read(&recording, &sides, &what)?;
            write_file(&args.output, out, |out| {
                draw_side_by_side([&graph, &time], picture, out)
            })?;
        }
        _ => write_file(&args.output, out, |out| graph.draw(picture, out))?,
    }
    let _ = writeln!(std::io::stderr(), "{}", graph.title());
    Ok(())
}

fn read(
    recording: &Recording,
    sides: &(RunSelection, Option<RunSelection>),
    what: &GraphOptions,
) -> Result<Graph> {
    match &sides.1 {
        None => Graph::read(recording, &sides.0, what),
        Some(after) => Graph::compare(recording, &sides.0, after, what),
    }
}
