//! The balance of a rail over the whole run.

use energy_data::rows::BalanceRow;

use crate::conserve;
use crate::ledger::coverage::{Gaps, gaps};
use crate::ledger::entries::Ledger;
use crate::ledger::rail_account::RailAccount;
use crate::ledger::shown::ShownTotals;
use crate::report::finished::RailTotal;
use crate::windows::inputs::RunInputs;

/// Returns the balance of a rail until `until`.
pub(crate) fn balance(
    ledger: &Ledger,
    inputs: &RunInputs,
    at: usize,
    shown: &ShownTotals,
    until: i64,
) -> RailTotal {
    let (account, rail) = (&ledger.rails[at], &inputs.rails[at]);
    let sums = &account.sums;
    let measured_j = shown.accounts.measured_j;
    let (from, to) = ledger.extent(inputs, until);
    let gaps = gaps(account, rail, &inputs.spans.phases, (until, to - from));
    let gaps = Gaps::sum(&gaps);
    let whole_j = measured_j + gaps.energy_j;
    let half_j = gaps.known_j().map(|_| gaps.half_j());
    RailTotal {
        balance: BalanceRow {
            rail: rail.row.id,
            accounts: shown.accounts,
            extrapolated_j: gaps.known_j().unwrap_or(0.0),
            covered_ns: Some(sums.covered_ns),
            duration_ns: Some(to - from),
            lo_j: half_j.map(|half| (whole_j - half).max(measured_j.min(whole_j))),
            hi_j: half_j.map(|half| whole_j + half),
            peak_w: sums.peak.map(|(power, _)| power),
            peak_ns: sums.peak.map(|(_, time)| time),
        },
        covered_ns: sums.covered_ns,
        baseline_above_run: shown.is_idle_refuted,
    }
}

/// Whether the self energies of nodes add up to the rail's `spans`.
pub(crate) fn nodes_balance(account: &RailAccount) -> bool {
    let sums = &account.sums;
    let sum: f64 = sums.nodes.iter().map(|node| node.self_j).sum();
    let size: f64 = sums.nodes.iter().map(|node| node.self_j.abs()).sum();
    (sum - sums.accounts.spans_j).abs() <= conserve::TOLERANCE * size.max(1e-12)
}
