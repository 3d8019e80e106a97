//! Output of baselines and checks.

use serde_json::{Value, json};

use super::{CheckOutcome, Checked, Saved};
use crate::compare::stats::SessionLayout;
use crate::compare::{EnergyDivisor, PowerOrigin};
use crate::conditions::condition_sheets;
use crate::format::{Answer, Column, Sheet, counted, escape, percent};

/// Number of kinds shown.
const SHOWN: usize = 12;

/// Lists baselines.
pub fn list_answer(all: &[Saved]) -> Answer {
    let row = |saved: &Saved| {
        let tokens: Option<Vec<i64>> = saved
            .runs
            .iter()
            .map(|run| run.row.metadata.output_tokens)
            .collect();
        json!({
            "name": saved.name,
            "runs": saved.runs.len(),
            "first_unix_ns": saved.runs.first().map(|run| run.row.start_unix_ns),
            "last_unix_ns": saved.runs.last().map(|run| run.row.start_unix_ns),
            "output_tokens": tokens.map(|tokens| tokens.iter().sum::<i64>()),
            "host": saved.runs.first().and_then(|run| run.row.host.clone()),
            "command": saved.command.as_ref().map(|words| words.join(" ")),
        })
    };
    let columns = vec![
        Column::text("name", "baseline"),
        Column::count("runs", "runs"),
        Column::date_time("first_unix_ns", "from"),
        Column::date_time("last_unix_ns", "to").from_width(100),
        Column::text("host", "host").from_width(100),
        Column::text("command", "command"),
        Column::data("output_tokens"),
    ];
    let sheet = Sheet::new("baselines", "", columns, all.iter().map(row));
    let answer = Answer::new("baseline list", "").sheet(sheet);
    match all.is_empty() {
        true => answer.note("No baselines yet: save one with `energy baseline save`."),
        false => answer,
    }
}

/// Shows the result of a check.
pub fn check_answer(checked: &Checked) -> Answer {
    let verdict = &checked.verdict;
    let per = checked.compared.per;
    let undecided = checked.compared.undecided();
    let title = format!(
        "{}: {}{}, {}",
        escape(&checked.baseline),
        verdict.outcome.text(),
        if undecided.is_empty() {
            ""
        } else {
            ": coverage"
        },
        per.unit()
    );
    let mut answer = Answer::new("baseline check", title)
        .with("baseline", json!(checked.baseline))
        .with("group", json!(checked.group))
        .with("outcome", json!(verdict.outcome))
        .with("reason", json!(verdict.total.reason))
        .with("fail_above", json!(checked.limits.above))
        .with("fail_node_above", json!(checked.limits.node_above))
        .with("power", json!(checked.compared.power))
        .with("kinds_by", json!(checked.compared.kind_basis.by))
        .with("kinds_by_why", json!(checked.compared.kind_basis.why))
        .with("analyses", json!(checked.analyses.0))
        .with("analyses_planned", json!(checked.analyses.1))
        .sheet(totals(checked))
        .sheet(sides(checked))
        .sheet(nodes(checked));
    for sheet in condition_sheets(&checked.compared.warnings, "side") {
        answer = answer.sheet(sheet);
    }
    if checked.compared.power != PowerOrigin::Measured {
        let power = match checked.compared.power {
            PowerOrigin::Modelled => "modelled (CPU time), not measured",
            _ => "replayed from recordings",
        };
        answer = answer.caution(format!("All energies are {power}."));
    }
    reasons(checked).into_iter().fold(answer, Answer::note)
}

fn totals(checked: &Checked) -> Sheet {
    let total = &checked.verdict.total;
    let mean = |side: usize| {
        let runs = checked.compared.figures.get(side)?;
        let energies: Option<Vec<f64>> = runs.iter().map(|run| run.energy_j).collect();
        let energies = energies.filter(|all| !all.is_empty())?;
        let ln: f64 = energies.iter().map(|joules| joules.ln()).sum();
        Some((ln / energies.len() as f64).exp()).filter(|mean| mean.is_finite())
    };
    let row = json!({
        "what": per_name(checked.compared.per),
        "runs_base": total.samples[0],
        "runs_check": total.samples[1],
        "base_j": mean(0),
        "check_j": mean(1),
        "ratio": total.ratio,
        "lo": total.lo,
        "hi": total.hi,
        "confidence": total.confidence,
        "p": total.p,
        "layout": total.layout,
        "verdict": total.verdict,
    });
    let columns = vec![
        Column::text("what", ""),
        Column::count("runs_base", "runs"),
        Column::energy("base_j", "baseline"),
        Column::count("runs_check", "runs"),
        Column::energy("check_j", "now"),
        Column::number("ratio", "ratio"),
        Column::range("lo", "hi", "interval"),
        Column::data("confidence"),
        Column::data("p"),
        Column::data("layout"),
        Column::data("verdict"),
    ];
    Sheet::new("total", "", columns, [row])
}

