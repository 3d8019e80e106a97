//! Estimates the active power of kinds from samples.

use energy_data::units::Nanos;

use super::meter::{RailSamples, SampleMean, sd};
use super::plan::{KindTime, Lengths, Plan};
use super::schedule::{SlotInterval, SlotSchedule};
use super::slot::{CalibrationSubject, SHORT};

/// Minimum relative standard deviation: in a model, caches and clocks differ from those of
/// a kind that runs alone.
pub const LEAST_RELATIVE_SD: f64 = 0.05;
/// Relative standard deviation if it cannot be estimated from rounds, and the minimum for
/// kinds that were measured together.
pub const UNKNOWN_RELATIVE_SD: f64 = 0.12;
/// Relative standard deviation above which an estimate is rejected.
const USELESS_RELATIVE_SD: f64 = 0.5;
/// Minimum power in standard errors of the samples' noise ...
const CLEAR_ERRORS: f64 = 3.0;
/// ... and relative to the rail's total power at that time.
const CLEAR_SHARE: f64 = 1e-3;
/// Minimum number of whole samples in a slot.
const LEAST_SAMPLES: usize = 3;

/// Power of one kind on one rail.
#[derive(Debug, Clone, PartialEq)]
pub struct KindPower {
    /// Name of the rail within its source.
    pub rail: String,
    /// Kind of the spans.
    pub kind: String,
    /// Active power while it runs, in watts; above 0.
    pub watts: f64,
    /// Relative standard deviation.
    pub relative_sd: f64,
    /// Number of rounds used.
    pub rounds: u32,
    /// Run time covered by samples, in ns.
    pub busy_ns: i64,
    /// Time of one run, in ns.
    pub run_ns: f64,
    /// Number of kinds measured together with it, itself included.
    pub together: usize,
}

/// A kind without a power on a rail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Name of the rail within its source.
    pub rail: String,
    /// Kind of the spans.
    pub kind: String,
    /// Reason.
    pub why: String,
}

/// Estimates on all rails.
#[derive(Debug, Default)]
pub(super) struct PowerEstimates {
    pub(super) kinds: Vec<KindPower>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) silent_rails: Vec<String>,
}

/// Description of the measurement without samples.
#[derive(Clone, Copy)]
pub(super) struct MeasurementInput<'m> {
    pub(super) plan: &'m Plan,
    pub(super) schedule: &'m SlotSchedule,
    pub(super) subjects: &'m [CalibrationSubject<'m>],
    pub(super) timed: &'m [KindTime],
    pub(super) lengths: Lengths,
}

/// Estimates all kinds on all rails.
pub(super) fn all(rails: &[RailSamples], measurement: MeasurementInput<'_>) -> PowerEstimates {
    let mut all = PowerEstimates::default();
    for rail in rails {
        let reader = RoundReader { rail, measurement };
        let (kinds, skipped) = reader.kinds();
        // One message for a rail instead of one for each kind on it.
        if kinds.is_empty() {
            all.silent_rails.push(rail.name.clone());
        } else {
            all.kinds.extend(kinds);
            all.skipped.extend(skipped);
        }
    }
    all
}

/// Active power of a slot in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ActivePower {
    watts: f64,
    /// Standard error of `watts` from the noise of samples.
    error: f64,
    /// Mean power including idle power.
    gross_w: f64,
    covered: Nanos,
}

struct RoundReader<'r> {
    rail: &'r RailSamples,
    measurement: MeasurementInput<'r>,
}

