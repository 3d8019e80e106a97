//! Reads the accounts of rails, and rounds them so that they sum to the measured energy.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::nanojoules::{apportion, is_sum, nanojoules};
use crate::query::{Recording, Run};

/// Accounts of one rail, in joules.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RailAccounts {
    /// Time of the accounts.
    pub(super) duration_ns: Option<i64>,
    pub(super) covered_ns: Option<i64>,
    pub(super) measured_j: Option<f64>,
    /// From `idle_j` to `unknown_j`.
    pub(super) parts_j: [Option<f64>; 7],
    pub(super) extrapolated_j: Option<f64>,
}

/// Position of `spans_nj` among the values of an account entry.
pub(super) const SPANS_AT: usize = 4;
/// Position of the spans' account among the parts.
const SPANS_PART: usize = 1;

impl RailAccounts {
    /// Returns the spans' account in joules.
    pub(super) fn spans_j(&self) -> Option<f64> {
        self.parts_j[SPANS_PART]
    }

    /// Rounds the accounts in the order of the columns. `None` if the measured energy or an account
    /// is not a number that fits, or if the accounts do not sum to the measured energy.
    pub(super) fn rounded(&self) -> Option<Vec<Option<i64>>> {
        let measured_j = self.measured_j?;
        let measured_nj = nanojoules(measured_j)?;
        let known: Vec<f64> = self.parts_j.iter().flatten().copied().collect();
        if !is_sum(measured_j, known.iter().copied()) {
            return None;
        }
        let mut parts = apportion(measured_nj, &known)?.into_iter();
        let mut values = vec![self.duration_ns, self.covered_ns, Some(measured_nj)];
        values.extend(
            self.parts_j
                .iter()
                .map(|part| part.and_then(|_| parts.next())),
        );
        values.push(self.extrapolated_j.and_then(nanojoules));
        Some(values)
    }
}

/// Reads the accounts by rail.
pub(super) fn accounts(recording: &Recording, run: &Run) -> Result<BTreeMap<i64, RailAccounts>> {
    let sql = "
        SELECT rail, duration_ns, covered_ns, measured_j, idle_j, spans_j, unattributed_j,
               other_processes_j, profiler_j, residual_j, unknown_j, extrapolated_j
        FROM balance WHERE run = ?1 AND attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((run.no, run.attribution), |r| {
        let mut parts_j = [None; 7];
        for (at, part) in parts_j.iter_mut().enumerate() {
            *part = r.get(4 + at)?;
        }
        let accounts = RailAccounts {
            duration_ns: r.get(1)?,
            covered_ns: r.get(2)?,
            measured_j: r.get(3)?,
            parts_j,
            extrapolated_j: r.get(11)?,
        };
        Ok((r.get(0)?, accounts))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(measured_j: f64, parts: [f64; 7]) -> RailAccounts {
        RailAccounts {
            duration_ns: Some(1),
            covered_ns: None,
            measured_j: Some(measured_j),
            parts_j: parts.map(|part| (!part.is_nan()).then_some(part)),
            extrapolated_j: Some(0.0),
        }
    }

    #[test]
    fn rounded_accounts_sum_to_the_measured_energy_and_unknown_ones_stay_unknown() {
        let parts = [
            0.1e-9 + 4.0,
            12.4e-9,
            f64::NAN,
            1.3e-9,
            0.4e-9,
            -0.7e-9,
            f64::NAN,
        ];
        let measured = parts.iter().filter(|part| !part.is_nan()).sum();
        let values = accounts(measured, parts).rounded().unwrap();
        let sum: i64 = values[3..10].iter().flatten().sum();
        assert_eq!(Some(sum), values[2]);
        assert_eq!((values[5], values[9]), (None, None));
        assert!(matches!(values[SPANS_AT], Some(12 | 13)));
    }

    #[test]
    fn energies_that_are_no_numbers_or_do_not_balance_are_refused() {
        let parts = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert!(accounts(1.0, parts).rounded().is_some());
        assert_eq!(accounts(2.0, parts).rounded(), None);
        assert_eq!(accounts(f64::INFINITY, parts).rounded(), None);
    }
}