const fn per_name(per: EnergyDivisor) -> &'static str {
    match per {
        EnergyDivisor::Run => "per run",
        EnergyDivisor::Token => "per token",
        EnergyDivisor::InputToken => "per prompt token",
        EnergyDivisor::OutputToken => "per generated token",
    }
}

/// Lists both sides with their intervals and coverage.
fn sides(checked: &Checked) -> Sheet {
    let rows = checked
        .compared
        .side_rows(None)
        .into_iter()
        .zip(["baseline", "now"]);
    let rows = rows.map(|(mut row, name)| {
        row["what"] = json!(name);
        row
    });
    let columns = vec![
        Column::text("what", ""),
        Column::count("runs", "runs"),
        Column::energy("energy_j", "energy"),
        Column::interval("lo_j", "hi_j", "90 %"),
        Column::percent("coverage", "coverage"),
    ];
    Sheet::new("sides", "Totals as attributed", columns, rows)
}

fn nodes(checked: &Checked) -> Sheet {
    let row = |node: &super::KindVerdict| -> Value {
        let mut row = json!(node);
        row["shown"] = json!(crate::summary::kinds_name(
            std::slice::from_ref(&node.kind),
            30
        ));
        row["verdict"] = json!(node.is_regression.then_some("WORSE"));
        row
    };
    let columns = vec![
        Column::path("kind", "operation"),
        Column::energy("base_j", "baseline"),
        Column::energy("check_j", "now"),
        Column::percent("of_run", "of run"),
        Column::number("ratio", "relative"),
        Column::range("lo", "hi", "interval"),
        Column::text("verdict", "").from_width(1),
        Column::data("is_regression"),
    ];
    let shown = checked.verdict.nodes.iter().take(SHOWN);
    Sheet::new(
        "nodes",
        "Operations, relative to the remainder of their runs",
        columns,
        shown.map(row),
    )
}

/// Returns the reasons for the outcome.
fn reasons(checked: &Checked) -> Vec<String> {
    let (verdict, limits) = (&checked.verdict, &checked.limits);
    let mut notes = Vec::new();
    for node in verdict.nodes.iter().filter(|node| node.is_regression) {
        let more = |ratio: Option<f64>| percent(ratio.map(|ratio| ratio - 1.0));
        notes.push(format!(
            "{} needs {} more relative to the remainder of its run (at least {}, allowed {}): {} of a run.",
            escape(&node.kind),
            more(node.ratio),
            more(node.lo),
            percent(Some(limits.node_above)),
            percent(node.of_run)
        ));
    }
    match &checked.compared.kinds.left_out {
        Some(why) => notes.push(format!("Operations are not compared: {why}.")),
        None => notes.extend(checked.compared.kind_basis.note()),
    }
    let total = &verdict.total;
    let undecided = checked.compared.undecided();
    if !undecided.is_empty() {
        notes.extend(undecided);
        return notes;
    }
    notes.push(match (verdict.outcome, total.lo, total.hi) {
        (CheckOutcome::Undecided, _, Some(hi)) => format!(
            "Undecided whether a run exceeds the baseline by more than {}: it may be {}.",
            percent(Some(limits.above)),
            percent(Some(hi - 1.0))
        ),
        (CheckOutcome::Undecided, ..) => "Too few runs: record at least three.".to_owned(),
        (CheckOutcome::Pass, _, Some(hi)) => {
            format!(
                "A run needs at most {} more.",
                percent(Some((hi - 1.0).max(0.0)))
            )
        }
        (_, Some(lo), _) if lo > 1.0 + limits.above => format!(
            "A run needs at least {} more; {} is allowed.",
            percent(Some(lo - 1.0)),
            percent(Some(limits.above))
        ),
        _ => "The total does not significantly exceed the limit.".to_owned(),
    });
    if total.layout == SessionLayout::Apart {
        notes.push(
            "Baseline and check were recorded in different sessions, which widens the interval \
             of the total: with --base-command executions of both programs are interleaved."
                .to_owned(),
        );
    }
    let (analyses, planned) = checked.analyses;
    notes.push(format!(
        "Analysis {analyses} of {planned}, each with {:.1} % confidence; {} compared.",
        total.confidence * 100.0,
        counted(total.samples[0] + total.samples[1], "run")
    ));
    notes
}
