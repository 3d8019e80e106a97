//! The account of one rail: its sums, its energy by set of phases, and its gaps.

use crate::idle_power::IdlePower;
use crate::ledger::pruned_gap::PrunedGap;
use crate::ledger::rail_sums::RailSums;
use crate::ledger::scatter::Scatter;
use crate::ledger::set_energy::SetEnergies;
use crate::windows::rail::RailInfo;

/// One rail's closed windows.
#[derive(Debug, Default)]
pub(crate) struct RailAccount {
    pub(crate) sums: RailSums,
    /// Energies by set of open phases.
    pub(crate) phases: SetEnergies,
    /// Powers of all its windows.
    pub(crate) scatter: Scatter,
    /// Whether windows are attributed by an estimate.
    pub(crate) is_estimated: bool,
    /// Whether the last window had no energy.
    pub(crate) was_null: bool,
    /// End of the last window.
    pub(crate) closed_until: i64,
    /// End of the last window with energy.
    pub(crate) filled_until: i64,
    pub(crate) pruned_gap: PrunedGap,
}

impl RailAccount {
    /// Whether idle power is not that of the run.
    pub(crate) fn is_idle_refuted(&self, rail: &RailInfo) -> bool {
        let is_above_run = || {
            self.tested_idle(rail)
                .is_some_and(|idle| self.sums.powers.refute(&idle))
        };
        rail.is_refuted
            .filter(|_| !self.is_estimated)
            .unwrap_or_else(is_above_run)
    }

    /// Idle power to test against the run: the measured or the estimated one.
    pub(crate) fn tested_idle(&self, rail: &RailInfo) -> Option<IdlePower> {
        let found = |watts| IdlePower {
            watts,
            samples: 0,
            spread_w: None,
        };
        match self.is_estimated {
            true => self.idle_w(rail).map(found),
            false => rail.idle,
        }
    }

    /// Mean idle power; the estimated one if there is an estimate.
    pub(crate) fn idle_w(&self, rail: &RailInfo) -> Option<f64> {
        let (idle_j, idle_ns) = (self.sums.accounts.idle_j, self.sums.idle_ns);
        let accounted = idle_j.filter(|_| idle_ns > 0);
        let accounted = accounted.map(|energy| energy / (idle_ns as f64 / 1e9));
        accounted
            .filter(|_| self.is_estimated)
            .or(rail.baseline_w())
    }
}
