//! `energy compare`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::{style, warn};
use super::database::open_recording;
use super::exit::{NegativeResult, SilentExit, UsageError};
use crate::compare::stats::GateOutcome;
use crate::compare::{CompareOptions, ComparedSides, sides};
use crate::format::Format;
use crate::options::{OutputFormat, parse_fraction};

/// Exit code of a regression.
const REGRESSION: u8 = 3;
/// Exit code of an undecided check with `--strict`.
const UNDECIDED: u8 = 4;

const HELP: &str = "Examples:
  energy compare before after
  energy compare group=old group=new --fail-above 5%
  energy compare --by tag=threads --phase decode --per output-token

Each side (A, B, C, D) is a run (id, id prefix, name, `last`), all runs with a
tag (KEY=VALUE), or a group. Each run is one sample: one run per side gives a
difference but no verdict. Record at least three runs per side, ten to detect
5 %, interleaved (A B A B). docs/comparing.md explains the statistics.

With --fail-above the exit code is 3 if the energy of a side significantly
exceeds that of A by more than this, and 0 with a warning (4 with --strict) if
that is undecided. The exit code is 4, with or without these options, if
samples cover too little of a side.";

/// Options of `energy compare`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CompareArgs {
    /// Two to four runs or groups of runs; the others are compared with the first
    #[arg(value_name = "RUN|GROUP")]
    sides: Vec<String>,
    /// Group runs into sides by the value of this tag [default: a side for each argument]
    #[arg(long, value_name = "tag=KEY", value_parser = parse_by)]
    by: Option<String>,
    /// What is compared.
    #[command(flatten)]
    pub options: CompareOptions,
    /// Fail if the energy of a side significantly exceeds the first by more than this
    /// [default: never]
    #[arg(long, value_name = "PERCENT", value_parser = parse_fraction)]
    fail_above: Option<f64>,
    /// Fail if the result is undecided
    #[arg(long, requires = "fail_above")]
    strict: bool,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &CompareArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.by.is_none() && !(2..=4).contains(&args.sides.len()) {
        let text = "give two to four runs or groups, or --by tag=KEY";
        return Err(UsageError(text.to_owned()).into());
    }
    let recording = open_recording(db)?;
    let (sides, left_out) = sides(&recording, &args.sides, args.by.as_deref())?;
    let compared = ComparedSides::read(&recording, sides, &args.options)?;
    compared.write(
        &left_out,
        args.fail_above,
        out,
        args.output.format(),
        &style(),
    )?;
    if let Some(text) = compared.undecided().into_iter().next() {
        return Err(match args.output.format() {
            // These contain it as a caution above the tables.
            Format::Table | Format::Markdown => SilentExit(UNDECIDED).into(),
            Format::Json | Format::Csv => NegativeResult::new(UNDECIDED, text).into(),
        });
    }
    match args.fail_above {
        Some(above) => report_gates(&compared, above, args.strict),
        None => Ok(()),
    }
}

fn report_gates(compared: &ComparedSides, above: f64, strict: bool) -> anyhow::Result<()> {
    let gates = compared.gates(above);
    let with = |which: GateOutcome| -> Vec<&str> {
        let others = compared.sides.iter().skip(1).zip(&gates);
        let found = others.filter(|(_, gate)| **gate == which);
        found.map(|(side, _)| side.label).collect()
    };
    let above = crate::format::percent(Some(above));
    let (worse, undecided) = (with(GateOutcome::Regression), with(GateOutcome::Undecided));
    if !worse.is_empty() {
        let text = format!(
            "energy of {} exceeds A by more than {above}",
            worse.join(", ")
        );
        return Err(NegativeResult::new(REGRESSION, text).into());
    }
    if undecided.is_empty() {
        return Ok(());
    }
    let text = format!(
        "undecided whether the energy of {} exceeds A by more than {above}; record more runs",
        undecided.join(", ")
    );
    if strict {
        return Err(NegativeResult::new(UNDECIDED, text).into());
    }
    warn(&text);
    Ok(())
}

fn parse_by(text: &str) -> Result<String, String> {
    match text.strip_prefix("tag=") {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err("write it as tag=KEY".to_owned()),
    }
}
