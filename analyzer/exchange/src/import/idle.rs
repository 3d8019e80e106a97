//! Idle power of imported rails, measured before the first and after the last span.
//!
//! ```text
//! spans            |---- work ----|
//! power   ____     /‾‾‾‾‾‾‾‾‾‾‾‾‾‾\___      both idle phases agree: their common mean
//! power   ____     /‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\_   the second one contains work: only the first one
//! ```
//!
//! An idle phase with more power than the other one contains work: the clocks of spans and
//! samples differ, one of them was set, or another program was active. Their average would
//! include power of a working machine.

use energy_attribution::IdleSamples;
use energy_data::rows::{BaselineRow, RailRow, SampleRow};
use energy_data::units::Nanos;

use super::anomaly::Anomaly;

/// Minimum idle time for a baseline. Shorter than a recorder's default of a second, because a
/// file that exists cannot be recorded anew.
const MIN_IDLE: Nanos = Nanos::from_millis(500);
/// Samples closer than this to spans may contain some of their energy, because the clocks of
/// sampler and spans may differ by some tens of milliseconds.
const MAX_CLOCK_DIFFERENCE_NS: i64 = 50_000_000;
/// Minimum number of samples for an idle phase to disagree with the other one.
const MIN_SAMPLES: usize = 3;
/// Idle phases disagree if their means differ by more than this many standard errors
const STANDARD_ERRORS: f64 = 3.0;
/// and by more than this share of the larger mean.
const SHARE: f64 = 0.05;

/// Returns the idle power of rails: samples before the first and after the last span, if they
/// cover half a second; of disagreeing phases, the lower one. Also returns anomalies.
pub(super) fn baselines(
    rails: &[RailRow],
    samples: &[SampleRow],
    busy: (i64, i64),
) -> (Vec<BaselineRow>, Vec<Anomaly>) {
    let (from, until) = (
        busy.0 - MAX_CLOCK_DIFFERENCE_NS,
        busy.1 + MAX_CLOCK_DIFFERENCE_NS,
    );
    let (mut rows, mut anomalies) = (Vec::new(), Vec::new());
    for rail in rails {
        let own = || samples.iter().filter(|sample| sample.rail == rail.id);
        let before: Vec<&SampleRow> = own().filter(|sample| sample.end_ns <= from).collect();
        let after: Vec<&SampleRow> = own().filter(|sample| sample.start_ns >= until).collect();
        let both: Vec<&SampleRow> = before.iter().chain(&after).copied().collect();
        let row = baseline(&both, MIN_IDLE);
        match row.as_ref().and(disagreement(&before, &after)) {
            Some(found) => {
                let lower = if found.after_is_lower {
                    &after
                } else {
                    &before
                };
                rows.extend(baseline(lower, Nanos::ZERO));
                anomalies.push(found.anomaly(&rail.name));
            }
            None => rows.extend(row),
        }
    }
    (rows, anomalies)
}

fn baseline(samples: &[&SampleRow], least: Nanos) -> Option<BaselineRow> {
    let mut idle = IdleSamples::default();
    samples.iter().for_each(|sample| idle.add(sample));
    idle.baselines(least).pop()
}

/// Two idle phases with different power.
#[derive(Debug)]
struct Disagreement {
    before_w: f64,
    after_w: f64,
    after_is_lower: bool,
}

impl Disagreement {
    fn anomaly(&self, rail: &str) -> Anomaly {
        let lower = if self.after_is_lower {
            "latter"
        } else {
            "former"
        };
        Anomaly {
            kind: "idle_disagrees",
            count: 1,
            message: format!(
                "{rail} draws {:.2} W before the spans and {:.2} W after them: the {lower} is \
                 used as \
                 idle power; check that the clocks of spans and samples agree during the whole \
                 run, and that no other program was active",
                self.before_w, self.after_w
            ),
        }
    }
}

fn disagreement(before: &[&SampleRow], after: &[&SampleRow]) -> Option<Disagreement> {
    let ((before_w, before_se), (after_w, after_se)) = (mean(before)?, mean(after)?);
    let apart = (before_w - after_w).abs();
    let differ = apart > STANDARD_ERRORS * before_se.hypot(after_se)
        && apart > SHARE * before_w.max(after_w);
    differ.then_some(Disagreement {
        before_w,
        after_w,
        after_is_lower: after_w < before_w,
    })
}

