//! What happens while an experiment is executed.

use std::time::Duration;

use energy_data::rows::TrialStatus;

use super::cooldown::CooldownEnd;

/// An event for an indicator of progress, or a warning to show at once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SweepEvent<'e> {
    /// An experiment with ended trials continues.
    Resumed {
        /// Number of trials that have ended.
        done: usize,
        /// Number of all trials.
        total: usize,
    },
    /// A trial of a killed process still runs; the experiment continues after its end.
    Waiting,
    /// Idle power is measured before the first trial.
    MeasuringIdle,
    /// A pause begins.
    CoolingDown {
        /// Its longest length.
        longest: Duration,
    },
    /// A pause has ended.
    CooledDown(CooldownEnd),
    /// A trial begins.
    Started {
        /// Number of trials that have ended.
        done: usize,
        /// Number of all trials.
        total: usize,
        /// Values that distinguish its configuration.
        label: &'e str,
        /// Round.
        round: i64,
        /// Time until the end of the experiment, if it can be estimated.
        remaining: Option<Duration>,
    },
    /// A trial has ended.
    Ended {
        /// Number of trials that have ended.
        done: usize,
        /// Number of all trials.
        total: usize,
        /// Values that distinguish its configuration.
        label: &'e str,
        /// Round.
        round: i64,
        /// Its status.
        status: TrialStatus,
        /// Time that its process took.
        duration: Duration,
        /// Why it failed.
        error: Option<&'e str>,
        /// Conditions that affect its energy.
        warning: Option<&'e str>,
        /// Time until the end of the experiment, if it can be estimated.
        remaining: Option<Duration>,
    },
    /// A warning.
    Warning(&'e str),
}

/// Receives events.
pub type OnSweepEvent<'c> = dyn FnMut(SweepEvent<'_>) + 'c;
