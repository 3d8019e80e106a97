//! What each kind of work cost: a list that sums, with the accounts that are no
//! span's, to what was measured.
//!
//! ```text
//! shares + (idle) + (unattributed) = measured
//! ```
//!
//! What is estimated for time without samples stands in a row of its own and is no part
//! of them.
//!
//! Of a phase or a basis there are shares only: accounts are not known by them.

mod table;

use std::io::Write;

use serde_json::{Value, json};

use crate::ask::Scope;
use crate::error::Result;
use crate::format::Format;
use crate::format::csv::{field, record};
use crate::format::screen::Look;
use crate::query::{self, Balance, By, Recording, Run, Share};

/// Rows that people see unless they ask for more.
const SHOWN: usize = 30;

/// What is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpsOptions {
    /// What is added up.
    pub by: By,
    /// The part of the run.
    pub scope: Scope,
    /// Kinds that cannot be told apart as one.
    pub groups: bool,
    /// Rows that people see, others as one; none: 30, 0: all. Programs get all.
    pub limit: Option<usize>,
}

/// The list of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Ops {
    run: Run,
    by: By,
    scope: Scope,
    limit: usize,
    rails: Vec<String>,
    /// Share of the run's time that samples cover.
    coverage: Option<f64>,
    method: String,
    /// Highest energy first.
    pub shares: Vec<Share>,
    /// What is no span's, in the whole run.
    pub accounts: Accounts,
}

/// Energy that is no span's, in joules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accounts {
    /// What the sensors gave.
    pub measured_j: f64,
    /// Baseline power x time, where it is known.
    pub idle_j: Option<f64>,
    /// Outside of spans, other processes, the profiler, the residual and what is unknown.
    pub unattributed_j: f64,
    /// Active energy estimated for time without samples; no part of the shares.
    pub extrapolated_j: f64,
}

impl Ops {
    /// Reads the list.
    ///
    /// # Errors
    /// When the file cannot be read, the run was not attributed, or there is no such
    /// rail or phase.
    pub fn read(recording: &Recording, run: Run, options: &OpsOptions) -> Result<Self> {
        let attributions = query::attributions(recording, &run)?;
        let Some(attribution) = attributions.into_iter().find(|one| one.is_shown) else {
            return Err(run.not_attributed());
        };
        let scope = options.scope.clone();
        let (rail, phase) = (scope.rail.as_deref(), scope.phase.as_deref());
        let (by, groups) = (options.by, options.groups);
        let mut shares = query::shares_within(recording, &run, rail, phase, by, groups)?;
        shares.retain(|share| scope.wants(share.basis.as_deref()));
        let rails = query::rails(recording, &run, rail)?;
        let mut balance = query::balance(recording, &run)?;
        balance.retain(|of| rails.contains(&of.id));
        Ok(Self {
            accounts: accounts(&balance, &shares),
            coverage: query::run_coverage(recording, &run)?,
            rails: balance.into_iter().map(|of| of.rail).collect(),
            method: attribution.title(),
            by,
            limit: match options.limit.unwrap_or(SHOWN) {
                0 => usize::MAX,
                limit => limit,
            },
            scope,
            shares,
            run,
        })
    }

    /// Writes it in a format; `look` matters to tables only.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, look: &Look) -> Result<()> {
        match format {
            Format::Table => table::write(self, out, look)?,
            Format::Markdown => table::write(self, out, &Look::markdown())?,
            Format::Csv => self.csv(out)?,
            Format::Json => {
                crate::format::json::write(out, &self.json())?;
            }
        }
        Ok(())
    }

    /// Accounts, where the list is of the whole run, so that they sum with it.
    fn whole(&self) -> Option<&Accounts> {
        let is_part = self.scope.phase.is_some() || self.scope.basis.is_some();
        (!is_part).then_some(&self.accounts)
    }

    fn json(&self) -> Value {
        let accounts = self.whole();
        json!({
            "schema": crate::format::SCHEMA,
            "command": "ops",
            "run": self.run.row.uuid,
            "provenance": self.run.provenance,
            "coverage": self.coverage,
            "attribution": self.method,
            "attribution_id": self.run.attribution,
            "rails": self.rails,
            "phase": self.scope.phase,
            "basis": self.scope.basis.map(|basis| basis.name()),
            "by": self.by.name(),
            "shares": self.shares,
            "measured_j": accounts.map(|of| of.measured_j),
            "idle_j": accounts.and_then(|of| of.idle_j),
            "unattributed_j": accounts.map(|of| of.unattributed_j),
            "extrapolated_j": accounts.map(|of| of.extrapolated_j),
        })
    }

    /// Millijoules, as tables of kinds have them. An account that is not known has
    /// no row: readers would take an empty one for zero.
    fn csv(&self, out: &mut dyn Write) -> std::io::Result<()> {
        record(out, &[self.by.name(), "energy_mj", "lo", "hi"])?;
        let millijoules = |joules: Option<f64>| field(&json!(joules.map(|joules| joules * 1e3)));
        for share in &self.shares {
            let [energy, lo, hi] = [Some(share.energy_j), share.lo_j, share.hi_j].map(millijoules);
            record(out, &[share.name.as_str(), &energy, &lo, &hi])?;
        }
        for (name, energy) in self.whole().into_iter().flat_map(Accounts::rows) {
            if energy.is_some() {
                record(out, &[name, &millijoules(energy), "", ""])?;
            }
        }
        Ok(())
    }
}

impl Accounts {
    /// Their names and energies, in the order in which they are shown.
    fn rows(&self) -> [(&'static str, Option<f64>); 3] {
        [
            ("(idle)", self.idle_j),
            ("(unattributed)", Some(self.unattributed_j)),
            ("(extrapolated)", Some(self.extrapolated_j)),
        ]
    }
}

/// Idle energy is not known unless it is known of each rail.
fn accounts(balance: &[Balance], shares: &[Share]) -> Accounts {
    // The sum of nothing is -0.0, which would be shown with its sign.
    let sum = |of: fn(&Balance) -> Option<f64>| balance.iter().filter_map(of).sum::<f64>() + 0.0;
    let idle_j = query::sum_known(balance.iter().map(|rail| rail.idle_j));
    let other_idle_j = match idle_j {
        None => sum(|rail| rail.idle_j),
        Some(_) => 0.0,
    };
    Accounts {
        measured_j: sum(|rail| rail.measured_j),
        idle_j,
        // Idle energy of some rails only must not get lost.
        unattributed_j: other_idle_j
            + sum(|rail| rail.outside_j)
            + sum(|rail| rail.others_j)
            + sum(|rail| rail.profiler_j)
            + sum(|rail| rail.residual_j)
            + sum(|rail| rail.unknown_j),
        extrapolated_j: shares.iter().map(|s| s.extrapolated_j).sum::<f64>() + 0.0,
    }
}
