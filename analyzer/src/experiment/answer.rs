//! Results of an experiment.

use std::collections::{BTreeMap, BTreeSet};

use energy_data::Provenance;
use energy_data::rows::{TrialRow, TrialStatus};
use serde_json::{Value, json};

use super::cpu_time::CpuTimes;
use super::stored::Experiment;
use crate::conditions::{condition_rows, condition_sheets};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted, escape, percent};
use crate::query::{self, Recording, RunListEntry};
use energy_statistics::compare::geometric_mean_interval;

/// Confidence of intervals.
const CONFIDENCE: f64 = 0.95;

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
    let mut by_config: BTreeMap<&str, Vec<&TrialRow>> = BTreeMap::new();
    for trial in &trials {
        let own = by_config.entry(&trial.configuration).or_default();
        own.push(trial);
    }
    let mut rows = Vec::new();
    for config in experiment.configs()? {
        let own = by_config.get(config.label.as_str());
        rows.push(row(&config.label, own.map_or(&[], Vec::as_slice), &runs));
    }
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
        .with("replaced", json!(count(TrialStatus::Replaced)))
        .sheet(Sheet::new("configurations", "", columns(), rows))
        .sheet(failures(&trials));
    for sheet in condition_sheets(&warnings(recording, &trials)?, "configuration") {
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

fn columns() -> Vec<Column> {
    vec![
        Column::text("configuration", "configuration"),
        Column::count("runs", "runs"),
        Column::energy("j_per_token", "J/token"),
        Column::interval("lo_j_per_token", "hi_j_per_token", "95 %"),
        Column::number("tokens_per_s", "tokens/s"),
        Column::count("failed", "failed"),
        Column::count("pending", "pending"),
    ]
}

fn row(label: &str, trials: &[&TrialRow], runs: &BTreeMap<&str, &RunListEntry>) -> Value {
    let complete: Vec<&RunListEntry> = trials
        .iter()
        .filter(|trial| trial.status == TrialStatus::Complete)
        .filter_map(|trial| runs.get(trial.run_uuid.as_deref()?).copied())
        .collect();
    let values = |of: fn(&RunListEntry) -> Option<f64>| -> Vec<f64> {
        complete.iter().filter_map(|run| of(run)).collect()
    };
    let energies = values(|run| run.j_per_token);
    let mean = geometric_mean_interval(&energies, CONFIDENCE);
    let interval = mean.and_then(|mean| mean.interval);
    let speed = geometric_mean_interval(&values(|run| run.tokens_per_s), CONFIDENCE);
    let count = |status| trials.iter().filter(|trial| trial.status == status).count();
    json!({
        "configuration": if label.is_empty() { "(all)" } else { label },
        "runs": complete.len(),
        "runs_with_energy": energies.len(),
        "j_per_token": mean.map(|mean| mean.mean),
        "lo_j_per_token": interval.map(|(lo, _)| lo),
        "hi_j_per_token": interval.map(|(_, hi)| hi),
        "tokens_per_s": speed.map(|mean| mean.mean),
        "failed": count(TrialStatus::Failed),
        "pending": count(TrialStatus::Pending) + count(TrialStatus::Running),
    })
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
    notes.push(format!(
        "Next: `energy runs --tag group={name}`, `energy compare group={name} --by config` or \
         `energy report group={name}`."
    ));
    notes
}
