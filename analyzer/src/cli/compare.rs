//! `energy compare`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Finding, Usage};
use crate::compare::stats::{Gate, Options};
use crate::compare::{CompareOptions, Compared, Per, sides};
use crate::format::Format;

/// Exit code of a regression.
const REGRESSION: u8 = 3;
/// Exit code of a check that could not be decided, where that is asked for.
const UNDECIDED: u8 = 4;

const HELP: &str = "Examples:
  energy compare before after
  energy compare group=old group=new --fail-above 5%
  energy compare --by tag=threads --phase decode --per output-token

A, B, C and D are each a run (id, its beginning, name, `last`), all runs with a tag
(KEY=VALUE), or the name of a group. A sample is one run: with one run a side there
is a difference but no verdict; make three at least, ten to find 5 %, in turns
(A B A B). docs/comparing.md tells the statistics.

With --fail-above the exit code is 3 if a side needs more than that above A for sure,
and 0 with a warning (4 with --strict) if that cannot be decided.";

/// What to compare and how.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CompareArgs {
    /// Runs or groups of runs; the first is what others are compared with
    #[arg(value_name = "RUN|GROUP")]
    sides: Vec<String>,
    /// Make a side of all runs with one value of the tag
    #[arg(long, value_name = "tag=KEY", value_parser = parse_tag)]
    by: Option<String>,
    /// What energy is divided by: token where all runs know their tokens, else run
    #[arg(long, value_enum)]
    per: Option<Per>,
    /// Differences up to this do not matter
    #[arg(long, value_name = "X%", value_parser = parse_part, default_value = "1%")]
    min_effect: f64,
    /// Supposed difference between sessions (standard deviation)
    #[arg(long, value_name = "X%", value_parser = parse_part, default_value = "2.5%")]
    session_sd: f64,
    /// This rail only, in place of the sum of root rails
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// This phase only
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Compare runs that were not made alike
    #[arg(long)]
    allow_different: bool,
    /// Fail if a side needs more than this above the first for sure
    #[arg(long, value_name = "X%", value_parser = parse_part)]
    fail_above: Option<f64>,
    /// Fail as well if that cannot be decided
    #[arg(long, requires = "fail_above")]
    strict: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl CompareArgs {
    /// As options of the library.
    pub fn options(&self) -> CompareOptions {
        CompareOptions {
            per: self.per,
            rail: self.rail.clone(),
            phase: self.phase.clone(),
            allow_different: self.allow_different,
            estimate: false,
            stats: Options {
                min_effect: self.min_effect,
                session_sd: self.session_sd,
                ..Options::default()
            },
        }
    }
}

pub(super) fn run(db: &Path, args: &CompareArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.by.is_none() && !(2..=4).contains(&args.sides.len()) {
        let text = "give two to four runs or groups, or --by tag=KEY";
        return Err(Usage(text.to_owned()).into());
    }
    let recording = super::open_recording(db)?;
    let (sides, left_out) = sides(&recording, &args.sides, args.by.as_deref())?;
    let compared = Compared::read(&recording, sides, &args.options())?;
    compared.write(&left_out, args.fail_above, out, args.format, &super::look())?;
    if let Some(text) = compared.undecided().into_iter().next() {
        return Err(Finding::new(UNDECIDED, text).into());
    }
    match args.fail_above {
        Some(above) => judge(&compared, above, args.strict),
        None => Ok(()),
    }
}

fn judge(compared: &Compared, above: f64, strict: bool) -> anyhow::Result<()> {
    let gates = compared.gates(above);
    let with = |which: Gate| -> Vec<&str> {
        let others = compared.sides.iter().skip(1).zip(&gates);
        let found = others.filter(|(_, gate)| **gate == which);
        found.map(|(side, _)| side.label).collect()
    };
    let above = crate::format::percent(Some(above));
    let (worse, undecided) = (with(Gate::Regression), with(Gate::Undecided));
    if !worse.is_empty() {
        let text = format!("{} needs more than {above} above A", worse.join(", "));
        return Err(Finding::new(REGRESSION, text).into());
    }
    if undecided.is_empty() {
        return Ok(());
    }
    let text = format!(
        "whether {} needs more than {above} above A cannot be decided from these runs; make more",
        undecided.join(", ")
    );
    if strict {
        return Err(Finding::new(UNDECIDED, text).into());
    }
    super::warn(&text);
    Ok(())
}

/// `5%`, or the part itself as `0.05`. A bare `5` is refused: it is not clear which of
/// the two is meant.
pub(super) fn parse_part(text: &str) -> Result<f64, String> {
    let (digits, unit) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 0.01),
        None => (text.trim(), 1.0),
    };
    let part = digits.parse::<f64>().ok().map(|number| number * unit);
    match part {
        Some(part) if part >= 0.0 && part.is_finite() && (unit < 1.0 || part < 1.0) => Ok(part),
        _ => Err("write it as 5% or 0.05".to_owned()),
    }
}

fn parse_tag(text: &str) -> Result<String, String> {
    match text.strip_prefix("tag=") {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err("write it as tag=KEY".to_owned()),
    }
}
