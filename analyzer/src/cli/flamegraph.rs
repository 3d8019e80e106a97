//! `energy flamegraph`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use inferno::flamegraph::Palette;

use super::WhichFigures;
use crate::error::Result;
use crate::flamegraph::{
    Collapse, Graph, Idle, Measure, Per, Picture, Value, What, draw_beside, parse_colors,
    parse_min_width,
};
use crate::query::{Recording, Selection};

/// What to draw.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy flamegraph -o decode.svg --phase decode --collapse layers
  energy flamegraph sky --rail gpu --idle include -o sky.svg
  energy flamegraph before --diff after -o diff.svg
  energy flamegraph group=q4 --diff group=q8 --collapse layers,tokens -o diff.svg
  energy flamegraph sky --by both -o both.svg
  energy flamegraph --folded - -o flamegraph.svg | sort -k2 -n

RUN may be a group or a tag KEY=VALUE: the mean of its complete runs is drawn. Widths
come from self energies: a frame is as wide as its span with all below it.")]
pub struct FlamegraphArgs {
    #[command(flatten)]
    run: WhichFigures,
    /// The SVG to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "flamegraph.svg")]
    output: PathBuf,
    /// Write folded stacks, too; `-` is standard output
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// What widths are
    #[arg(long, value_enum, default_value_t)]
    by: Widths,
    /// Which way stacks are read
    #[arg(long, value_enum, default_value_t)]
    value: Value,
    /// Draw this rail only, in place of the sum of root rails
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Whether stacks hold their share of idle energy
    #[arg(long, value_enum, default_value_t)]
    idle: Idle,
    /// Draw this phase only: decode
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Draw all layers, or all tokens, as one frame
    #[arg(long, value_enum, value_delimiter = ',', value_name = "layers,tokens")]
    collapse: Vec<Collapse>,
    /// Compare: red is what spans by themselves use more in AFTER, blue what they use less
    #[arg(long, value_name = "AFTER", conflicts_with = "value")]
    diff: Option<String>,
    /// With --diff, widths are those of RUN, which shows what AFTER lacks
    #[arg(long, requires = "diff")]
    reverse: bool,
    /// What to divide by; with --diff by token where all tokens are known
    #[arg(long, value_enum)]
    per: Option<Per>,
    /// Roots at the top
    #[arg(long)]
    icicle: bool,
    /// A title; what the figures are stands below it
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Width in pixels, in place of the window's
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(400..=100_000))]
    width: Option<u32>,
    /// Leave out frames that are narrower, in percent of the width
    #[arg(long, value_name = "PERCENT", value_parser = parse_min_width,
          default_value_t = Picture::default().min_width)]
    min_width: f64,
    /// Colours: hot, mem, io, red, green, blue, aqua, yellow, purple, orange, rust, ...
    #[arg(long, value_name = "NAME", value_parser = parse_colors, conflicts_with = "diff")]
    colors: Option<Palette>,
}

/// What widths are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Widths {
    /// Joules
    #[default]
    Energy,
    /// Self time, all threads added
    Time,
    /// Energy and time side by side, each with its own zoom
    Both,
}

impl FlamegraphArgs {
    /// What is shown, as options of the library.
    pub fn what(&self) -> What {
        What {
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

    /// How it looks, as options of the library.
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

    /// Refuses what has no meaning together.
    fn check(&self) -> std::result::Result<(), super::Usage> {
        let refuse = |text: &str| Err(super::Usage(text.to_owned()));
        let has_energy_options = self.rail.is_some() || self.idle != Idle::default();
        match self.by {
            Widths::Time if has_energy_options => refuse(
                "times have no rail and no idle share: leave out --rail and --idle, or --by time",
            ),
            Widths::Both if self.folded.is_some() => refuse(
                "folded stacks hold one measure: give --by energy or --by time with --folded",
            ),
            _ if self.folded.as_deref() == Some(Path::new("-"))
                && super::is_stdout(&self.output) =>
            {
                refuse(
                    "only one of --output and --folded can be standard output: give a FILE for one",
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
    let before = super::selected(&recording, &args.run.run.which, args.run.attribution)?;
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
            let what = What {
                measure: Measure::Time,
                ..what
            };
            let time = read(&recording, &sides, &what)?;
            super::write_file(&args.output, out, |out| {
                draw_beside([&graph, &time], &picture, out)
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
    what: &What,
) -> Result<Graph> {
    match &sides.1 {
        None => Graph::read(recording, &sides.0, what),
        Some(after) => Graph::compare(recording, &sides.0, after, what),
    }
}
