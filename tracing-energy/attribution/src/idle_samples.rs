//! Idle baselines: power of rails while the program is idle.

use std::collections::BTreeMap;

use energy_data::rows::{BaselineRow, SampleRow};
use energy_data::units::{Energy, Nanos};

/// Collects samples of idle time.
#[derive(Debug, Default)]
pub struct IdleSamples {
    rails: BTreeMap<u32, RailIdle>,
}

#[derive(Debug)]
struct RailIdle {
    start_ns: i64,
    end_ns: i64,
    covered_ns: i64,
    energy_j: f64,
    samples: u32,
    /// Sums of the samples' powers, relative to the first, and of their squares.
    first_w: f64,
    sum_w: f64,
    squares: f64,
}

impl IdleSamples {
    /// Adds a sample that lies entirely in idle time.
    pub fn add(&mut self, sample: &SampleRow) {
        let Some(energy_j) = sample.energy_j else {
            return;
        };
        let rail = self.rails.entry(sample.rail).or_insert(RailIdle {
            start_ns: sample.start_ns,
            end_ns: sample.end_ns,
            covered_ns: 0,
            energy_j: 0.0,
            samples: 0,
            first_w: power(sample, energy_j),
            sum_w: 0.0,
            squares: 0.0,
        });
        rail.end_ns = sample.end_ns;
        rail.covered_ns += sample.end_ns - sample.start_ns;
        rail.energy_j += energy_j;
        rail.samples += 1;
        let off = power(sample, energy_j) - rail.first_w;
        rail.sum_w += off;
        rail.squares += off * off;
    }

    /// Returns the baselines of rails whose samples cover at least `least`: a short idle
    /// interval is not representative.
    pub fn baselines(self, least: Nanos) -> Vec<BaselineRow> {
        let serves = |rail: &RailIdle| rail.covered_ns >= least.nanos();
        let row = |(rail, idle): (u32, RailIdle)| {
            let power =
                Energy::from_joules(idle.energy_j).over(Nanos::from_nanos(idle.covered_ns))?;
            Some(BaselineRow {
                rail,
                start_ns: idle.start_ns,
                end_ns: idle.end_ns,
                power_w: power.watts(),
                samples: idle.samples,
                spread_w: idle.spread_w(),
            })
        };
        self.rails
            .into_iter()
            .filter(|(_, rail)| serves(rail))
            .filter_map(row)
            .collect()
    }
}

impl RailIdle {
    /// Returns the standard deviation of the samples' powers.
    fn spread_w(&self) -> Option<f64> {
        let n = f64::from(self.samples);
        let squares = self.squares - self.sum_w * self.sum_w / n;
        (self.samples > 1).then(|| (squares.max(0.0) / (n - 1.0)).sqrt())
    }
}

fn power(sample: &SampleRow, energy_j: f64) -> f64 {
    energy_j / ((sample.end_ns - sample.start_ns) as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start_ms: i64, end_ms: i64, energy_j: f64) -> SampleRow {
        let ns = |ms: i64| ms * 1_000_000;
        SampleRow {
            rail: 1,
            start_ns: ns(start_ms),
            end_ns: ns(end_ms),
            energy_j: Some(energy_j),
        }
    }

    #[test]
    fn baseline_is_energy_over_time_of_whole_samples() {
        let mut idle = IdleSamples::default();
        idle.add(&sample(-2000, -1500, 2.0));
        idle.add(&sample(-1500, -500, 5.0));
        let rows = idle.baselines(Nanos::ZERO);
        assert_eq!(rows.len(), 1);
        assert!((rows[0].power_w - 7.0 / 1.5).abs() < 1e-12);
        assert_eq!((rows[0].samples, rows[0].start_ns), (2, -2_000_000_000));
        // 4 W and 5 W.
        assert!((rows[0].spread_w.unwrap() - 0.5f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn too_little_idle_time_is_no_baseline() {
        let mut idle = IdleSamples::default();
        idle.add(&sample(0, 900, 2.0));
        assert!(idle.baselines(Nanos::from_seconds(1.0)).is_empty());
    }
}
