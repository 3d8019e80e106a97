//! Baselines and checks as answers.

use serde_json::{Value, json};

use super::{Checked, Outcome, Saved};
use crate::compare::stats::Layout;
use crate::compare::{Per, Power};
use crate::format::{Answer, Column, Sheet, counted, escape, percent};
use crate::warn::condition_sheets;

/// Kinds that people are shown.
const SHOWN: usize = 12;

/// All baselines of a recording.
pub fn listed(all: &[Saved]) -> Answer {
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
        Column::moment("first_unix_ns", "from"),
        Column::moment("last_unix_ns", "to").from_width(100),
        Column::text("host", "host").from_width(100),
        Column::text("command", "command"),
        Column::data("output_tokens"),
    ];
    let sheet = Sheet::new("baselines", "", columns, all.iter().map(row));
    let answer = Answer::new("baseline list", "").sheet(sheet);
    match all.is_empty() {
        true => answer.note("No baselines yet: make one with `energy baseline save`."),
        false => answer,
    }
}

/// A check that is over.
pub fn checked(done: &Checked) -> Answer {
    let verdict = &done.verdict;
    let per = done.compared.per;
    let undecided = done.compared.undecided();
    let title = format!(
        "{}: {}{}, {}",
        escape(&done.baseline),
        verdict.outcome.words(),
        if undecided.is_empty() {
            ""
        } else {
            ": coverage"
        },
        per.unit()
    );
    let mut answer = Answer::new("baseline check", title)
        .with("baseline", json!(done.baseline))
        .with("group", json!(done.group))
        .with("outcome", json!(verdict.outcome))
        .with("reason", json!(verdict.total.reason))
        .with("fail_above", json!(done.limits.above))
        .with("fail_node_above", json!(done.limits.node_above))
        .with("power", json!(done.compared.power))
        .with("kinds_by", json!(done.compared.kind_basis.by))
        .with("kinds_by_why", json!(done.compared.kind_basis.why))
        .with("looks", json!(done.looks.0))
        .with("looks_planned", json!(done.looks.1))
        .sheet(totals(done))
        .sheet(sides(done))
        .sheet(nodes(done));
    for sheet in condition_sheets(&done.compared.warnings, "side") {
        answer = answer.sheet(sheet);
    }
    if done.compared.power != Power::Measured {
        let power = match done.compared.power {
            Power::Modelled => "by modelled power (CPU time), not measured",
            _ => "by power replayed from recordings",
        };
        answer = answer.caution(format!("All figures are {power}."));
    }
    reasons(done).into_iter().fold(answer, Answer::note)
}

fn totals(done: &Checked) -> Sheet {
    let total = &done.verdict.total;
    let mean = |side: usize| {
        let runs = done.compared.figures.get(side)?;
        let energies: Option<Vec<f64>> = runs.iter().map(|run| run.energy_j).collect();
        let energies = energies.filter(|all| !all.is_empty())?;
        let ln: f64 = energies.iter().map(|joules| joules.ln()).sum();
        Some((ln / energies.len() as f64).exp()).filter(|mean| mean.is_finite())
    };
    let row = json!({
        "what": per_name(done.compared.per),
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

const fn per_name(per: Per) -> &'static str {
    match per {
        Per::Run => "a run",
        Per::Token => "a token",
        Per::InputToken => "a token read",
        Per::OutputToken => "a token sampled",
    }
}

/// Both sides with their intervals and coverage.
fn sides(done: &Checked) -> Sheet {
    let rows = done
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

fn nodes(done: &Checked) -> Sheet {
    let row = |node: &super::Node| -> Value {
        let mut row = json!(node);
        row["shown"] = json!(crate::summary::kinds_name(
            std::slice::from_ref(&node.kind),
            30
        ));
        row["verdict"] = json!(node.is_regression.then_some("WORSE"));
        row
    };
    let columns = vec![
        Column::path("kind", "kind"),
        Column::energy("base_j", "baseline"),
        Column::energy("check_j", "now"),
        Column::percent("of_run", "of run"),
        Column::number("ratio", "to rest"),
        Column::range("lo", "hi", "interval"),
        Column::text("verdict", "").from_width(1),
        Column::data("is_regression"),
    ];
    let shown = done.verdict.nodes.iter().take(SHOWN);
    Sheet::new(
        "nodes",
        "Kinds of spans, against the rest of their runs",
        columns,
        shown.map(row),
    )
}

/// Why it came to this, and what it rests on.
fn reasons(done: &Checked) -> Vec<String> {
    let (verdict, limits) = (&done.verdict, &done.limits);
    let mut notes = Vec::new();
    for node in verdict.nodes.iter().filter(|node| node.is_regression) {
        let more = |ratio: Option<f64>| percent(ratio.map(|ratio| ratio - 1.0));
        notes.push(format!(
            "{} needs {} more against the rest of its run (at least {}, allowed {}): {} of a run.",
            escape(&node.kind),
            more(node.ratio),
            more(node.lo),
            percent(Some(limits.node_above)),
            percent(node.of_run)
        ));
    }
    match &done.compared.kinds.left_out {
        Some(why) => notes.push(format!("Kinds of spans are not compared: {why}.")),
        None => notes.extend(done.compared.kind_basis.note()),
    }
    let total = &verdict.total;
    let undecided = done.compared.undecided();
    if !undecided.is_empty() {
        notes.extend(undecided);
        return notes;
    }
    notes.push(match (verdict.outcome, total.lo, total.hi) {
        (Outcome::Undecided, _, Some(hi)) => format!(
            "Whether a run needs more than {} above the baseline cannot be told: it may be {}.",
            percent(Some(limits.above)),
            percent(Some(hi - 1.0))
        ),
        (Outcome::Undecided, ..) => "Too few runs to tell: make three at least.".to_owned(),
        (Outcome::Pass, _, Some(hi)) => {
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
        _ => "The run as a whole is not shown to need more than is allowed.".to_owned(),
    });
    if total.layout == Layout::Apart {
        notes.push(
            "Baseline and check were recorded apart, which widens the interval of the total: \
             with --base-command the old program runs in turn with the new one."
                .to_owned(),
        );
    }
    let (looks, planned) = done.looks;
    notes.push(format!(
        "{} of {planned}, each of {:.1} %; {} were compared.",
        counted(looks, "look"),
        total.confidence * 100.0,
        counted(total.samples[0] + total.samples[1], "run")
    ));
    notes
}
