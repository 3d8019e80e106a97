//! `energy doctor`.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::confirm::confirm;
use super::{Finding, Passed};
use crate::doctor::{
    AsRoot, DoctorOptions, Fix, RuleUser, State, ValidateOptions, examine, fix_for_here,
    system_root, validate,
};
use crate::format::Format;
use crate::run::parse_duration;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy doctor
  energy doctor --json
  energy doctor --validate
  energy doctor --fix
  energy doctor --fix --interval 30ms
  energy doctor --undo

Exit codes: 0 power can be measured, 1 it can only be modelled, 2 neither. With --validate:
0 every rail is in order, 1 there is no sensor to validate, 2 a rail fails.")]
pub struct DoctorArgs {
    /// Duration of the look at each source, or of a round of --validate (there 2s)
    #[arg(long, value_parser = parse_duration, default_value = "1s", default_value_if("validate", "true", "2s"))]
    time: Duration,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// As --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Validate the sensors: coverage, update period, repeated equal work, energy counter
    /// against integrated power
    #[arg(long, conflicts_with_all = ["fix", "undo"])]
    validate: bool,
    /// Number of rounds of equal work
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(3..), requires = "validate")]
    rounds: u16,
    /// Unlock what is locked: shows the file that does it, and asks
    #[arg(long)]
    fix: bool,
    /// Power interval that --fix allows as well, on a Mac; the usual ones from 20ms to 2s
    /// are always allowed
    #[arg(long, value_parser = parse_duration, value_name = "TIME", requires = "fix")]
    interval: Vec<Duration>,
    /// Take back what --fix did
    #[arg(long, conflicts_with = "fix")]
    undo: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl DoctorArgs {
    /// As options of the library.
    pub fn options(&self) -> DoctorOptions {
        DoctorOptions {
            time: self.time,
            ..DoctorOptions::default()
        }
    }

    /// The same for `--validate`.
    pub fn validate_options(&self) -> ValidateOptions {
        ValidateOptions {
            rounds: self.rounds.into(),
            time: self.time,
            ..ValidateOptions::default()
        }
    }
}

pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.fix || args.undo {
        return change(args, out);
    }
    if args.validate {
        return check(args, out);
    }
    let examined = examine(&args.options());
    let format = if args.json { Format::Json } else { args.format };
    examined.answer().write(out, format, &super::look())?;
    if let Err(error) = examined.keep() {
        super::warn(&format!("what was seen of sensors is not kept: {error}"));
    }
    match (examined.has_measured(), examined.has_any()) {
        (true, _) => Ok(()),
        (false, true) => Err(Passed(1).into()),
        (false, false) => Err(Finding::new(2, "nothing can be recorded here".to_owned()).into()),
    }
}

/// Validates the sensors.
fn check(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let validation = validate(&args.validate_options());
    let format = if args.json { Format::Json } else { args.format };
    validation.answer().write(out, format, &super::look())?;
    match (validation.rails.is_empty(), validation.is_in_order()) {
        (true, _) => Err(Passed(1).into()),
        (false, true) => Ok(()),
        (false, false) => Err(Finding::new(2, "a rail fails".to_owned()).into()),
    }
}

/// Writes or removes the file that unlocks a source.
fn change(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let user = RuleUser::here();
    let Some(fix) = fix_for_here(&system_root(), user.as_ref(), &args.interval)? else {
        anyhow::bail!("there is nothing to unlock on this system");
    };
    let root = AsRoot::for_here();
    if args.undo {
        ask(args, &format!("remove {}?", fix.path.display()))?;
        fix.undo(&root)?;
        writeln!(out, "{} is gone", fix.path.display())?;
        return Ok(());
    }
    // What an earlier version allowed may be more than is needed.
    if !fix.is_in_place() {
        refuse_needless(&fix)?;
    }
    show(&fix, out)?;
    ask(args, &format!("write {}?", fix.path.display()))?;
    fix.apply(&root)?;
    writeln!(
        out,
        "{} is in place; see `energy doctor`",
        fix.path.display()
    )?;
    Ok(())
}

/// Nothing is written for a source that is open already, or is not there.
fn refuse_needless(fix: &Fix) -> anyhow::Result<()> {
    let examined = examine(&DoctorOptions {
        time: Duration::ZERO,
        ..DoctorOptions::default()
    });
    let state = examined.sources.into_iter().find(|one| one.0 == fix.source);
    match state.map(|(_, state)| state) {
        Some(State::Locked { .. }) => Ok(()),
        Some(State::Absent(what)) => anyhow::bail!("{}: not here ({what})", fix.source),
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

fn ask(args: &DoctorArgs, question: &str) -> anyhow::Result<()> {
    match args.yes {
        true => Ok(()),
        false => confirm(question, "give --yes"),
    }
}
