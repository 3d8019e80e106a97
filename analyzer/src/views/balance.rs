//! Energy accounts of each rail, and whether they sum to the measured energy.

use clap::Args;
use serde_json::{Value, json};

use crate::error::Result;
use crate::format::{Answer, Column, Sheet, energy, escape, percent, time_span};
use crate::plausibility;
use crate::query::{self, Balance, Recording, Run, sampled_name};

/// Number of rails side by side.
const RAILS: usize = 4;

/// Options of the list of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct BalanceOptions {
    /// Only this rail; `None` for all.
    #[arg(
        long,
        value_name = "RAIL",
        help = "Only use this rail [default: all rails]"
    )]
    pub rail: Option<String>,
}

/// Lists the accounts of each rail over the whole run.
///
/// # Errors
/// If the file cannot be read, or the rail is unknown.
pub fn balance(recording: &Recording, run: &Run, options: &BalanceOptions) -> Result<Answer> {
    let mut rails = query::balance(recording, run)?;
    if options.rail.is_some() {
        let wanted = query::rails(recording, run, options.rail.as_deref())?;
        rails.retain(|rail| wanted.contains(&rail.id));
    }
    let what = match run.row.end_ns {
        Some(end_ns) => format!(
            "accounts of each rail, whole run of {}",
            time_span(Some(end_ns))
        ),
        None => "accounts of each rail, whole run".to_owned(),
    };
    let mut answer = query::run_answer("balance", &what, recording, run)?;
    for rails in rails.chunks(RAILS) {
        answer = answer.sheet(side_by_side(rails));
    }
    let rows: Vec<Value> = rails.iter().map(row).collect();
    answer = answer.sheet(Sheet::new("rails", "", columns(), rows).data_only());
    let faults: Vec<_> = rails
        .iter()
        .filter_map(|r| Some((r, r.fault_j()?)))
        .collect();
    for (rail, fault) in &faults {
        answer = answer.caution(format!(
            "ACCOUNTS DO NOT BALANCE: {} is off by {}. Run `energy attribute` again.",
            escape(&rail.rail),
            energy(Some(*fault))
        ));
    }
    for violation in plausibility::violations(recording, run)? {
        let what = escape(&violation);
        answer = answer.caution(format!(
            "IMPOSSIBLE: {what}. The energies of this run are not reliable."
        ));
    }
    for rail in rails.iter().filter(|rail| rail.is_assumed()) {
        answer = answer.note(format!(
            "{}: divided by CPU time, which is an assumption.",
            escape(&rail.rail)
        ));
    }
    let is_known = rails.iter().any(|rail| rail.measured_j.is_some());
    Ok(match (rails.is_empty(), is_known, faults.is_empty()) {
        (true, ..) => answer.note("No rail was read: no energy was measured during this run."),
        (_, false, _) => answer.note("The run is not attributed: run `energy attribute`."),
        (_, _, true) => answer.note(format!(
            "idle + spans + unattributed + other processes + profiler + residual + unknown = {}: \
             yes.",
            sampled_name(&rails)
        )),
        _ => answer,
    })
}

fn columns() -> Vec<Column> {
    let energies = [
        "measured_j",
        "idle_j",
        "spans_j",
        "unattributed_j",
        "other_processes_j",
        "profiler_j",
        "residual_j",
        "unknown_j",
        "extrapolated_j",
        "fault_j",
        "lo_j",
        "hi_j",
        "coverage",
    ];
    let texts = ["rail", "source", "parent", "provenance"];
    let texts = texts.into_iter().map(Column::data);
    let energies = energies.into_iter().map(Column::data);
    texts
        .chain(energies)
        .chain(["peak_w", "peak_ns"].map(Column::data))
        .collect()
}

fn row(rail: &Balance) -> Value {
    let mut value = serde_json::to_value(rail).unwrap_or_default();
    value["fault_j"] = json!(rail.fault_j());
    value
}

/// Returns a sheet with a row per account and a column per rail.
fn side_by_side(rails: &[Balance]) -> Sheet {
    const KEYS: [&str; RAILS] = ["rail_1", "rail_2", "rail_3", "rail_4"];
    let mut columns = vec![Column::text("account", "account")];
    let named = KEYS.iter().zip(rails);
    columns.extend(named.map(|(key, rail)| {
        let name = crate::format::shorten(&escape(&rail.rail), 14);
        Column::text(key, name)
    }));
    let line = |name: &str, of: &dyn Fn(&Balance) -> String| {
        let mut line = json!({ "account": name });
        for (key, rail) in KEYS.iter().zip(rails) {
            line[*key] = json!(of(rail));
        }
        line
    };
    let mut rows = vec![line(sampled_name(rails), &|rail| energy(rail.measured_j))];
    let names = rails
        .first()
        .map(|rail| rail.accounts().map(|(name, _)| name));
    for (at, name) in names.into_iter().flatten().enumerate() {
        rows.push(line(&format!("  {name}"), &|rail| {
            energy(rail.displayed_accounts()[at].1)
        }));
    }
    rows.extend([
        line("extrapolated", &|rail| energy(rail.extrapolated_j)),
        line("total", &|rail| energy(rail.total_j())),
        line("  from (90 %)", &|rail| energy(rail.lo_j)),
        line("  to (90 %)", &|rail| energy(rail.hi_j)),
        line("coverage", &|rail| percent(rail.coverage)),
    ]);
    Sheet::new("accounts", "", columns, rows).display_only()
}
