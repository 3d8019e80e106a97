//! Begins and resumes experiments, and prints their results.

use std::io::Write;
use std::path::Path;

use energy_data::rows::{TrialRow, TrialStatus};

use super::super::console::style;
use super::super::database::open_recording;
use super::super::exit::{NegativeResult, UsageError};
#[cfg(feature = "inference")]
use super::super::run_indicator::RunIndicator;
use super::indicator::{SweepIndicator, text};
use crate::compare::{CompareOptions, ComparedEnergy, ComparedSides, put_first, sides};
use crate::engine::{CheckedModels, EngineOptions, engine};
use crate::error::Error;
use crate::experiment::{
    ChosenFactor, Executed, Experiment, ExperimentPlan, FactorOptions, GivenTexts, LabelledConfig,
    SweepOptions, TrialConfig, answer, estimate,
};
use crate::format::{Format, counted, energy, escape};
use crate::program::Interrupt;
use crate::run::RunOptions;

/// Number of sides that a comparison can have.
const SIDES: std::ops::RangeInclusive<usize> = 2..=4;
/// Fewest runs of each side.
const LEAST_RUNS: usize = 2;

/// What an experiment is made of.
#[derive(Debug)]
pub(crate) struct Start<'s> {
    pub(crate) name: String,
    pub(crate) options: &'s RunOptions,
    pub(crate) factors: &'s FactorOptions,
    pub(crate) engine: &'s EngineOptions,
    pub(crate) sweep: &'s SweepOptions,
}

/// What to resume.
#[derive(Debug)]
pub(crate) struct Resumption<'r> {
    /// Name or id; the newest unfinished one if it is `None`.
    pub(crate) name: Option<&'r str>,
    pub(crate) given: GivenTexts,
    /// Whether a model file may have changed.
    pub(crate) force: bool,
    pub(crate) retry_failed: bool,
}

/// Stores a new experiment and executes it.
pub(crate) fn begin(
    db: &Path,
    start: &Start<'_>,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (plan, configs) = planned(start)?;
    let given = GivenTexts {
        prompt: Some(start.options.prompt.clone()),
        system: start.options.system.clone(),
    };
    let experiment = Experiment::create(db, plan, &configs, given)?;
    execute(db, experiment, false, format, out)
}

/// Returns the plan with its checked configurations.
fn planned(start: &Start<'_>) -> anyhow::Result<(ExperimentPlan, Vec<LabelledConfig>)> {
    if start.options.each_line && start.factors.has("prompt-tokens") {
        let text = "--each-line needs given prompts; omit it, or --prompt-tokens";
        return Err(UsageError(text.to_owned()).into());
    }
    let plan = ExperimentPlan::new(
        start.name.clone(),
        start.options,
        start.factors,
        start.engine,
        start.sweep,
    );
    let mut configs = plan.configs()?;
    let engines = configs.iter().map(|config| config.config.engine.as_str());
    plan.engine.check(&engines.collect::<Vec<_>>())?;
    let mut known = CheckedModels::new();
    for config in &mut configs {
        check(&plan, &mut config.config, &mut known)?;
    }
    Ok((plan, configs))
}

/// Checks a configuration, and downloads its model if necessary.
fn check(
    plan: &ExperimentPlan,
    config: &mut TrialConfig,
    known: &mut CheckedModels,
) -> anyhow::Result<()> {
    #[cfg(feature = "inference")]
    if config.engine == TrialConfig::default().engine && !known.contains_key(&config.model) {
        let mut indicator = RunIndicator::default();
        crate::run::model_path(&config.model, &mut |event| indicator.show(event))?;
    }
    Ok(engine(&config.engine)?.check(plan, config, known)?)
}

/// Resumes an interrupted experiment.
pub(crate) fn resume(
    db: &Path,
    resumption: Resumption<'_>,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let experiment = Experiment::open(db, resumption.name, resumption.given)?;
    let mut known = CheckedModels::new();
    for config in experiment.configs()? {
        let mut now = config.config.clone();
        check(&experiment.plan, &mut now, &mut known)?;
        let before = &config.config.model_sha256;
        if before.is_some() && *before != now.model_sha256 && !resumption.force {
            return Err(UsageError(format!(
                "model {}: the file has changed since the first runs; give --force to resume anyway",
                escape(&now.model)
            ))
            .into());
        }
    }
    execute(db, experiment, resumption.retry_failed, format, out)
}

