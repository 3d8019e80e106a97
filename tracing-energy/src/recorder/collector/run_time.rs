//! The run's clock and its end.

use std::sync::Arc;

use crate::recorder::control::Control;
use energy_data::units::Nanos;
use energy_power::Clock;

/// Converts times of the sampler's clock to run time.
pub(super) struct RunTime {
    clock: Arc<dyn Clock>,
    /// The clock's time at run time zero.
    zero: Nanos,
    control: Arc<Control>,
}

impl RunTime {
    pub(super) fn new(clock: &Arc<dyn Clock>, zero: Nanos, control: &Arc<Control>) -> Self {
        Self {
            clock: Arc::clone(clock),
            zero,
            control: Arc::clone(control),
        }
    }

    /// Returns the run time now.
    pub(super) fn now(&self) -> Nanos {
        self.clock.now() - self.zero
    }

    /// Returns the run time of a time of the clock, in ns.
    pub(super) fn of(&self, time: Nanos) -> i64 {
        (time - self.zero).nanos()
    }

    /// Returns the run's end, if known; samples may still arrive.
    pub(super) fn end_ns(&self) -> Option<i64> {
        let (end, _) = self.control.end()?;
        Some(self.of(end))
    }
}
