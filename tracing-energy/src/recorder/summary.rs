//! Summary of a finished recording.

use energy_data::Method;
use energy_data::interval_energy::{IntervalEnergy, RailInterval, is_reported};
use energy_data::rows::{Accounts, BalanceRow};
use energy_power::Provenance;

/// Results of a finished recording in short. The database holds the details.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct RunSummary {
    /// The run's id.
    pub uuid: String,
    /// Length of the run.
    pub duration_ns: i64,
    /// Method of attribution of the rails' accounts.
    pub method: Method,
    /// Activations recorded.
    pub activations: u64,
    /// Each rail's accounts; `None` where nothing was measured.
    pub rails: Vec<RailSummary>,
    /// Records and rows that were lost.
    pub lost: u64,
    /// Time that traced threads waited for the recorder's memory.
    pub stalled_ns: u64,
    /// Messages about losses, failures and doubtful results.
    pub warnings: Vec<String>,
}

/// One rail over the run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RailSummary {
    /// Source and name: `powermetrics/cpu`.
    pub rail: String,
    /// Whether it is summed for totals: no other rail contains it.
    pub is_root: bool,
    /// Measured, modelled or replayed.
    pub provenance: Provenance,
    /// Its accounts, which sum to what was measured.
    pub accounts: Option<Accounts>,
    /// Share of the run's time that its samples cover.
    pub coverage: Option<f64>,
    /// Energy estimated for the remainder of the time; in no account.
    pub extrapolated_j: f64,
    /// The run on this rail.
    pub(super) interval: RailInterval,
}

impl RunSummary {
    /// Returns the energy of all root rails over the run in joules: measured plus
    /// extrapolated. `None` if nothing was measured on one of them, or if samples cover less
    /// than half of the run.
    pub fn energy_j(&self) -> Option<f64> {
        self.energy().energy_j
    }

    /// Returns the energy measured on all root rails, in joules; `None` if nothing was
    /// measured.
    pub fn measured_j(&self) -> Option<f64> {
        self.root_sum(|_, accounts| accounts.measured_j)
    }

    /// Returns the active energy of all spans on root rails in the sampled time, in joules.
    pub fn spans_j(&self) -> Option<f64> {
        self.root_sum(|_, accounts| accounts.spans_j)
    }

    /// Returns the lowest share of the run's time that samples of a root rail cover; `None`
    /// if nothing was measured, or if the coverage of a root rail is not known. A coverage
    /// that is too low for the energy to be known is returned in any case.
    pub fn coverage(&self) -> Option<f64> {
        let energy = self.energy();
        energy.coverage.or(energy.insufficient_coverage)
    }

    fn energy(&self) -> IntervalEnergy {
        let roots = self.rails.iter().filter(|rail| rail.is_root);
        let roots: Vec<RailInterval> = roots.map(|rail| rail.interval).collect();
        IntervalEnergy::over_rails(&roots)
    }

    /// Adds a warning if the coverage is low.
    pub(super) fn warn_about_coverage(&mut self) {
        if let Some(share) = self.coverage().filter(|share| is_reported(Some(*share))) {
            self.warnings.push(format!(
                "samples cover {:.1} % of the run: totals are measured plus extrapolated",
                share * 100.0
            ));
        }
    }

    fn root_sum(&self, of: impl Fn(&RailSummary, &Accounts) -> f64) -> Option<f64> {
        let roots = self.rails.iter().filter(|rail| rail.is_root);
        let known = roots.filter_map(|rail| Some(of(rail, rail.accounts.as_ref()?)));
        known.reduce(|total, energy| total + energy)
    }
}

impl RailSummary {
    /// Sets the accounts of an attribution.
    pub(super) fn set(&mut self, balance: Option<&BalanceRow>) {
        self.accounts = balance.map(|balance| balance.accounts);
        self.extrapolated_j = balance.map_or(0.0, |balance| balance.extrapolated_j);
        self.interval = balance.map(RailInterval::from).unwrap_or_default();
        self.coverage = self.interval.coverage();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rail(covered_ns: Option<i64>) -> RailSummary {
        let interval = RailInterval {
            duration_ns: 100,
            covered_ns,
            measured_j: Some(1.0),
            extrapolated_j: Some(0.0),
            ..RailInterval::default()
        };
        RailSummary {
            rail: "test/cpu".to_owned(),
            is_root: true,
            provenance: Provenance::Measured,
            accounts: None,
            coverage: interval.coverage(),
            extrapolated_j: 0.0,
            interval,
        }
    }

    #[test]
    fn an_energy_that_is_unknown_for_its_coverage_has_a_warning() {
        let mut summary = RunSummary {
            rails: vec![rail(None), rail(Some(40))],
            ..RunSummary::default()
        };
        assert_eq!(summary.energy_j(), None);
        assert_eq!(summary.coverage(), Some(0.4));
        summary.warn_about_coverage();
        assert!(summary.warnings[0].contains("40.0 %"), "{summary:?}");
    }
}
