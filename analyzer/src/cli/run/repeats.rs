//! `energy run --repeat`, with several configurations, and `--resume`.

use std::io::Write;
use std::path::Path;

use super::super::console::style;
use super::super::database::open_recording;
use super::super::exit::UsageError;
use super::super::progress::Progress;
use super::args::RunArgs;
use super::indicator::RunIndicator;
use crate::compare::{CompareOptions, ComparedEnergy, ComparedSides, put_first, sides};
use crate::format::{Format, escape};
use crate::program::Interrupt;
use crate::repeat::{self, PlannedRun, RepeatPlan};
use crate::run::{model_checksum, model_path, sha256_of};

/// Number of sides that a comparison can have.
const SIDES: std::ops::RangeInclusive<usize> = 2..=4;

/// Runs the repeats of all configurations.
pub(super) fn begin(db: &Path, args: &RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.options.chrome.is_some() || args.flamegraph.is_some() {
        let text = "--chrome and --flamegraph need a single run; draw repeats with \
                    `energy flamegraph GROUP`";
        return Err(UsageError(text.to_owned()).into());
    }
    let plan = RepeatPlan::new(&args.options, &args.variants, &args.repeats);
    refuse_existing(db, &plan.group)?;
    // Download models before the first run, which must not include it.
    let mut indicator = RunIndicator::default();
    for config in &plan.configs {
        model_path(&config.options.model, &mut |event| indicator.show(event))?;
    }
    make(db, &plan, &args.options.prompt, out)
}

fn refuse_existing(db: &Path, group: &str) -> anyhow::Result<()> {
    if !db.exists() {
        return Ok(());
    }
    let runs = crate::query::list(&open_recording(db)?)?;
    if runs.iter().any(|run| run.group.as_deref() == Some(group)) {
        return Err(UsageError(format!(
            "group {0} exists; resume it with --resume {0}, or choose another name",
            escape(group)
        ))
        .into());
    }
    Ok(())
}

/// Resumes the interrupted repeats of a group.
pub(super) fn resume(
    db: &Path,
    args: &RunArgs,
    group: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let resumed = repeat::resume(&open_recording(db)?, group)?;
    let mut plan = resumed.plan;
    let prompt = plan
        .prompt
        .clone()
        .unwrap_or_else(|| args.options.prompt.clone());
    if sha256_of(prompt.as_bytes()) != plan.prompt_sha256 {
        let text = "the prompt was not stored: give the same prompt with --resume";
        return Err(UsageError(text.to_owned()).into());
    }
    if plan.system_sha256.is_some() {
        if plan.system_sha256 != args.options.system_sha256() {
            let text = "the system turn was not stored: give the same --system with --resume";
            return Err(UsageError(text.to_owned()).into());
        }
        plan.set_system(args.options.system.as_deref());
    }
    let mut indicator = RunIndicator::default();
    for (config, known) in plan.configs.iter().zip(&resumed.models) {
        let now = model_checksum(&model_path(&config.options.model, &mut |event| {
            indicator.show(event);
        })?)?;
        let is_other = known.as_ref().is_some_and(|known| *known != now);
        if is_other && !args.force {
            return Err(UsageError(format!(
                "model {}: the file has changed since the first repeats; give --force to resume \
                 anyway",
                escape(&config.options.model)
            ))
            .into());
        }
    }
    make(db, &plan, &prompt, out)
}

fn make(db: &Path, plan: &RepeatPlan, prompt: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let energy = std::env::current_exe()?;
    let interrupt = Interrupt::listen()?;
    let bar = Progress::new("running");
    let all = plan.runs().len();
    let on_progress = |done: usize, planned: PlannedRun| {
        bar.set(
            done,
            all,
            &format!("{} {}", plan.configs[planned.config].label, planned.repeat),
        );
    };
    let executed = repeat::execute(plan, prompt, &energy, db, &interrupt, on_progress);
    drop(bar);
    if let Err(error) = executed {
        let group = escape(&plan.group);
        let text = format!("recorded runs are kept; resume with `energy run --resume {group}`");
        return Err(anyhow::Error::from(error).context(text));
    }
    let recording = open_recording(db)?;
    let style = style();
    repeat::answer(&recording, plan)?.write(out, Format::Table, &style)?;
    if !SIDES.contains(&plan.configs.len()) || plan.repeat < 2 {
        return Ok(());
    }
    let group = [format!("group={}", plan.group)];
    let (mut sides, left_out) = sides(&recording, &group, Some("config"))?;
    let labels: Vec<&str> = plan.configs.iter().map(|one| one.label.as_str()).collect();
    put_first(&mut sides, &labels);
    let options = CompareOptions {
        energy: ComparedEnergy {
            allow_different: true,
            ..ComparedEnergy::default()
        },
        ..CompareOptions::default()
    };
    writeln!(out)?;
    let compared = ComparedSides::read(&recording, sides, &options)?;
    Ok(compared.write(&left_out, None, out, Format::Table, &style)?)
}
