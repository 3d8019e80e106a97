//! Results of the repeats of a group.

use energy_data::Provenance;
use serde_json::{Value, json};

use super::RepeatPlan;
use super::tags::CONFIG_TAG;
use crate::conditions::{condition_rows, condition_sheets};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted, escape};
use crate::query::{self, Recording, RunListEntry};

/// Lists each configuration with the mean and the spread of its runs.
///
/// # Errors
/// If the file cannot be read.
pub fn answer(recording: &Recording, plan: &RepeatPlan) -> Result<Answer> {
    let of_group = |run: &RunListEntry| run.group.as_deref() == Some(plan.group.as_str());
    let mut runs = query::list(recording)?;
    runs.retain(of_group);
    runs.reverse();
    let rows = plan.configs.iter().map(|config| {
        let is_of = |run: &&RunListEntry| {
            let tag = run.tags.iter().find(|(key, _)| key.as_str() == CONFIG_TAG);
            tag.map_or("", |(_, value)| value) == config.label
        };
        let runs: Vec<&RunListEntry> = runs.iter().filter(is_of).collect();
        row(&config.label, &runs)
    });
    let columns = vec![
        Column::text("config", "configuration"),
        Column::count("runs", "runs"),
        Column::energy("j_per_token", "/token"),
        Column::percent("sd", "± run"),
        Column::energy("min_j_per_token", "min"),
        Column::energy("max_j_per_token", "max"),
        Column::number("tokens_per_s", "tokens/s"),
    ];
    let title = format!(
        "group {}: {}",
        escape(&plan.group),
        counted(runs.len(), "run")
    );
    let mut answer = Answer::new("run", title)
        .with("group", json!(plan.group))
        .sheet(Sheet::new("configs", "", columns, rows));
    for sheet in condition_sheets(&warnings(recording, &runs)?, "configuration") {
        answer = answer.sheet(sheet);
    }
    if runs.iter().any(|run| {
        run.provenance
            .is_some_and(|sources| sources.contains(Provenance::Modelled))
    }) {
        answer = answer.caution("Power is modelled, not measured.");
    }
    Ok(answer.note("± run is the standard deviation of one run relative to the mean."))
}

/// Returns all runs' warnings about a busy or hot machine.
fn warnings(recording: &Recording, runs: &[RunListEntry]) -> Result<Vec<Value>> {
    let of_run = |listed: &RunListEntry| {
        let config = listed.tags.get(CONFIG_TAG).map_or("(all)", String::as_str);
        condition_rows(recording, &recording.run(&listed.id)?, config)
    };
    Ok(runs
        .iter()
        .map(of_run)
        .collect::<Result<Vec<_>>>()?
        .concat())
}

fn row(label: &str, runs: &[&RunListEntry]) -> Value {
    let complete = runs.iter().filter(|run| run.status == "complete");
    let energies: Vec<f64> = complete.clone().filter_map(|run| run.j_per_token).collect();
    let speeds: Vec<f64> = complete.filter_map(|run| run.tokens_per_s).collect();
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let middle = mean(&energies);
    let sd = middle.filter(|_| energies.len() > 1).map(|mean| {
        let squares: f64 = energies.iter().map(|joules| (joules - mean).powi(2)).sum();
        (squares / (energies.len() - 1) as f64).sqrt() / mean
    });
    json!({
        "config": if label.is_empty() { "(all)" } else { label },
        "runs": energies.len(),
        "j_per_token": middle,
        "sd": sd,
        "min_j_per_token": energies.iter().copied().reduce(f64::min),
        "max_j_per_token": energies.iter().copied().reduce(f64::max),
        "tokens_per_s": mean(&speeds),
    })
}
