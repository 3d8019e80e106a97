//! Rows of totals: changed ones during a run, all at its end.

use energy_data::rows::AttributionRows;

use crate::conserve;
use crate::ledger::entries::Ledger;
use crate::ledger::rail_account::RailAccount;
use crate::ledger::shown::ShownTotals;
use crate::prices::{EstimateMetadata, RailEstimates};
use crate::report::balance::{balance, nodes_balance};
use crate::report::finished::{Finished, RailTotal};
use crate::report::head::head;
use crate::report::kinds::kind_rows;
use crate::report::nodes::node_rows;
use crate::report::phases::phase_rows;
use crate::report::warnings::warn_of_totals;
use crate::windows::inputs::RunInputs;

/// Adds rows of changed totals during the run.
pub(crate) fn add_changed(
    rows: &mut AttributionRows,
    ledger: &mut Ledger,
    inputs: &RunInputs,
    estimates: Option<&RailEstimates>,
    now: i64,
) {
    let until = |rail: &RailAccount| rail.closed_until;
    rail_rows(rows, ledger, inputs, (estimates, false), until);
    phase_rows(&mut rows.phase_energy, ledger, inputs, now);
}

/// Adds all rows of totals at the end of the run.
pub(crate) fn add_all(
    rows: &mut AttributionRows,
    ledger: &mut Ledger,
    inputs: &RunInputs,
    (metadata, estimates): (Option<&EstimateMetadata>, Option<&RailEstimates>),
    end: i64,
) -> Finished {
    let totals = rail_rows(rows, ledger, inputs, (estimates, true), |_| end);
    phase_rows(&mut rows.phase_energy, ledger, inputs, end);
    if let Some(estimates) = estimates {
        kind_rows(rows, ledger, inputs, estimates);
    }
    let head = head(ledger, inputs, metadata, &totals);
    let diagnostics = head.diagnostics.clone();
    rows.head = Some(head);
    let sums_balance = ledger.rails.iter().all(nodes_balance);
    warn_of_totals(ledger, inputs, &totals, end);
    let rails_balance = totals
        .iter()
        .all(|t| conserve::balances(&t.balance.accounts));
    Finished {
        balanced: ledger.counters.unbalanced_windows == 0 && rails_balance && sums_balance,
        worst_imbalance: ledger.counters.worst_imbalance,
        rails: totals,
        events: ledger.events.take(),
        diagnostics,
    }
}

/// Adds the balance and the nodes of each rail until the time that `until` returns: changed
/// nodes, or all. Returns the totals of the rails.
fn rail_rows(
    rows: &mut AttributionRows,
    ledger: &mut Ledger,
    inputs: &RunInputs,
    (estimates, with_all): (Option<&RailEstimates>, bool),
    until: impl Fn(&RailAccount) -> i64,
) -> Vec<RailTotal> {
    let mut totals = Vec::with_capacity(inputs.rails.len());
    for (at, rail) in inputs.rails.iter().enumerate() {
        let shown = ShownTotals::of(&ledger.rails[at], rail);
        let until = until(&ledger.rails[at]);
        let total = balance(ledger, inputs, at, &shown, until);
        rows.balance.push(total.balance);
        let estimate = estimates.and_then(|rails| rails.get(&rail.row.id));
        let account = (&mut ledger.rails[at], rail);
        let selection = (&shown, with_all);
        node_rows(&mut rows.node_energy, account, inputs, estimate, selection);
        totals.push(total);
    }
    totals
}
