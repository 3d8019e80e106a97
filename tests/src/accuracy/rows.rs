//! The measured cases and their goals.

use super::AccuracyError;
use crate::simulate::{Scenario, Settings, SimulateError, SimulatedRail};

/// The largest error that a row may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Percent.
    Percent(f64),
    /// Percentage points above `proportional` on the same traces.
    OverProportional(f64),
}

/// Goals of an error in percent: the required bound and the aim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// A mean above this by more than its standard error fails.
    pub reach: Bound,
    /// Better than required.
    pub aim: Option<f64>,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccuracyRow {
    /// Its name in commands.
    pub name: &'static str,
    /// The program.
    pub scenario: Scenario,
    /// Settings that differ from the scenario's, in the format of [`Settings::with`].
    pub changes: &'static str,
    /// Also applies [`crate::simulate::HARSH`].
    pub harsh: bool,
    /// The rail that is scored.
    pub rail: SimulatedRail,
    /// Mismatch of the calibration, if there is one.
    pub mismatch: Option<f64>,
    /// Goal of kinds.
    pub kinds: Option<Goal>,
    /// Goal of groups.
    pub groups: Option<Goal>,
    /// Fewest groups; 0 if none are required.
    pub fewest_groups: usize,
    /// Largest mean half width of kinds' intervals, percent.
    pub widest: Option<f64>,
}

impl AccuracyRow {
    const fn new(name: &'static str, scenario: Scenario, changes: &'static str) -> Self {
        Self {
            name,
            scenario,
            changes,
            harsh: false,
            rail: SimulatedRail::Cpu,
            mismatch: None,
            kinds: None,
            groups: None,
            fewest_groups: 0,
            widest: None,
        }
    }

    const fn reach(self, percent: f64, aim: f64) -> Self {
        let reach = Bound::Percent(percent);
        Self {
            kinds: Some(Goal {
                reach,
                aim: Some(aim),
            }),
            ..self
        }
    }

    const fn near_proportional(self, aim: Option<f64>) -> Self {
        let reach = Bound::OverProportional(1.0);
        Self {
            kinds: Some(Goal { reach, aim }),
            ..self
        }
    }

    const fn group_reach(self, percent: f64, aim: f64) -> Self {
        let reach = Bound::Percent(percent);
        Self {
            groups: Some(Goal {
                reach,
                aim: Some(aim),
            }),
            ..self
        }
    }

    const fn fewest_groups(self, fewest_groups: usize) -> Self {
        Self {
            fewest_groups,
            ..self
        }
    }

    const fn widest(self, percent: f64) -> Self {
        Self {
            widest: Some(percent),
            ..self
        }
    }

    const fn on(self, rail: SimulatedRail) -> Self {
        Self { rail, ..self }
    }

    const fn harsh(self) -> Self {
        Self {
            harsh: true,
            ..self
        }
    }

    const fn calibrated(self, mismatch: f64) -> Self {
        Self {
            mismatch: Some(mismatch),
            ..self
        }
    }

    /// The settings of its traces.
    ///
    /// # Errors
    /// None for the rows here; changes of other rows may name an unknown setting.
    pub fn settings(&self) -> Result<Settings, SimulateError> {
        let harsh = if self.harsh {
            crate::simulate::HARSH
        } else {
            ""
        };
        self.scenario.settings().with(harsh)?.with(self.changes)
    }

    /// Rows of the same case are about the same traces and options.
    #[must_use]
    pub fn same_case(&self, other: &Self) -> bool {
        let case = |row: &Self| (row.scenario, row.changes, row.harsh, row.mismatch);
        case(self) == case(other)
    }
}

const MS20: &str = "period_ms=20";

/// All rows.
pub const ROWS: [AccuracyRow; 17] = [
    AccuracyRow::new("web100", Scenario::Web, "")
        .reach(6.5, 4.0)
        .fewest_groups(45)
        .widest(20.0),
    AccuracyRow::new("web20", Scenario::Web, MS20)
        .reach(3.8, 2.0)
        .fewest_groups(45),
    AccuracyRow::new("gpu", Scenario::Gpu, "")
        .on(SimulatedRail::Gpu)
        .reach(3.5, 2.0)
        .fewest_groups(8),
    AccuracyRow::new("gpu-dram", Scenario::Gpu, "")
        .on(SimulatedRail::Dram)
        .reach(22.0, 12.0),
    AccuracyRow::new("once", Scenario::Once, "").reach(5.0, 2.0),
    AccuracyRow::new("llm20", Scenario::Llm, MS20)
        .reach(9.5, 5.0)
        .group_reach(7.0, 4.0)
        .fewest_groups(30)
        .widest(30.0),
    AccuracyRow::new("llm100", Scenario::Llm, "").near_proportional(None),
    AccuracyRow::new("short100", Scenario::Short, "").near_proportional(None),
    AccuracyRow::new("llm16tok", Scenario::Llm, "tokens=16").near_proportional(None),
    AccuracyRow::new("llm100-cal5", Scenario::Llm, "")
        .calibrated(0.05)
        .reach(6.0, 4.0),
    AccuracyRow::new("llm100-cal10", Scenario::Llm, "")
        .calibrated(0.10)
        .reach(9.0, 6.0),
    AccuracyRow::new("short100-cal5", Scenario::Short, "")
        .calibrated(0.05)
        .reach(6.0, 4.0),
    AccuracyRow::new("short100-cal10", Scenario::Short, "")
        .calibrated(0.10)
        .reach(10.0, 7.0),
    AccuracyRow::new("adversarial", Scenario::Adversarial, "")
        .group_reach(4.0, 0.5)
        .fewest_groups(3),
    AccuracyRow::new("harsh-llm20", Scenario::Llm, MS20)
        .harsh()
        .near_proportional(Some(12.0)),
    AccuracyRow::new("harsh-llm100", Scenario::Llm, "")
        .harsh()
        .near_proportional(Some(12.0)),
    AccuracyRow::new("harsh-short100", Scenario::Short, "")
        .harsh()
        .near_proportional(Some(12.0)),
];

/// Returns the rows with these names (separated by commas), in the order of names; all
/// rows for `None`.
///
/// # Errors
/// An unknown name.
pub fn chosen(names: Option<&str>) -> Result<Vec<AccuracyRow>, AccuracyError> {
    let Some(names) = names else {
        return Ok(ROWS.to_vec());
    };
    let row = |name: &str| {
        let found = ROWS.iter().find(|row| row.name == name).copied();
        found.ok_or_else(|| AccuracyError::UnknownRow {
            name: name.to_owned(),
            known: ROWS.map(|row| row.name).join(", "),
        })
    };
    names.split(',').map(row).collect()
}
