//! Estimates the kinds of a stored run without storing the result.

use super::estimate;
use crate::error::Error;
use crate::store::Store;
use energy_data::rows::{AttributionRow, BalanceRow, KindEnergyRow, KindGroupRow};
use energy_data::{AttributeOptions, Method};

/// Result of the method `fitted` for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimatedKinds {
    /// Method, version and diagnostics, as stored in `attributions`.
    pub head: Option<AttributionRow>,
    /// The accounts of each rail.
    pub balance: Vec<BalanceRow>,
    /// Energies of kinds on estimated rails.
    pub kinds: Vec<KindEnergyRow>,
    /// Groups of kinds whose energies are known as a sum only.
    pub groups: Vec<KindGroupRow>,
}

/// Estimates the kinds of run number `run`. The file is read only.
///
/// # Errors
/// Fails if nothing in the run can be estimated (its power is modelled, or it has no single
/// spans), or if the file cannot be read.
pub fn estimate_kinds(store: &Store, run: i64) -> Result<EstimatedKinds, Error> {
    let options = AttributeOptions::new(Method::Fitted);
    let (rows, _) = estimate::rows(store, run, &options, |_| Ok(()))?;
    Ok(EstimatedKinds {
        head: rows.head,
        balance: rows.balance,
        kinds: rows.kind_energy,
        groups: rows.kind_groups,
    })
}