impl RoundReader<'_> {
    /// Returns the kinds on this rail with a power, and those without.
    fn kinds(&self) -> (Vec<KindPower>, Vec<Skipped>) {
        let MeasurementInput { plan, timed, .. } = self.measurement;
        let (mut powers, mut skipped) = (Vec::new(), Vec::new());
        for (slot, kinds) in plan.slots.iter().enumerate() {
            let mut times = kinds.iter().map(|&kind| timed[kind].run_s);
            let is_short = times.any(|run_s| run_s < SHORT.seconds());
            let estimate = summarise(&self.rounds(slot, is_short), kinds.len());
            for &kind in kinds {
                match &estimate {
                    Ok(estimate) => powers.push(self.power(kind, estimate, kinds.len())),
                    Err(why) => skipped.push(Skipped {
                        rail: self.rail.name.clone(),
                        kind: self.measurement.subjects[kind].kind.clone(),
                        why: why.clone(),
                    }),
                }
            }
        }
        (powers, skipped)
    }

    fn power(&self, kind: usize, estimate: &PooledPower, together: usize) -> KindPower {
        KindPower {
            rail: self.rail.name.clone(),
            kind: self.measurement.subjects[kind].kind.clone(),
            watts: estimate.watts,
            relative_sd: estimate.relative_sd,
            rounds: estimate.rounds,
            busy_ns: estimate.busy.nanos(),
            run_ns: self.measurement.timed[kind].run_s * 1e9,
            together,
        }
    }

    /// Returns the active powers of a slot in the rounds that have one.
    fn rounds(&self, slot: usize, is_short: bool) -> Vec<ActivePower> {
        let active = |round: usize| {
            let interval = self.measurement.schedule.slots.get(round)?.get(slot)?;
            let active = self.active(round, interval)?;
            match (is_short, self.measurement.schedule.empty.get(round)?) {
                (true, Some(empty)) => self.without_loop(round, active, interval, empty),
                _ => Some(active),
            }
        };
        (0..self.measurement.schedule.slots.len())
            .filter_map(active)
            .collect()
    }

    /// Returns the mean power minus the idle power at the middle of the interval.
    fn active(&self, round: usize, interval: &SlotInterval) -> Option<ActivePower> {
        let mean = self.mean(interval)?;
        let (idle_w, idle_error) = self.idle(round, middle(interval))?;
        (mean.samples >= LEAST_SAMPLES).then(|| ActivePower {
            watts: mean.watts - idle_w,
            error: mean.error.unwrap_or(0.0).hypot(idle_error),
            gross_w: mean.watts,
            covered: mean.covered,
        })
    }

    /// Subtracts the energy and time of the empty loop.
    fn without_loop(
        &self,
        round: usize,
        active: ActivePower,
        interval: &SlotInterval,
        empty: &SlotInterval,
    ) -> Option<ActivePower> {
        let of_loop = self.active(round, empty)?;
        let (with, alone) = (run_time(interval)?, run_time(empty)?);
        let energy = active.watts * with - of_loop.watts * alone;
        (with > alone).then(|| ActivePower {
            watts: energy / (with - alone),
            ..active
        })
    }

    /// Returns the idle power at a time, interpolated between the idle times around the
    /// round, and its standard error.
    fn idle(&self, round: usize, at: Nanos) -> Option<(f64, f64)> {
        let idle = |index: usize| {
            let interval = self.measurement.schedule.idle.get(index)?;
            let mean = self.mean(interval)?;
            Some((middle(interval), mean.watts, mean.error.unwrap_or(0.0)))
        };
        match (idle(round), idle(round + 1)) {
            (Some((start, before, error)), Some((end, after, other))) if end > start => {
                let part = (at - start).seconds() / (end - start).seconds();
                Some((before + (after - before) * part, error.max(other)))
            }
            (Some((_, watts, error)), _) | (None, Some((_, watts, error))) => Some((watts, error)),
            (None, None) => None,
        }
    }

    fn mean(&self, interval: &SlotInterval) -> Option<SampleMean> {
        self.rail
            .mean(interval.start, interval.end, self.measurement.lengths)
    }
}

fn middle(interval: &SlotInterval) -> Nanos {
    Nanos::from_nanos(interval.start.nanos() / 2 + interval.end.nanos() / 2)
}

