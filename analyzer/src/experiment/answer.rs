//! Results of an experiment.

use std::collections::{BTreeMap, BTreeSet};

use energy_data::Provenance;
use energy_data::rows::{TrialRow, TrialStatus};
use serde_json::{Value, json};

use super::chosen_factor::ChosenFactor;
use super::configurations;
use super::cpu_time::CpuTimes;
use super::stored::Experiment;
use crate::conditions::{condition_rows, condition_sheets};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted, escape, percent};
use crate::query::{self, Recording, RunListEntry};

/// Lists each configuration with the geometric mean of its runs, its interval, and its failures.
///
/// # Errors
/// If the file cannot be read.
pub fn answer(
    recording: &Recording,
    experiment: &Experiment,
    cpu: Option<CpuTimes>,
) -> Result<Answer> {
    let trials = experiment.trials()?;
    let counted_trials = trials
        .iter()
        .filter(|trial| trial.status != TrialStatus::Replaced);
    let uuids: BTreeSet<&str> = counted_trials
        .filter_map(|trial| trial.run_uuid.as_deref())
        .collect();
    let mut runs = query::list(recording)?;
    runs.retain(|run| uuids.contains(run.id.as_str()));
    let runs: BTreeMap<&str, &RunListEntry> =
        runs.iter().map(|run| (run.id.as_str(), run)).collect();
    let configurations = configurations::sheets(&experiment.configs()?, &trials, &runs);
    let name = &experiment.plan.name;
    let complete = trials
        .iter()
        .filter(|trial| trial.status == TrialStatus::Complete);
    let title = format!(
        "experiment {}: {}",
        escape(name),
        counted(complete.count(), "run")
    );
    let count = |status| trials.iter().filter(|trial| trial.status == status).count();
    let mut answer = Answer::new("sweep", title)
        .with("experiment", json!(name))
        .with("id", json!(experiment.id))
        .with("complete", json!(count(TrialStatus::Complete)))
        .with("failed", json!(count(TrialStatus::Failed)))
        .with("pending", json!(count(TrialStatus::Pending)))
        .with("replaced", json!(count(TrialStatus::Replaced)));
    let conditions = condition_sheets(&warnings(recording, &trials)?, "configuration");
    for sheet in configurations
        .into_iter()
        .chain([failures(&trials)])
        .chain(conditions)
    {
        answer = answer.sheet(sheet);
    }
    if is_modelled(&runs) {
        answer = answer.caution("Power is modelled, not measured.");
    }
    answer = answer.note(
        "J/token is the geometric mean of runs, with its 95 % interval. Without at least two runs \
         there is no interval.",
    );
    Ok(notes(experiment, &trials, cpu)
        .into_iter()
        .fold(answer, Answer::note))
}

/// Lists the failed trials with their errors.
fn failures(trials: &[TrialRow]) -> Sheet {
    let failed = trials
        .iter()
        .filter(|trial| trial.status == TrialStatus::Failed);
    let rows: Vec<Value> = failed
        .map(|trial| {
            json!({
                "configuration": trial.configuration,
                "round": trial.round,
                "error": trial.error,
            })
        })
        .collect();
    let columns = vec![
        Column::text("configuration", "configuration"),
        Column::count("round", "round"),
        Column::text("error", "error"),
    ];
    let title = format!("{} failed", counted(rows.len(), "run"));
    let sheet = Sheet::new("failures", title, columns, &rows);
    match rows.is_empty() {
        true => sheet.data_only(),
        false => sheet,
    }
}

/// Returns warnings about a busy or hot machine, of all runs that are in the file.
fn warnings(recording: &Recording, trials: &[TrialRow]) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for trial in trials.iter().filter(|trial| trial.warning.is_some()) {
        let config = match trial.configuration.is_empty() {
            true => "(all)",
            false => &trial.configuration,
        };
        let uuid = trial.run_uuid.as_deref().unwrap_or_default();
        match recording.store().stored_status(uuid)? {
            Some(_) => rows.extend(condition_rows(recording, &recording.run(uuid)?, config)?),
            None => continue,
        }
    }
    Ok(rows)
}

fn is_modelled(runs: &BTreeMap<&str, &RunListEntry>) -> bool {
    runs.values().any(|run| {
        run.provenance
            .is_some_and(|sources| sources.contains(Provenance::Modelled))
    })
}

/// Returns the harness's own cost and the next steps.
fn notes(experiment: &Experiment, trials: &[TrialRow], cpu: Option<CpuTimes>) -> Vec<String> {
    let name = escape(&experiment.plan.name);
    let has = |status| trials.iter().any(|trial| trial.status == status);
    let mut notes = Vec::new();
    if let Some(cpu) = cpu.filter(|cpu| !cpu.children.is_zero()) {
        let [own, children] = [cpu.own, cpu.children].map(|time| time.as_secs_f64());
        notes.push(format!(
            "CPU time: runs {children:.2} s, experiment {own:.2} s ({}).",
            percent(Some(own / children))
        ));
    }
    if has(TrialStatus::Failed) {
        notes.push(format!(
            "Failed runs are skipped; repeat them with `energy sweep --resume {name} --retry-failed`."
        ));
    }
    if has(TrialStatus::Replaced) {
        notes.push("Runs on a throttled machine were repeated and are not counted.".to_owned());
    }
    let questions = questions(&experiment.plan.factors);
    let questions = questions.map(|question| format!("`energy analyse {question}`, "));
    notes.push(format!(
        "Next, each with `--experiment {name}`: {}`energy table`, `energy report`.",
        questions.collect::<String>()
    ));
    notes
}

/// Returns the analyses of the varied factors.
fn questions(factors: &[ChosenFactor]) -> impl Iterator<Item = &'static str> {
    let of = |factor: &ChosenFactor| match factor.factor.as_str() {
        "batch" => Some("batch"),
        "prompt-tokens" => Some("context"),
        "requantize" => Some("quantization"),
        "engine" => Some("engines"),
        "model" => Some("parameters"),
        _ => None,
    };
    factors.iter().filter(|one| one.is_varied()).filter_map(of)
}
