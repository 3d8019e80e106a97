//! The check that no joule is lost:
//! `measured = idle + spans + unattributed + other processes + profiler + residual + unknown`.

use energy_data::rows::Accounts;

/// Tolerance of the balance, relative to the largest account.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// Returns the measured energy minus all accounts except `residual`.
pub fn remainder_j(accounts: &Accounts) -> f64 {
    let parts = parts(accounts);
    accounts.measured_j - parts.into_iter().sum::<f64>()
}

/// Returns the difference between accounts and measured energy, relative to the largest
/// account.
pub fn imbalance(accounts: &Accounts) -> f64 {
    ratio(remainder_j(accounts) - accounts.residual_j, accounts)
}

/// Returns `amount` relative to the largest account.
pub(crate) fn ratio(amount: f64, accounts: &Accounts) -> f64 {
    let parts = parts(accounts).into_iter();
    let largest = parts.fold(accounts.measured_j.abs(), |most, part| most.max(part.abs()));
    if amount == 0.0 {
        0.0
    } else {
        amount.abs() / largest
    }
}

/// Whether the accounts balance; false if any is not a number.
pub fn balances(accounts: &Accounts) -> bool {
    imbalance(accounts) <= TOLERANCE
}

fn parts(accounts: &Accounts) -> [f64; 6] {
    [
        accounts.idle_j.unwrap_or(0.0),
        accounts.spans_j,
        accounts.unattributed_j.unwrap_or(0.0),
        accounts.other_processes_j.unwrap_or(0.0),
        accounts.profiler_j.unwrap_or(0.0),
        accounts.unknown_j.unwrap_or(0.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_joule_is_detected() {
        let mut accounts = Accounts {
            measured_j: 10.0,
            idle_j: Some(4.0),
            spans_j: 5.0,
            unattributed_j: None,
            residual_j: 1.0,
            ..Accounts::default()
        };
        assert!(balances(&accounts));
        accounts.residual_j = 0.0;
        assert!(!balances(&accounts));
        assert_eq!(remainder_j(&accounts), 1.0);
        accounts.spans_j = f64::NAN;
        assert!(!balances(&accounts));
    }
}