fn execute(
    db: &Path,
    mut experiment: Experiment,
    retry_failed: bool,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let indicator = SweepIndicator::new();
    let done = experiment.execute(retry_failed, &interrupt, &mut |event| {
        indicator.show(&event);
    });
    drop(indicator);
    let executed = done.map_err(|error| {
        let name = escape(&experiment.plan.name);
        let text = format!("recorded runs are kept; resume with `energy sweep --resume {name}`");
        match &error {
            Error::InUse(_) => error.into(),
            _ => anyhow::Error::from(error).context(text),
        }
    })?;
    print(db, &experiment, &executed, format, out)
}

/// Prints the table of configurations, and a comparison if there are two to four values of one
/// factor.
fn print(
    db: &Path,
    experiment: &Experiment,
    executed: &Executed,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let recording = open_recording(db)?;
    let style = style();
    let result = answer(&recording, experiment, executed.cpu)?;
    result.write(out, format, &style)?;
    let trials = experiment.trials()?;
    let is_complete = |trial: &TrialRow| trial.status == TrialStatus::Complete;
    if !trials.iter().any(is_complete) {
        out.flush()?;
        let text = "no run is complete; the errors of failed runs are listed above".to_owned();
        return Err(NegativeResult::new(1, text).into());
    }
    let configs = experiment.configs()?;
    let factors = &experiment.plan.factors;
    let varied = factors.iter().filter(|factor| factor.is_varied());
    let varied: Vec<&ChosenFactor> = varied.collect();
    // Engines differ in their operations: `energy analyse engines` compares them.
    let is_compared = matches!(varied.as_slice(), [only] if only.factor != "engine");
    if format != Format::Table || !is_compared || !SIDES.contains(&configs.len()) {
        return Ok(());
    }
    let has_runs = |config: &LabelledConfig| {
        let own = trials
            .iter()
            .filter(|trial| trial.configuration == config.label && is_complete(trial));
        own.count() >= LEAST_RUNS
    };
    if !configs.iter().all(has_runs) {
        return Ok(());
    }
    let group = [format!("group={}", experiment.plan.name)];
    let (mut sides, left_out) = sides(&recording, &group, Some("config"))?;
    let labels: Vec<&str> = configs.iter().map(|one| one.label.as_str()).collect();
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

/// Prints what an experiment would run.
pub(super) fn describe(db: &Path, start: &Start<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    let (plan, configs) = planned(start)?;
    let recording = match db.exists() {
        true => Some(open_recording(db)?),
        false => None,
    };
    let estimate = estimate(recording.as_ref(), &plan, &configs)?;
    writeln!(
        out,
        "{}, {}",
        counted(estimate.configs, "configuration"),
        counted(estimate.runs, "run")
    )?;
    for chosen in &plan.factors {
        let values: Vec<String> = chosen.values.iter().map(|value| escape(value)).collect();
        writeln!(out, "  --{}: {}", chosen.factor, values.join(", "))?;
    }
    let basis = match estimate.known_configs {
        0 => "no past runs of these configurations".to_owned(),
        known if known == estimate.configs => "from past runs".to_owned(),
        known => format!(
            "of {known} of {} configurations, the others have no past runs",
            estimate.configs
        ),
    };
    let unknown = || "unknown".to_owned();
    let time = estimate
        .time
        .map_or_else(unknown, |time| format!("about {}", text(time)));
    let joules = estimate.energy_j;
    let joules = joules.map_or_else(unknown, |_| format!("about {}", energy(joules)));
    writeln!(out, "time: {time} ({basis})")?;
    if !estimate.pauses.is_zero() {
        writeln!(out, "pauses: up to {}", text(estimate.pauses))?;
    }
    writeln!(out, "energy: {joules}")?;
    Ok(())
}