/// Returns the mean power and its standard error, W. The error is robust (from the median
/// absolute deviation), because a few samples with work would otherwise hide in the deviation
/// that they cause.
fn mean(samples: &[&SampleRow]) -> Option<(f64, f64)> {
    let powers = samples.iter().filter_map(|sample| {
        let length_ns = sample.end_ns - sample.start_ns;
        Some(sample.energy_j? * 1e9 / length_ns as f64)
    });
    let powers: Vec<f64> = powers.collect();
    if powers.len() < MIN_SAMPLES {
        return None;
    }
    let n = powers.len() as f64;
    let mean = powers.iter().sum::<f64>() / n;
    let middle = median(powers.clone());
    let deviation = 1.4826 * median(powers.iter().map(|power| (power - middle).abs()).collect());
    Some((mean, deviation / n.sqrt()))
}

/// Returns the median of a non-empty list.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

#[cfg(test)]
mod tests {
    use energy_data::{Kernel, Provenance, RailKind};

    use super::*;

    const MS: i64 = 1_000_000;

    fn rail(id: u32) -> RailRow {
        RailRow {
            id,
            source: "import".to_owned(),
            name: format!("rail-{id}"),
            parent: None,
            kind: RailKind::Cpu,
            unit: "J".to_owned(),
            interval_ns: 100 * MS,
            kernel: Kernel::Box,
            provenance: Provenance::Replayed,
        }
    }

    /// Returns samples of 100 ms from 0; spans run from 2 s to 4 s.
    fn samples(rail: u32, watts: impl Fn(i64) -> f64) -> Vec<SampleRow> {
        let sample = |at: i64| SampleRow {
            rail,
            start_ns: at * 100 * MS,
            end_ns: (at + 1) * 100 * MS,
            energy_j: Some(watts(at) * 0.1),
        };
        (0..60).map(sample).collect()
    }

    const BUSY: (i64, i64) = (2_000 * MS, 4_000 * MS);

    /// Returns 5 W with some noise.
    fn idle_power(at: i64) -> f64 {
        5.0 + 0.2 * ((at * 7 % 5) as f64 - 2.0)
    }

    #[test]
    fn idle_phases_that_agree_are_pooled() {
        let watts = |at| {
            if (20..40).contains(&at) {
                30.0
            } else {
                idle_power(at)
            }
        };
        let (rows, anomalies) = baselines(&[rail(1)], &samples(1, watts), BUSY);
        assert_eq!((rows.len(), anomalies.len()), (1, 0));
        assert!((rows[0].power_w - 5.0).abs() < 0.1, "{rows:?}");
        assert_eq!(rows[0].samples, 38, "a sample is left out at each edge");
    }

    #[test]
    fn the_lower_idle_phase_is_used_when_a_clock_was_set() {
        // The sensor's clock jumped ahead by a second while spans ran, or before.
        for (busy, low) in [(20..50, "before"), (10..40, "after")] {
            let watts = |at| {
                if busy.contains(&at) {
                    30.0
                } else {
                    idle_power(at)
                }
            };
            let (rows, anomalies) = baselines(&[rail(1)], &samples(1, watts), BUSY);
            assert!((rows[0].power_w - 5.0).abs() < 0.2, "{low}: {rows:?}");
            assert_eq!(anomalies.len(), 1);
            assert!(
                anomalies[0].message.contains("rail-1 draws "),
                "{anomalies:?}"
            );
        }
    }

    #[test]
    fn one_sample_of_work_makes_idle_phases_disagree() {
        let watts = |at| {
            if (20..41).contains(&at) {
                60.0
            } else {
                idle_power(at)
            }
        };
        let (rows, anomalies) = baselines(&[rail(1)], &samples(1, watts), (2_000 * MS, 3_900 * MS));
        assert!((rows[0].power_w - 5.0).abs() < 0.2, "{rows:?}");
        assert_eq!(anomalies.len(), 1);
    }

    #[test]
    fn rails_are_judged_separately() {
        let mut all = samples(1, idle_power);
        all.extend(samples(2, |at| if at >= 40 { 9.0 } else { 7.0 }));
        let (rows, anomalies) = baselines(&[rail(1), rail(2)], &all, BUSY);
        let powers: Vec<f64> = rows.iter().map(|row| row.power_w).collect();
        assert!(
            (powers[0] - 5.0).abs() < 0.1 && (powers[1] - 7.0).abs() < 1e-9,
            "{powers:?}"
        );
        assert_eq!(anomalies.len(), 1);
    }

    #[test]
    fn a_short_idle_phase_is_not_a_baseline() {
        let samples: Vec<SampleRow> = samples(1, idle_power).split_off(16);
        let (rows, anomalies) = baselines(&[rail(1)], &samples[..24], BUSY);
        assert_eq!((rows.len(), anomalies.len()), (0, 0), "{rows:?}");
    }
}
