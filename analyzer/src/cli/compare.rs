//! `energy compare`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Finding, Usage};
use crate::compare::stats::{Gate, Options};
use crate::compare::{CompareOptions, Compared, EnergyPer, sides};
use crate::format::Format;

/// Exit code of a regression.
const REGRESSION: u8 = 3;
/// Exit code of an undecided check with `--strict`.
const UNDECIDED: u8 = 4;

const HELP: &str = "Examples:
  energy compare before after
  energy compare group=old group=new --fail-above 5%
  energy compare --by tag=threads --phase decode --per output-token

Each side (A, B, C, D) is a run (id, id prefix, name, `last`), all runs with a tag
(KEY=VALUE), or a group. Each run is one sample: one run per side gives a difference
but no verdict. Record at least three runs per side, ten to detect 5 %, interleaved
(A B A B). docs/comparing.md explains the statistics.

With --fail-above the exit code is 3 if the energy of a side significantly exceeds that
of A by more than this, and 0 with a warning (4 with --strict) if that is undecided. The
exit code is 4, with or without these options, if samples cover too little of a side.";

/// Options of `energy compare`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CompareArgs {
    /// Runs or groups of runs; the others are compared with the first
    #[arg(value_name = "RUN|GROUP")]
    sides: Vec<String>,
    /// Group runs into sides by the value of this tag
    #[arg(long, value_name = "tag=KEY", value_parser = parse_tag)]
    by: Option<String>,
    /// Unit that energy is divided by (default: token if all runs have token counts, else run)
    #[arg(long, value_enum)]
    per: Option<EnergyPer>,
    /// Smallest difference that counts as one
    #[arg(long, value_name = "X%", value_parser = parse_fraction, default_value = "1%")]
    min_effect: f64,
    /// Assumed standard deviation between sessions
    #[arg(long, value_name = "X%", value_parser = parse_fraction, default_value = "2.5%")]
    session_sd: f64,
    /// Only use this rail (default: the sum of root rails)
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Only use this phase
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Compare runs with different configurations
    #[arg(long)]
    allow_different: bool,
    /// Fail if the energy of a side significantly exceeds the first by more than this
    #[arg(long, value_name = "X%", value_parser = parse_fraction)]
    fail_above: Option<f64>,
    /// Fail if the result is undecided
    #[arg(long, requires = "fail_above")]
    strict: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl CompareArgs {
    /// Converts to the library's options.
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
    compared.write(
        &left_out,
        args.fail_above,
        out,
        args.format,
        &super::style(),
    )?;
    if let Some(text) = compared.undecided().into_iter().next() {
        return Err(Finding::new(UNDECIDED, text).into());
    }
    match args.fail_above {
        Some(above) => report_gates(&compared, above, args.strict),
        None => Ok(()),
    }
}

fn report_gates(compared: &Compared, above: f64, strict: bool) -> anyhow::Result<()> {
    let gates = compared.gates(above);
    let with = |which: Gate| -> Vec<&str> {
        let others = compared.sides.iter().skip(1).zip(&gates);
        let found = others.filter(|(_, gate)| **gate == which);
        found.map(|(side, _)| side.label).collect()
    };
    let above = crate::format::percent(Some(above));
    let (worse, undecided) = (with(Gate::Regression), with(Gate::Undecided));
    if !worse.is_empty() {
        let text = format!(
            "energy of {} exceeds A by more than {above}",
            worse.join(", ")
        );
        return Err(Finding::new(REGRESSION, text).into());
    }
    if undecided.is_empty() {
        return Ok(());
    }
    let text = format!(
        "undecided whether the energy of {} exceeds A by more than {above}; record more runs",
        undecided.join(", ")
    );
    if strict {
        return Err(Finding::new(UNDECIDED, text).into());
    }
    super::warn(&text);
    Ok(())
}

/// Parses `5%` or the fraction `0.05`. A bare `5` is rejected because it is ambiguous.
pub(super) fn parse_fraction(text: &str) -> Result<f64, String> {
    let (digits, unit) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 0.01),
        None => (text.trim(), 1.0),
    };
    let fraction = digits.parse::<f64>().ok().map(|number| number * unit);
    match fraction {
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
