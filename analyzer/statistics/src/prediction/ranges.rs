//! Measured ranges of inputs.

use super::workload::Workload;
use crate::not_estimable::NotEstimable;

/// Factor beyond a measured range up to which predictions are made.
const MAX_EXTRAPOLATION: f64 = 2.0;

/// Smallest and largest measured value of each input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InputRanges {
    ranges: Vec<InputRange>,
}

/// Smallest and largest measured value of one input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InputRange {
    of: &'static str,
    lo: f64,
    hi: f64,
}

impl InputRange {
    /// Returns the range of values; `None` if there are none.
    pub(super) fn of(of: &'static str, values: impl Iterator<Item = f64>) -> Option<Self> {
        let range = values.map(|value| (value, value));
        let (lo, hi) = range.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some(Self { of, lo, hi })
    }

    /// Refuses a value beyond twice the range; returns whether it is within the range itself.
    pub(super) fn check(&self, value: f64) -> Result<bool, NotEstimable> {
        let Self { of, lo, hi } = *self;
        match lo / MAX_EXTRAPOLATION <= value && value <= hi * MAX_EXTRAPOLATION {
            true => Ok(lo <= value && value <= hi),
            false => Err(NotEstimable::OutOfRange { of, value, lo, hi }),
        }
    }
}

impl InputRanges {
    /// Returns the ranges of workloads.
    pub(super) fn of<'a>(workloads: impl Iterator<Item = &'a Workload> + Clone) -> Self {
        let range = |at: usize| {
            let values = workloads.clone().map(|workload| workload.inputs()[at].1);
            InputRange::of(workloads.clone().next()?.inputs()[at].0, values)
        };
        Self {
            ranges: (0..3).filter_map(range).collect(),
        }
    }

    /// Refuses a workload beyond twice a range; returns whether it is within all ranges.
    pub(super) fn check(&self, workload: &Workload) -> Result<bool, NotEstimable> {
        workload.check()?;
        let mut is_within = true;
        for (range, (_, value)) in self.ranges.iter().zip(workload.inputs()) {
            is_within &= range.check(value)?;
        }
        Ok(is_within)
    }
}
