//! Kinds of a stored run by an estimate that is written nowhere.

use super::{AttributeOptions, Method, estimate};
use crate::error::Error;
use crate::rows::{AttributionRow, BalanceRow, KindEnergyRow, KindGroupRow};
use crate::store::Store;

/// What the method `fitted` finds in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimatedKinds {
    /// Method, version and diagnostics, as a row of `attributions` would hold them.
    pub head: Option<AttributionRow>,
    /// The accounts of each rail.
    pub balance: Vec<BalanceRow>,
    /// Energies of kinds on rails that have an estimate.
    pub kinds: Vec<KindEnergyRow>,
    /// Kinds that are known together only.
    pub groups: Vec<KindGroupRow>,
}

/// Estimates the kinds of run number `run`. The file is read only.
///
/// # Errors
/// When nothing in the run can be estimated (its power is modelled, or it has no single
/// spans), or the file cannot be read.
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