/// Returns the seconds of one run, including the loop.
fn run_time(interval: &SlotInterval) -> Option<f64> {
    let time = (interval.end - interval.start).seconds();
    (interval.runs > 0 && time > 0.0).then(|| time / interval.runs as f64)
}

#[derive(Debug, Clone, PartialEq)]
struct PooledPower {
    watts: f64,
    relative_sd: f64,
    rounds: u32,
    busy: Nanos,
}

/// Returns mean and spread over rounds.
fn summarise(rounds: &[ActivePower], together: usize) -> Result<PooledPower, String> {
    let count = rounds.len();
    if count == 0 {
        return Err("no round had three whole samples of it and of idle power".to_owned());
    }
    let mean =
        |value: fn(&ActivePower) -> f64| rounds.iter().map(value).sum::<f64>() / count as f64;
    let (watts, gross_w) = (mean(|round| round.watts), mean(|round| round.gross_w));
    let error = (mean(|round| round.error.powi(2)) / count as f64).sqrt();
    let least = (CLEAR_ERRORS * error).max(CLEAR_SHARE * gross_w);
    if !(watts.is_finite() && watts > least) {
        return Err(format!("{watts:.3} W: not above idle power and noise"));
    }
    let powers: Vec<f64> = rounds.iter().map(|round| round.watts).collect();
    let spread = sd(&powers).map(|sd| sd / watts);
    if let Some(spread) = spread.filter(|spread| *spread > USELESS_RELATIVE_SD) {
        return Err(format!(
            "{watts:.3} W, but rounds differ by {:.0} %: lost in noise",
            spread * 100.0
        ));
    }
    let least = match together {
        1 => LEAST_RELATIVE_SD,
        _ => UNKNOWN_RELATIVE_SD,
    };
    Ok(PooledPower {
        watts,
        relative_sd: spread.unwrap_or(UNKNOWN_RELATIVE_SD).max(least),
        rounds: u32::try_from(count).unwrap_or(u32::MAX),
        busy: rounds.iter().map(|round| round.covered).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(watts: &[f64]) -> Vec<ActivePower> {
        let active = |&watts: &f64| ActivePower {
            watts,
            error: 0.1,
            gross_w: watts + 5.0,
            covered: Nanos::from_millis(300),
        };
        watts.iter().map(active).collect()
    }

    #[test]
    fn uncertainty_is_the_spread_of_rounds() {
        let spread = summarise(&rounds(&[9.0, 10.0, 11.0]), 1).unwrap();
        assert!((spread.watts - 10.0).abs() < 1e-12);
        assert!((spread.relative_sd - 0.1).abs() < 1e-12);
        assert_eq!((spread.rounds, spread.busy), (3, Nanos::from_millis(900)));
    }

    #[test]
    fn uncertainty_has_a_minimum() {
        let sd = |watts: &[f64], together| summarise(&rounds(watts), together).unwrap().relative_sd;
        assert_eq!(sd(&[10.0, 10.0, 10.0], 1), LEAST_RELATIVE_SD);
        assert_eq!(sd(&[10.0, 10.0], 2), UNKNOWN_RELATIVE_SD);
        assert_eq!(sd(&[10.0], 1), UNKNOWN_RELATIVE_SD);
    }

    #[test]
    fn powers_below_the_noise_are_rejected() {
        let refused = |watts: &[f64]| summarise(&rounds(watts), 1).unwrap_err();
        assert!(refused(&[]).contains("three whole samples"));
        assert!(refused(&[-0.1, 0.05]).contains("not above idle power"));
        // Three standard errors of the mean of three rounds are 0.173 W.
        assert!(refused(&[0.17, 0.17, 0.17]).contains("not above idle power"));
        assert!(summarise(&rounds(&[0.18, 0.18, 0.18]), 1).is_ok());
        assert!(refused(&[0.5, 2.0]).contains("lost in noise"));
        assert!(refused(&[f64::NAN]).contains("NaN W"));
    }
}
