//! `energy doctor`.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::confirm::confirm;
use super::console::{style, warn};
use super::exit::{NegativeResult, SilentExit};
use crate::doctor::{
    AsRoot, DoctorOptions, Fix, RuleUser, SourceState, ValidateOptions, examine, fix_for_here,
    system_root, validate,
};
use crate::options::{OutputFormat, parse_duration};

/// Options of `energy doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy doctor
  energy doctor --json
  energy doctor --validate --rounds 4
  energy doctor --fix
  energy doctor --fix --interval 30ms
  energy doctor --undo

Exit codes: 0 power can be measured, 1 it can only be modelled, 2 neither.
With --validate: 0 every rail passes, 1 there is no sensor to validate, 2 a
rail fails.")]
pub struct DoctorArgs {
    /// Options of the examination.
    #[command(flatten)]
    pub options: DoctorOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
    /// Validate the sensors: coverage, update period, repeated equal work, energy counter
    /// against integrated power
    #[arg(long, conflicts_with_all = ["fix", "undo"])]
    validate: bool,
    /// Options of the validation.
    #[command(flatten)]
    pub validation: ValidateOptions,
    /// Grant access to locked sensors: show the file to write, and write it once confirmed
    #[arg(long)]
    fix: bool,
    /// Sampling interval that --fix allows on macOS in addition to the usual ones from 20ms to
    /// 2s (repeatable) [default: none]
    #[arg(long = "interval", value_name = "DURATION", value_parser = parse_duration,
          requires = "fix")]
    intervals: Vec<Duration>,
    /// Revert --fix
    #[arg(long, conflicts_with = "fix")]
    undo: bool,
    /// Proceed without confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.fix || args.undo {
        return change(args, out);
    }
    if args.validate {
        return check(args, out);
    }
    let examined = examine(&args.options);
    examined
        .answer()
        .write(out, args.output.format(), &style())?;
    if let Err(error) = examined.keep() {
        warn(&format!(
            "could not store the sensor characteristics: {error}"
        ));
    }
    match (examined.has_measured(), examined.has_any()) {
        (true, _) => Ok(()),
        (false, true) => Err(SilentExit(1).into()),
        (false, false) => {
            Err(NegativeResult::new(2, "no power source is available".to_owned()).into())
        }
    }
}

/// Validates the sensors.
fn check(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let validation = validate(&args.validation);
    validation
        .answer()
        .write(out, args.output.format(), &style())?;
    match (validation.rails.is_empty(), validation.is_in_order()) {
        (true, _) => Err(SilentExit(1).into()),
        (false, true) => Ok(()),
        (false, false) => Err(NegativeResult::new(2, "a rail failed validation".to_owned()).into()),
    }
}

/// Writes or removes the file that grants access to a source.
fn change(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let user = RuleUser::here();
    let Some(fix) = fix_for_here(&system_root(), user.as_ref(), &args.intervals)? else {
        anyhow::bail!("no source on this system needs access to be granted");
    };
    let root = AsRoot::for_here();
    if args.undo {
        confirm_unless_yes(args, &format!("remove {}?", fix.path.display()))?;
        fix.undo(&root)?;
        writeln!(out, "removed {}", fix.path.display())?;
        return Ok(());
    }
    // A file written by an earlier version may allow more than needed: replace it.
    if !fix.is_in_place() {
        require_locked(&fix)?;
    }
    show(&fix, out)?;
    confirm_unless_yes(args, &format!("write {}?", fix.path.display()))?;
    fix.apply(&root)?;
    writeln!(
        out,
        "wrote {}; check with `energy doctor`",
        fix.path.display()
    )?;
    Ok(())
}

/// Fails if the source is absent or already accessible.
fn require_locked(fix: &Fix) -> anyhow::Result<()> {
    let examined = examine(&DoctorOptions {
        time: Duration::ZERO,
        ..DoctorOptions::default()
    });
    let state = examined.sources.into_iter().find(|one| one.0 == fix.source);
    match state.map(|(_, state)| state) {
        Some(SourceState::Locked { .. }) => Ok(()),
        Some(SourceState::Absent(what)) => anyhow::bail!("{}: not available ({what})", fix.source),
        _ => anyhow::bail!("{} is not locked; see `energy doctor`", fix.source),
    }
}

fn show(fix: &Fix, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{}: {}", fix.source, fix.allows)?;
    writeln!(out, "\n{}", fix.path.display())?;
    for line in fix.text.lines() {
        writeln!(out, "    {line}")?;
    }
    out.flush()?;
    Ok(())
}

fn confirm_unless_yes(args: &DoctorArgs, question: &str) -> anyhow::Result<()> {
    match args.yes {
        true => Ok(()),
        false => confirm(question, "give --yes"),
    }
}
