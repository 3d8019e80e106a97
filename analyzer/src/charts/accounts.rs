//! Chart: energy accounts of each rail.

use std::collections::HashMap;

use serde::Serialize;

use super::name::name;
use crate::query::{Balance, RailPower};

/// The accounts of one rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RailAccounts {
    /// The rail.
    pub rail: String,
    /// Whether it is included in totals.
    pub is_root: bool,
    /// Its parent rail.
    pub parent_rail: Option<String>,
    /// Measured, modelled or replayed.
    pub provenance: String,
    /// Measured energy.
    pub measured_j: Option<f64>,
    /// Its accounts, with `None` for unknown energies.
    pub accounts: Vec<Account>,
    /// Difference between the accounts' sum and the measured energy, if it exceeds rounding.
    pub fault_j: Option<f64>,
    /// Extrapolated for time without samples; not included in the accounts.
    pub extrapolated_j: Option<f64>,
    /// Share of the run's time covered by samples.
    pub coverage: Option<f64>,
    /// Idle power.
    pub idle_w: Option<f64>,
    /// Mean power of the whole recording.
    pub avg_w: Option<f64>,
    /// Highest mean power of a sample.
    pub peak_w: Option<f64>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    /// Its name.
    pub name: &'static str,
    /// Its signed energy; `None` if unknown.
    pub energy_j: Option<f64>,
}

/// Returns the accounts of each rail; `powers` are in the order of `balance`, idle powers by rail.
pub fn accounts(
    balance: &[Balance],
    powers: &[RailPower],
    idle_w: &HashMap<i64, f64>,
) -> Vec<RailAccounts> {
    let of = |(rail, power): (&Balance, &RailPower)| RailAccounts {
        rail: name(&rail.rail),
        is_root: rail.is_root,
        parent_rail: rail.parent.as_deref().map(name),
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
