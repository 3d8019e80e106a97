//! `energy flamegraph`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::WhichFigures;
use crate::error::{Error, Result};
use crate::flamegraph::{Idle, Stacks};
use crate::format::energy;

/// What to draw.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy flamegraph -o decode.svg
  energy flamegraph sky --rail gpu --idle include -o sky.svg
  energy flamegraph --folded - -o flamegraph.svg | sort -k2 -n")]
pub struct FlamegraphArgs {
    #[command(flatten)]
    run: WhichFigures,
    /// The SVG to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "flamegraph.svg")]
    output: PathBuf,
    /// Draw this rail only, in place of the sum of root rails
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Whether stacks hold their share of idle energy
    #[arg(long, value_enum, default_value_t)]
    pub idle: Idle,
    /// Write folded stacks, too; `-` is standard output
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
}

pub(super) fn run(db: &Path, args: &FlamegraphArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_figures(db, &args.run)?;
    let stacks = Stacks::read(&recording, &run, args.rail.as_deref(), args.idle)?;
    if stacks.negative_j < 0.0 {
        let below = energy(Some(-stacks.negative_j));
        super::warn(&format!(
            "stacks of {below} below zero (baseline above power) are not drawn"
        ));
    }
    if let Some(folded) = &args.folded {
        write(folded, out, |out| stacks.fold(out))?;
    }
    write(&args.output, out, |out| stacks.draw(out))?;
    let _ = writeln!(std::io::stderr(), "{}", stacks.title);
    Ok(())
}

/// Writes a file by way of `draw`; `-` is `out`.
fn write(
    path: &Path,
    out: &mut dyn Write,
    draw: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    if path == Path::new("-") {
        return draw(out);
    }
    let failed = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    draw(&mut file)?;
    file.flush().map_err(failed)?;
    let _ = writeln!(std::io::stderr(), "wrote {}", path.display());
    Ok(())
}
