//! Warnings about totals: idle power that is not the run's, residual energy, and rails that
//! draw more than their parent rail.

use crate::ledger::entries::Ledger;
use crate::ledger::rail_account::RailAccount;
use crate::report::finished::RailTotal;
use crate::windows::inputs::RunInputs;
use crate::windows::rail::RailInfo;

/// Share of the measured energy above which a residual gets a warning.
const RESIDUAL_FROM: f64 = 0.1;
/// Relative tolerance between the sensors of a rail and its parent.
const PART_TOLERANCE: f64 = 0.02;

/// Adds warnings about the totals of a run that ended at `end`.
pub(crate) fn warn_of_totals(
    ledger: &mut Ledger,
    inputs: &RunInputs,
    totals: &[RailTotal],
    end: i64,
) {
    for (at, total) in totals.iter().enumerate() {
        let rail = &inputs.rails[at];
        let warnings = [
            ("idle_unknown", idle_warning(&ledger.rails[at], rail, total)),
            ("residual", residual_warning(rail, total)),
            ("part_above_whole", part_warning(&inputs.rails, at, totals)),
        ];
        for (kind, message) in warnings {
            if let Some(message) = message {
                ledger.events.add(end, kind, message);
            }
        }
    }
}

fn idle_warning(account: &RailAccount, rail: &RailInfo, total: &RailTotal) -> Option<String> {
    let idle = account
        .tested_idle(rail)
        .filter(|_| total.baseline_above_run)?;
    let why = match account.is_estimated {
        true => "outside spans the rail drew more than the mean of the run",
        false => "other work drew power during the baseline; record again on an idle machine",
    };
    Some(format!(
        "idle energy of rail {} is unknown: its idle power of {} is above the mean of the \
         run, {}; {why}",
        rail.row.name,
        watts(idle.watts),
        watts(mean_w(total)?)
    ))
}

fn residual_warning(rail: &RailInfo, total: &RailTotal) -> Option<String> {
    let accounts = &total.balance.accounts;
    let share = accounts.residual_j.abs() / accounts.measured_j.abs();
    let why = match (
        accounts.residual_j > 0.0,
        accounts.unattributed_j,
        accounts.unknown_j,
    ) {
        (true, None, None) => {
            "without CPU times, energy of time without spans is assigned to no process"
        }
        (true, ..) => "the method does not explain it",
        (false, ..) => "idle power was measured too high, or the rail drew less during the run",
    };
    (share > RESIDUAL_FROM && share.is_finite()).then(|| {
        format!(
            "{:.0} % of the energy of rail {} is residual: {why}",
            100.0 * accounts.residual_j / accounts.measured_j,
            rail.row.name
        )
    })
}

/// Compares mean powers, because a rail and its parent may have different gaps.
fn part_warning(rails: &[RailInfo], at: usize, totals: &[RailTotal]) -> Option<String> {
    let row = &rails[at].row;
    let whole = rails
        .iter()
        .position(|rail| Some(rail.row.id) == row.parent)?;
    let (part_w, whole_w) = (mean_w(&totals[at])?, mean_w(totals.get(whole)?)?);
    let is_above = part_w > whole_w * (1.0 + PART_TOLERANCE) && part_w > whole_w + 1e-9;
    is_above.then(|| {
        format!(
            "rail {} drew {}, more than its parent rail {} ({}): one of them does not measure \
             what its name suggests; compare them with `energy doctor`",
            row.name,
            watts(part_w),
            rails[whole].row.name,
            watts(whole_w)
        )
    })
}

fn mean_w(total: &RailTotal) -> Option<f64> {
    let seconds = total.covered_ns as f64 / 1e9;
    (seconds > 0.0).then(|| total.balance.accounts.measured_j / seconds)
}

fn watts(power: f64) -> String {
    format!("{power:.2} W")
}
