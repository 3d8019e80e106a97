//! Checks whether a row meets its goals.

use super::{AccuracyRow, AccuracyTrial, Bound, Goal};

/// Coverage of intervals of 90 % that is good enough.
const COVERAGE: std::ops::RangeInclusive<f64> = 0.85..=1.0;

/// Largest error of accounts, relative to the measured energy.
const IMBALANCE: f64 = 1e-9;

/// A mean over trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialMean {
    /// The mean.
    pub value: f64,
    /// Its standard error; none for fewer than two trials.
    pub error: Option<f64>,
}

impl TrialMean {
    /// The mean of `values`; none of nothing.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.collect();
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let value = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|one| (one - value).powi(2)).sum();
        let error = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
        Some(Self { value, error })
    }

    /// The mean less its standard error.
    fn low(self) -> f64 {
        self.value - self.error.unwrap_or(0.0)
    }
}

/// Result of a row's checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowVerdict {
    /// Missed goals; empty if the row passes.
    pub faults: Vec<String>,
    /// Whether every aim of the row was met; false if it has none.
    pub aim: bool,
}

impl RowVerdict {
    /// Judges the trials of a row.
    #[must_use]
    pub fn of(row: &AccuracyRow, trials: &[AccuracyTrial]) -> Self {
        let mut verdict = Self {
            faults: Vec::new(),
            aim: true,
        };
        let aims = [row.kinds, row.groups]
            .into_iter()
            .flatten()
            .filter_map(|goal| goal.aim);
        verdict.aim = aims.count() > 0 && !trials.is_empty();
        if trials.is_empty() {
            verdict.faults.push("no trials".to_owned());
        }
        if let Some(goal) = row.kinds {
            verdict.judge("kinds", goal, trials, |trial| Some(trial.ours.wmae));
        }
        verdict.judge_intervals("kinds", trials, |trial| {
            trial.ours.intervals.map(|one| one.coverage)
        });
        if let Some(goal) = row.groups {
            let group = |trial: &AccuracyTrial| trial.ours.groups;
            verdict.judge("groups", goal, trials, |trial| Some(group(trial)?.wmae));
            let coverage = |trial: &AccuracyTrial| Some(group(trial)?.intervals?.coverage);
            verdict.judge_intervals("groups", trials, coverage);
        }
        verdict.judge_groups(row, trials);
        verdict.judge_widths(row, trials);
        if trials
            .iter()
            .any(|trial| exceeds(trial.ours.imbalance, IMBALANCE))
        {
            verdict.faults.push("accounts do not balance".to_owned());
        }
        verdict
    }

    fn judge(
        &mut self,
        what: &str,
        goal: Goal,
        trials: &[AccuracyTrial],
        error: impl Fn(&AccuracyTrial) -> Option<f64>,
    ) {
        let percent = |trial: &AccuracyTrial| error(trial).map(|error| 100.0 * error);
        let Some(mean) = TrialMean::of(trials.iter().filter_map(percent)) else {
            self.aim = false;
            return self.faults.push(format!("no {what}"));
        };
        let over = |trial: &AccuracyTrial| Some(percent(trial)? - 100.0 * trial.proportional.wmae);
        let (low, most) = match goal.reach {
            Bound::Percent(most) => (mean.low(), most),
            Bound::OverProportional(most) => {
                let over = TrialMean::of(trials.iter().filter_map(over)).unwrap_or(mean);
                (over.low(), most)
            }
        };
        if exceeds(low, most) {
            self.faults.push(format!("{what} {low:.1} > {most}"));
        }
        self.aim &= goal.aim.is_none_or(|aim| mean.value <= aim);
    }

    fn judge_intervals(
        &mut self,
        what: &str,
        trials: &[AccuracyTrial],
        coverage: impl Fn(&AccuracyTrial) -> Option<f64>,
    ) {
        match TrialMean::of(trials.iter().filter_map(coverage)) {
            None => self.faults.push(format!("no intervals of {what}")),
            Some(mean) if COVERAGE.contains(&mean.value) => {}
            Some(mean) => self
                .faults
                .push(format!("coverage of {what} {:.2}", mean.value)),
        }
    }

