//! `energy flamegraph`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use inferno::flamegraph::Palette;

use super::AttributedRun;
use crate::error::Result;
use crate::flamegraph::{
    Collapse, Divisor, Graph, GraphOptions, Idle, Measure, Picture, Value, draw_side_by_side,
    parse_colors, parse_min_width,
};
use crate::query::{Recording, Selection};

/// Options of `energy flamegraph`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy flamegraph -o decode.svg --phase decode --collapse layers
  energy flamegraph sky --rail gpu --idle include -o sky.svg
  energy flamegraph before --diff after -o diff.svg
  energy flamegraph group=q4 --diff group=q8 --collapse layers,tokens -o diff.svg
  energy flamegraph sky --by both -o both.svg
  energy flamegraph --folded - -o flamegraph.svg | sort -k2 -n

RUN may be a group or a tag KEY=VALUE: the mean of its complete runs is drawn. The width
of a frame is the self energy of its span plus that of all its descendants.")]
pub struct FlamegraphArgs {
    #[command(flatten)]
    run: AttributedRun,
    /// SVG file to write (`-` for standard output)
    #[arg(short, long, value_name = "FILE", default_value = "flamegraph.svg")]
    output: PathBuf,
    /// Also write folded stacks to this file (`-` for standard output)
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// Quantity that widths show
    #[arg(long, value_enum, default_value_t)]
    by: Widths,
    /// Direction in which stacks are read
    #[arg(long, value_enum, default_value_t)]
    value: Value,
    /// Only draw this rail (default: the sum of root rails)
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Whether stacks include their share of idle energy
    #[arg(long, value_enum, default_value_t)]
    idle: Idle,
    /// Only draw this phase, e.g. decode
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Merge all layers, or all tokens, into one frame
    #[arg(long, value_enum, value_delimiter = ',', value_name = "layers,tokens")]
    collapse: Vec<Collapse>,
    /// Compare with AFTER: red frames have more self energy there, blue ones less
    #[arg(long, value_name = "AFTER", conflicts_with = "value")]
    diff: Option<String>,
    /// With --diff, use the widths of RUN, so that frames missing in AFTER are visible
    #[arg(long, requires = "diff")]
    reverse: bool,
    /// Unit to divide by (with --diff, default: token if all runs have token counts)
    #[arg(long, value_enum)]
    per: Option<Divisor>,
    /// Draw roots at the top
    #[arg(long)]
    icicle: bool,
    /// Title of the image; a subtitle describes the values
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Width in pixels (default: that of the window)
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(400..=100_000))]
    width: Option<u32>,
    /// Omit frames narrower than this, in percent of the width
    #[arg(long, value_name = "PERCENT", value_parser = parse_min_width,
          default_value_t = Picture::default().min_width)]
    min_width: f64,
    /// Palette: hot, mem, io, red, green, blue, aqua, yellow, purple, orange, rust, ...
    #[arg(long, value_name = "NAME", value_parser = parse_colors, conflicts_with = "diff")]
    colors: Option<Palette>,
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
    /// Converts the options of the content to the library's.
    pub fn what(&self) -> GraphOptions {
        GraphOptions {
            measure: match self.by {
                Widths::Energy | Widths::Both => Measure::Energy,
                Widths::Time => Measure::Time,
            },
            rail: self.rail.clone(),
            idle: self.idle,
            phase: self.phase.clone(),
            collapse: self.collapse.clone(),
            value: self.value,
            per: self.per,
        }
    }

    /// Converts the options of the appearance to the library's.
    pub fn picture(&self) -> Picture {
        Picture {
            title: self.title.clone(),
            width: self.width.map(|width| width as usize),
            min_width: self.min_width,
            colors: self.colors.unwrap_or(Picture::default().colors),
            icicle: self.icicle,
            reverse: self.reverse,
        }
    }

    /// Rejects combinations of options that contradict each other.
    fn check(&self) -> std::result::Result<(), super::Usage> {
        let refuse = |text: &str| Err(super::Usage(text.to_owned()));
        let has_energy_options = self.rail.is_some() || self.idle != Idle::default();
        match self.by {
            Widths::Time if has_energy_options => refuse(
                "--by time cannot be combined with --rail or --idle: times have no rail and no idle share",
            ),
            Widths::Both if self.folded.is_some() => {
                refuse("--folded writes one quantity: use it with --by energy or --by time")
            }
            _ if self.folded.as_deref() == Some(Path::new("-"))
                && super::is_stdout(&self.output) =>
            {
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
    let recording = super::open_recording(db)?;
    let after = args.diff.as_deref();
    let after = after
        .map(|which| super::selected(&recording, which, None))
        .transpose()?;
    let before = super::selected(&recording, &args.run.run.selector, args.run.attribution)?;
    let sides = (before, after);
    let (what, picture) = (args.what(), args.picture());
    let graph = read(&recording, &sides, &what)?;
    for notice in graph.notices(&picture) {
        super::warn(&notice);
    }
    if let Some(folded) = &args.folded {
        super::write_file(folded, out, |out| graph.fold(out))?;
    }
    match args.by {
        Widths::Both => {
            let what = GraphOptions {
                measure: Measure::Time,
                ..what
            };
            let time = read(&recording, &sides, &what)?;
            super::write_file(&args.output, out, |out| {
                draw_side_by_side([&graph, &time], &picture, out)
            })?;
        }
        _ => super::write_file(&args.output, out, |out| graph.draw(&picture, out))?,
    }
    let _ = writeln!(std::io::stderr(), "{}", graph.title());
    Ok(())
}

fn read(
    recording: &Recording,
    sides: &(Selection, Option<Selection>),
    what: &GraphOptions,
) -> Result<Graph> {
    match &sides.1 {
        None => Graph::read(recording, &sides.0, what),
        Some(after) => Graph::compare(recording, &sides.0, after, what),
    }
}
