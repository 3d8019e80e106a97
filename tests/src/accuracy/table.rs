//! Results as a table in Markdown.

use std::fmt::Write;

use super::{AccuracyTrial, Bound, Goal, RowResult, RowVerdict, TrialMean};

const COLUMNS: [&str; 13] = [
    "row",
    "proportional",
    "ours",
    "reach",
    "aim",
    "better",
    "coverage",
    "half width",
    "groups",
    "group wMAE",
    "group reach",
    "gate",
    "holds",
];

/// The table. Errors and widths are percent, means over trials with their standard
/// errors; `better` counts traces on which the method beats `proportional`.
#[must_use]
pub fn table(method: &str, results: &[RowResult]) -> String {
    let mut text = format!("wMAE in %, ours: {method}\n\n");
    line(&mut text, COLUMNS.map(str::to_owned));
    line(&mut text, COLUMNS.map(|_| "---".to_owned()));
    for result in results {
        match &result.trials {
            Ok(trials) => line(&mut text, cells(result, trials)),
            Err(error) => {
                let mut cells = COLUMNS.map(|_| String::new());
                cells[0] = result.row.name.to_owned();
                cells[COLUMNS.len() - 1] = format!("no: {error}");
                line(&mut text, cells);
            }
        }
    }
    text
}

fn line(text: &mut String, cells: [String; COLUMNS.len()]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn cells(result: &RowResult, trials: &[AccuracyTrial]) -> [String; COLUMNS.len()] {
    let row = &result.row;
    let mean = |value: &dyn Fn(&AccuracyTrial) -> Option<f64>| {
        TrialMean::of(trials.iter().filter_map(value))
    };
    let percent = |value: f64| 100.0 * value;
    let groups = |trial: &AccuracyTrial| trial.ours.groups;
    let better = trials
        .iter()
        .filter(|trial| trial.ours.wmae < trial.proportional.wmae);
    let group_coverage = mean(&|trial| Some(groups(trial)?.intervals?.coverage));
    let group_wmae = mean(&|trial| Some(percent(groups(trial)?.wmae)));
    let group_wmae = match group_coverage {
        Some(coverage) => format!("{} ({:.2})", with_error(group_wmae), coverage.value),
        None => with_error(group_wmae),
    };
    let verdict = RowVerdict::of(row, trials);
    [
        row.name.to_owned(),
        with_error(mean(&|trial| Some(percent(trial.proportional.wmae)))),
        with_error(mean(&|trial| Some(percent(trial.ours.wmae)))),
        row.kinds.map_or_else(none, reach),
        row.kinds
            .and_then(|goal| goal.aim)
            .map_or_else(none, |aim| format!("{aim}")),
        format!("{}/{}", better.count(), trials.len()),
        plain(mean(&|trial| Some(trial.ours.intervals?.coverage)), 2),
        plain(
            mean(&|trial| Some(percent(trial.ours.intervals?.half_width))),
            0,
        ),
        plain(mean(&|trial| Some(groups(trial)?.count as f64)), 1),
        group_wmae,
        row.groups.map_or_else(none, |goal| match goal.aim {
            Some(aim) => format!("{} (aim {aim})", reach(goal)),
            None => reach(goal),
        }),
        plain(mean(&|trial| trial.ours.gate_weight), 2),
        verdict_text(&verdict),
    ]
}

fn none() -> String {
    "-".to_owned()
}

fn plain(mean: Option<TrialMean>, decimals: usize) -> String {
    mean.map_or_else(none, |mean| format!("{:.decimals$}", mean.value))
}

fn with_error(mean: Option<TrialMean>) -> String {
    match mean {
        None => none(),
        Some(TrialMean { value, error: None }) => format!("{value:.1}"),
        Some(TrialMean {
            value,
            error: Some(error),
        }) => format!("{value:.1} ± {error:.1}"),
    }
}

fn reach(goal: Goal) -> String {
    match goal.reach {
        Bound::Percent(most) => format!("{most}"),
        Bound::OverProportional(most) => format!("prop + {most}"),
    }
}

fn verdict_text(verdict: &RowVerdict) -> String {
    match (verdict.faults.is_empty(), verdict.aim) {
        (true, true) => "yes, aim".to_owned(),
        (true, false) => "yes".to_owned(),
        (false, _) => format!("no: {}", verdict.faults.join(", ")),
    }
}
