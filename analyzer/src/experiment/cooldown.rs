//! Pauses between two trials: until power is as low as before the first one.
//!
//! ```text
//! W   idle  |     trial      |\___
//!    -------+                |    \______  within 2 % of idle: the next trial begins
//! ```

use std::time::{Duration, Instant};

use energy_power::Provenance;
use tracing_energy::PowerMeter;

use crate::options::SourceOptions;
use crate::program::Interrupt;

/// Excess over idle power at which a pause ends.
const TOLERANCE: f64 = 0.02;
/// Time over which power is averaged.
const WINDOW: Duration = Duration::from_secs(1);

/// How a pause has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CooldownEnd {
    /// Power was back at its idle value.
    Reached,
    /// Power was still higher after the longest pause: its last value in watts.
    StillHigh(f64),
    /// No sensor measures power: the pause was as long as permitted.
    Unmeasured,
}

/// Pauses for `longest` at most, until `watts` of a time window is within 2 % of `idle_w`.
/// `watts` takes as long as its window, and returns `None` if power is not measured or a signal
/// was received.
pub(super) fn cool_down(
    longest: Duration,
    idle_w: Option<f64>,
    mut watts: impl FnMut(Duration) -> Option<f64>,
    mut pause: impl FnMut(Duration),
) -> CooldownEnd {
    let Some(idle_w) = idle_w else {
        pause(longest);
        return CooldownEnd::Unmeasured;
    };
    let mut remaining = longest;
    let mut last = None;
    while !remaining.is_zero() {
        let window = WINDOW.min(remaining);
        remaining -= window;
        match watts(window) {
            Some(watts) if watts <= idle_w * (1.0 + TOLERANCE) => return CooldownEnd::Reached,
            Some(watts) => last = Some(watts),
            None => {
                pause(remaining);
                return CooldownEnd::Unmeasured;
            }
        }
    }
    last.map_or(CooldownEnd::Unmeasured, CooldownEnd::StillHigh)
}

/// Measures power between trials, if a sensor does.
#[derive(Debug)]
pub(super) struct IdleMeter<'i> {
    meter: Option<PowerMeter>,
    interrupt: &'i Interrupt,
}

impl<'i> IdleMeter<'i> {
    /// Starts reading the sensors of `options`. Sources that are not measured are not used.
    pub(super) fn start(options: &SourceOptions, interrupt: &'i Interrupt) -> Self {
        let meter = PowerMeter::start(&options.source, options.interval).ok();
        let is_measured = |meter: &PowerMeter| {
            let mut sources = meter.sources().iter();
            sources.any(|source| source.provenance == Provenance::Measured)
        };
        Self {
            meter: meter.filter(is_measured),
            interrupt,
        }
    }

    /// Returns the mean power of the root rails in the next `window`.
    pub(super) fn watts(&mut self, window: Duration) -> Option<f64> {
        let meter = self.meter.as_mut()?;
        drop(meter.samples());
        let begun = Instant::now();
        self.interrupt.pause(window);
        let samples = meter.samples();
        if self.interrupt.is_received() || begun.elapsed() < window {
            return None;
        }
        let mut total = None;
        for (index, source) in meter.sources().iter().enumerate() {
            let is_measured = source.provenance == Provenance::Measured;
            let rails = source.rails.iter().enumerate();
            let roots = rails.filter(|(_, rail)| is_measured && rail.parent.is_none());
            for (rail, _) in roots {
                let of_rail = samples
                    .iter()
                    .filter(|one| one.source == index && one.reading.rail == rail);
                let (mut joules, mut seconds) = (0.0, 0.0);
                for sample in of_rail {
                    if let Some(energy) = sample.reading.energy {
                        joules += energy.joules();
                        seconds += (sample.reading.end - sample.reading.start).nanos() as f64 / 1e9;
                    }
                }
                if seconds > 0.0 {
                    *total.get_or_insert(0.0) += joules / seconds;
                }
            }
        }
        total
    }
}

impl Drop for IdleMeter<'_> {
    fn drop(&mut self) {
        if let Some(mut meter) = self.meter.take() {
            drop(meter.stop());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    /// Returns how a pause ends, and its length.
    fn ended(idle_w: Option<f64>, powers: &[Option<f64>]) -> (CooldownEnd, Duration) {
        let passed = std::cell::Cell::new(Duration::ZERO);
        let mut powers = powers.iter().copied();
        let watts = |window: Duration| {
            passed.set(passed.get() + window);
            powers.next().flatten()
        };
        let end = cool_down(LONGEST, idle_w, watts, |time| {
            passed.set(passed.get() + time)
        });
        (end, passed.get())
    }

    #[test]
    fn a_pause_ends_when_power_is_within_two_percent_of_idle() {
        let powers = [20.0, 12.0, 10.3, 10.15, 9.0].map(Some);
        let (end, passed) = ended(Some(10.0), &powers);
        assert_eq!(
            (end, passed),
            (CooldownEnd::Reached, Duration::from_secs(4))
        );
        let (end, passed) = ended(Some(10.0), &[Some(9.0)]);
        assert_eq!(
            (end, passed),
            (CooldownEnd::Reached, Duration::from_secs(1))
        );
    }

    #[test]
    fn a_pause_ends_after_the_longest_time() {
        let powers = [Some(20.0); 20];
        let (end, passed) = ended(Some(10.0), &powers);
        assert_eq!((end, passed), (CooldownEnd::StillHigh(20.0), LONGEST));
    }

    #[test]
    fn without_a_sensor_the_pause_is_as_long_as_permitted() {
        assert_eq!(ended(None, &[]), (CooldownEnd::Unmeasured, LONGEST));
        // A sensor that disappears.
        let (end, passed) = ended(Some(10.0), &[Some(20.0), None]);
        assert_eq!((end, passed), (CooldownEnd::Unmeasured, LONGEST));
    }
}
