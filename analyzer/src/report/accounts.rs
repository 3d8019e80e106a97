//! Chart: where each rail's energy went.

use std::collections::HashMap;

use serde::Serialize;

use super::name::name;
use crate::query::{Balance, RailPower};

/// The accounts of one rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Accounts {
    /// The rail.
    pub(super) rail: String,
    /// Whether it is summed for totals.
    pub(super) is_root: bool,
    /// The rail that contains it.
    pub(super) part_of: Option<String>,
    /// Measured, modelled or replayed.
    pub(super) provenance: String,
    /// What the sensor gave.
    pub(super) measured_j: Option<f64>,
    /// Its parts; one that nobody knows is none.
    pub(super) accounts: Vec<Account>,
    /// By how much they miss what was measured, if by more than rounding.
    pub(super) fault_j: Option<f64>,
    /// Supposed for time without samples; beside the accounts.
    pub(super) extrapolated_j: Option<f64>,
    /// Share of the run's time that samples cover.
    pub(super) coverage: Option<f64>,
    /// Idle power.
    pub(super) idle_w: Option<f64>,
    /// Mean power of the whole recording.
    pub(super) avg_w: Option<f64>,
    /// Highest mean power of a sample.
    pub(super) peak_w: Option<f64>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Account {
    /// Its name.
    pub(super) name: &'static str,
    /// Its energy; signed, and none where it is not known.
    pub(super) energy_j: Option<f64>,
}

pub(super) fn accounts(
    balance: &[Balance],
    powers: &[RailPower],
    idle_w: &HashMap<i64, f64>,
) -> Vec<Accounts> {
    let of = |(rail, power): (&Balance, &RailPower)| Accounts {
        rail: name(&rail.rail),
        is_root: rail.is_root,
        part_of: rail.parent.as_deref().map(name),
        provenance: name(&rail.provenance),
        measured_j: rail.measured_j,
        accounts: rail
            .accounts()
            .map(|(name, energy_j)| Account { name, energy_j })
            .into(),
        fault_j: rail.fault_j(),
        extrapolated_j: rail.extrapolated_j,
        coverage: rail.coverage,
        idle_w: idle_w.get(&rail.id).copied(),
        avg_w: power.avg_w,
        peak_w: rail.peak_w,
    };
    balance.iter().zip(powers).map(of).collect()
}
