//! The table of configurations: the cheapest first, with a column for each varied factor.

use energy_data::rows::{TrialRow, TrialStatus};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::factor_options::LabelledConfig;
use crate::format::{Column, Sheet};
use crate::query::RunListEntry;
use energy_statistics::compare::geometric_mean_interval;

/// Confidence of intervals.
const CONFIDENCE: f64 = 0.95;
/// Keys of the columns of factors; of more factors, the label is shown.
const FACTORS: [&str; 6] = [
    "factor_1", "factor_2", "factor_3", "factor_4", "factor_5", "factor_6",
];

/// Lists configurations with the geometric mean of their runs, its interval, and their failures.
pub(super) fn sheets(
    configs: &[LabelledConfig],
    trials: &[TrialRow],
    runs: &BTreeMap<&str, &RunListEntry>,
) -> [Sheet; 2] {
    let mut by_config: BTreeMap<&str, Vec<&TrialRow>> = BTreeMap::new();
    for trial in trials {
        let own = by_config.entry(&trial.configuration).or_default();
        own.push(trial);
    }
    let row = |config: &LabelledConfig| {
        let own = by_config.get(config.label.as_str());
        row(config, own.map_or(&[], Vec::as_slice), runs)
    };
    let mut rows: Vec<Value> = configs.iter().map(row).collect();
    let energy = |row: &Value| row["j_per_token"].as_f64().unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| energy(a).total_cmp(&energy(b)));
    let label = || Column::text("configuration", "configuration");
    let counts = ["failed", "pending"].map(|key| Column::count(key, key));
    let data = [vec![label()], figures(), counts.to_vec()].concat();
    let names = configs.first().map_or(&[][..], |config| &config.values);
    let factors = match names.len() <= FACTORS.len() && !names.is_empty() {
        true => factor_columns(names, &mut rows),
        false => vec![label()],
    };
    let shown = [factors, figures(), missing(&rows)].concat();
    let display = Sheet::new("configurations", "", shown, &rows).display_only();
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        row.retain(|key, _| !FACTORS.contains(&key.as_str()));
    }
    let data = Sheet::new("configurations", "", data, rows).data_only();
    [display, data]
}

/// Returns a column for each factor, and adds its cells to the rows.
fn factor_columns(names: &[(String, String)], rows: &mut [Value]) -> Vec<Column> {
    for row in rows.iter_mut() {
        for ((name, _), key) in names.iter().zip(FACTORS) {
            row[key] = row["factors"][name].clone();
        }
    }
    let columns = names.iter().zip(FACTORS);
    columns
        .map(|((name, _), key)| Column::text(key, name))
        .collect()
}

fn figures() -> Vec<Column> {
    vec![
        Column::energy("j_per_token", "J/token"),
        Column::interval("lo_j_per_token", "hi_j_per_token", "95 %"),
        Column::number("tokens_per_s", "tokens/s"),
        Column::count("runs", "runs"),
    ]
}

/// Returns the columns of other trials than complete ones, if there are any.
fn missing(rows: &[Value]) -> Vec<Column> {
    let is_any = |key: &&str| rows.iter().any(|row| row[*key] != 0);
    let keys = ["failed", "pending"].into_iter().filter(is_any);
    keys.map(|key| Column::count(key, key)).collect()
}

fn row(
    config: &LabelledConfig,
    trials: &[&TrialRow],
    runs: &BTreeMap<&str, &RunListEntry>,
) -> Value {
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
    let label = &config.label;
    let factors = config.values.iter().cloned();
    json!({
        "configuration": if label.is_empty() { "(all)" } else { label },
        "factors": factors.collect::<BTreeMap<String, String>>(),
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