    fn judge_groups(&mut self, row: &AccuracyRow, trials: &[AccuracyTrial]) {
        let count =
            |trial: &AccuracyTrial| trial.ours.groups.map_or(0.0, |groups| groups.count as f64);
        let mean = TrialMean::of(trials.iter().map(count)).map_or(0.0, |mean| mean.value);
        if mean < row.fewest_groups as f64 {
            self.faults
                .push(format!("{mean:.1} groups < {}", row.fewest_groups));
        }
    }

    fn judge_widths(&mut self, row: &AccuracyRow, trials: &[AccuracyTrial]) {
        let width = |trial: &AccuracyTrial| Some(100.0 * trial.ours.intervals?.half_width);
        let mean = TrialMean::of(trials.iter().filter_map(width));
        if let (Some(mean), Some(widest)) = (mean, row.widest)
            && exceeds(mean.value, widest)
        {
            self.faults
                .push(format!("half width {:.0} > {widest}", mean.value));
        }
    }
}

/// NaN exceeds everything.
fn exceeds(value: f64, most: f64) -> bool {
    value > most || value.is_nan()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accuracy::{GroupScore, IntervalScore, RailScore, chosen};

    fn trial(ours: f64, proportional: f64) -> AccuracyTrial {
        let intervals = Some(IntervalScore {
            coverage: 0.9,
            half_width: 0.1,
        });
        let score = |wmae| RailScore {
            wmae,
            intervals,
            groups: Some(GroupScore {
                count: 50,
                wmae,
                intervals,
            }),
            gate_weight: Some(1.0),
            imbalance: 0.0,
        };
        AccuracyTrial {
            seed: 0,
            ours: score(ours),
            proportional: score(proportional),
        }
    }

    fn faults(row: &str, trials: &[AccuracyTrial]) -> Vec<String> {
        let row = chosen(Some(row)).expect("a row of the table")[0];
        RowVerdict::of(&row, trials).faults
    }

    #[test]
    fn a_mean_may_exceed_its_bound_by_a_standard_error() {
        // The mean is 7 and its standard error 1; 6.5 is required.
        assert!(faults("web100", &[trial(0.06, 0.4), trial(0.08, 0.4)]).is_empty());
        let worse = [trial(0.079, 0.4), trial(0.081, 0.4)];
        assert_eq!(faults("web100", &worse), ["kinds 7.9 > 6.5"]);
        assert_eq!(
            faults("web100", &[trial(f64::NAN, 0.4)]),
            ["kinds NaN > 6.5"]
        );
    }

    #[test]
    fn near_proportional_compares_trace_by_trace() {
        assert!(faults("llm100", &[trial(0.30, 0.30), trial(0.10, 0.09)]).is_empty());
        assert_eq!(
            faults("llm100", &[trial(0.32, 0.30), trial(0.11, 0.09)]),
            ["kinds 2.0 > 1"]
        );
    }

    #[test]
    fn every_other_failure_is_named() {
        let mut one = trial(0.01, 0.4);
        one.ours.imbalance = 1e-6;
        one.ours.intervals = Some(IntervalScore {
            coverage: 0.5,
            half_width: 0.4,
        });
        one.ours.groups = None;
        let expected = [
            "coverage of kinds 0.50",
            "0.0 groups < 45",
            "half width 40 > 20",
            "accounts do not balance",
        ];
        let mut found = faults("web100", &[one]);
        found.sort();
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_aim_is_met_by_the_mean() {
        let row = chosen(Some("once")).expect("a row of the table")[0];
        assert!(RowVerdict::of(&row, &[trial(0.02, 0.4)]).aim);
        assert!(!RowVerdict::of(&row, &[trial(0.021, 0.4)]).aim);
    }
}
