//! Repeated equal work, and the energy of each repetition.

use std::hint::black_box;
use std::time::{Duration, Instant};

use energy_data::units::Nanos;
use energy_power::Sample;
use tracing_energy::Clock;

/// Start and end of a round on the clock of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
}

/// Runs the same work in `count` rounds of about `time` each.
pub(super) fn execute(clock: &dyn Clock, count: usize, time: Duration) -> Vec<Round> {
    let amount = amount(time);
    let round = |_| {
        let start = clock.now();
        work(amount);
        Round {
            start,
            end: clock.now(),
        }
    };
    (0..count).map(round).collect()
}

/// Returns the number of iterations of [`work`] that take about `time`.
fn amount(time: Duration) -> u64 {
    let begun = Instant::now();
    let mut amount = 0;
    while begun.elapsed() < time / 10 {
        work(10_000);
        amount += 10_000;
    }
    amount * 10
}

/// Keeps one core busy without memory accesses.
fn work(amount: u64) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..amount {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        black_box(state);
    }
}

/// Returns the energy of a round and the share of it covered by samples with an energy.
/// Samples across its edges are cut proportionally to time.
pub(super) fn energy(samples: &[&Sample], round: Round) -> (f64, f64) {
    let (mut joules, mut covered_ns) = (0.0, 0);
    for sample in samples {
        let start = sample.start.max(round.start);
        let end = sample.end.min(round.end);
        let (Some(energy), true) = (sample.energy, start < end) else {
            continue;
        };
        let inside = (end - start).nanos();
        let length = (sample.end - sample.start).nanos();
        joules += energy.joules() * inside as f64 / length as f64;
        covered_ns += inside;
    }
    let length = (round.end - round.start).nanos().max(1);
    (joules, covered_ns as f64 / length as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::units::Energy;

    #[test]
    fn samples_across_the_edges_of_a_round_are_cut_by_time() {
        let ms = Nanos::from_millis;
        let sample = |start, end, joules: Option<f64>| Sample {
            rail: 0,
            start: ms(start),
            end: ms(end),
            energy: joules.map(Energy::from_joules),
        };
        let samples = [
            sample(0, 100, Some(4.0)),
            sample(100, 200, Some(6.0)),
            sample(200, 300, None),
        ];
        let samples: Vec<&Sample> = samples.iter().collect();
        let round = |start, end| Round {
            start: ms(start),
            end: ms(end),
        };
        assert_eq!(energy(&samples, round(50, 150)), (5.0, 1.0));
        assert_eq!(energy(&samples, round(150, 250)), (3.0, 0.5));
        assert_eq!(energy(&samples, round(400, 500)), (0.0, 0.0));
    }
}
