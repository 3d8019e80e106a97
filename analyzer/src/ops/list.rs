//! Data of the list of operations.

use clap::Args;

use crate::error::Result;
use crate::query::{self, Balance, ExpertChoices, GroupBy, Recording, Run, Share};
use crate::views::ViewScope;

/// Options of the list.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct OpsOptions {
    /// Part of the run.
    #[command(flatten)]
    pub scope: ViewScope,
    /// Level at which energies are summed
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t)]
    pub by: GroupBy,
    /// Show operations that cannot be distinguished as one, joined by `+`
    #[arg(long)]
    pub groups: bool,
    /// Maximum number of rows in a table (0 lists all); the others are summed in one row
    #[arg(long, value_name = "N", default_value_t = Self::default().limit)]
    pub limit: usize,
}

impl Default for OpsOptions {
    fn default() -> Self {
        Self {
            scope: ViewScope::default(),
            by: GroupBy::default(),
            groups: false,
            limit: 30,
        }
    }
}

/// Energies of a run's operations.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationList {
    pub(super) run: Run,
    pub(super) by: GroupBy,
    pub(super) scope: ViewScope,
    pub(super) limit: usize,
    pub(super) rails: Vec<String>,
    /// Share of the run's time covered by samples.
    pub(super) coverage: Option<f64>,
    pub(super) method: String,
    /// Shares, highest energy first.
    pub shares: Vec<Share>,
    /// Energy outside of spans, over the whole run.
    pub accounts: AccountEnergies,
    /// Choices of a mixture of experts over the whole run; empty for other models.
    pub experts: Vec<ExpertChoices>,
}

/// Energy outside of spans, in joules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccountEnergies {
    /// Measured energy.
    pub measured_j: f64,
    /// Baseline power times duration, if known.
    pub idle_j: Option<f64>,
    /// Sum of the accounts unattributed, other processes, profiler, residual and unknown.
    pub other_accounts_j: f64,
    /// Active energy estimated for time without samples, not part of the shares.
    pub extrapolated_j: f64,
}

impl OperationList {
    /// Reads the list.
    ///
    /// # Errors
    /// If the file cannot be read, the run was not attributed, or there is no such rail or
    /// phase.
    pub fn read(recording: &Recording, run: Run, options: &OpsOptions) -> Result<Self> {
        let attributions = query::attributions(recording, &run)?;
        let Some(attribution) = attributions.into_iter().find(|one| one.is_shown) else {
            return Err(run.not_attributed());
        };
        let scope = options.scope.clone();
        let (rail, phase) = (scope.rail.as_deref(), scope.phase.as_deref());
        let (by, groups) = (options.by, options.groups);
        let mut shares = query::shares_within(recording, &run, rail, phase, by, groups)?;
        shares.retain(|share| scope.wants(share.basis));
        let rails = query::rails(recording, &run, rail)?;
        let mut balance = query::balance(recording, &run)?;
        balance.retain(|of| rails.contains(&of.id));
        Ok(Self {
            accounts: accounts(&balance, &shares),
            coverage: query::run_coverage(recording, &run)?,
            experts: query::expert_choices(recording, &run)?,
            rails: balance.into_iter().map(|of| of.rail).collect(),
            method: attribution.title(),
            by,
            limit: match options.limit {
                0 => usize::MAX,
                limit => limit,
            },
            scope,
            shares,
            run,
        })
    }

    /// Returns the accounts, if the list covers the whole run.
    pub(super) fn whole(&self) -> Option<&AccountEnergies> {
        let is_part = self.scope.phase.is_some() || self.scope.basis.is_some();
        (!is_part).then_some(&self.accounts)
    }
}

impl AccountEnergies {
    /// Returns names and energies in display order.
    pub(super) fn rows(&self) -> [(&'static str, Option<f64>); 3] {
        [
            ("(idle)", self.idle_j),
            ("(other accounts)", Some(self.other_accounts_j)),
            ("(extrapolated)", Some(self.extrapolated_j)),
        ]
    }
}

/// Sums the accounts. Idle energy is only known if it is known on each rail.
fn accounts(balance: &[Balance], shares: &[Share]) -> AccountEnergies {
    // An empty sum is -0.0, which would be shown with its sign.
    let sum = |of: fn(&Balance) -> Option<f64>| balance.iter().filter_map(of).sum::<f64>() + 0.0;
    let idle_j = query::sum_known(balance.iter().map(|rail| rail.idle_j));
    let other_idle_j = match idle_j {
        None => sum(|rail| rail.idle_j),
        Some(_) => 0.0,
    };
    AccountEnergies {
        measured_j: sum(|rail| rail.measured_j),
        idle_j,
        // Otherwise idle energy that is only known on some rails would be lost.
        other_accounts_j: other_idle_j
            + sum(|rail| rail.unattributed_j)
            + sum(|rail| rail.other_processes_j)
            + sum(|rail| rail.profiler_j)
            + sum(|rail| rail.residual_j)
            + sum(|rail| rail.unknown_j),
        extrapolated_j: shares.iter().map(|s| s.extrapolated_j).sum::<f64>() + 0.0,
    }
}
