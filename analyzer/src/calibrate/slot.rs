//! Kinds that run alone, and how their work repeats.

use tracing_energy::Clock;
use tracing_energy::units::Nanos;

/// Something that runs again and again.
pub type Run<'r> = Box<dyn Fn() -> anyhow::Result<()> + 'r>;

/// A run shorter than this is timed in batches: reading the clock and the loop
/// around it would be part of its power.
pub(super) const SHORT: Nanos = Nanos::from_nanos(5_000);
/// Length of a batch.
const BATCH: Nanos = Nanos::from_nanos(1_000_000);
/// Time that a kind is run for to learn how long it takes.
const TIMED: Nanos = Nanos::from_millis(10);

/// One kind to measure.
pub struct Subject<'r> {
    /// The kind of its spans.
    pub kind: String,
    /// Its work in each layer.
    pub runs: Vec<Run<'r>>,
    /// How often all layers of it run in a usual generation; with the time of
    /// one run this gives its share of the time.
    pub passes: f64,
}

/// One slot of each round: a kind, or kinds that share it.
pub(super) struct Slot<'s> {
    runs: Vec<&'s Run<'s>>,
    /// Runs between two looks at the clock.
    batch: u64,
    next: usize,
}

impl<'s> Slot<'s> {
    /// A slot for `runs`, each of which takes `run_time` seconds. Where they only
    /// launch work, all of them are launched at once.
    pub(super) fn new(runs: Vec<&'s Run<'s>>, run_time: f64, launches: bool) -> Self {
        let least = if launches { runs.len() as u64 } else { 1 };
        Self {
            runs,
            batch: batch(run_time).max(least),
            next: 0,
        }
    }

    /// Runs until `until`, layer after layer, and counts.
    pub(super) fn fill(
        &mut self,
        clock: &dyn Clock,
        until: Nanos,
        synchronize: &Run<'_>,
    ) -> anyhow::Result<u64> {
        let mut runs = 0;
        while clock.now() < until {
            for _ in 0..self.batch {
                if self.next >= self.runs.len() {
                    self.next = 0;
                }
                self.runs[self.next]()?;
                self.next += 1;
            }
            synchronize()?;
            runs += self.batch;
        }
        Ok(runs)
    }
}

fn batch(run_time: f64) -> u64 {
    if run_time >= SHORT.seconds() {
        return 1;
    }
    // A run that takes no time at all still ends.
    let runs = BATCH.seconds() / run_time.max(1e-9);
    runs.ceil() as u64
}

/// Seconds that one run of `runs` takes, once caches and clocks are warm.
pub(super) fn time_run(
    runs: &[Run<'_>],
    clock: &dyn Clock,
    synchronize: &Run<'_>,
) -> anyhow::Result<f64> {
    let all_layers = |times: u64| -> anyhow::Result<f64> {
        let start = clock.now();
        for _ in 0..times {
            runs.iter().try_for_each(|run| run())?;
        }
        synchronize()?;
        Ok((clock.now() - start).seconds())
    };
    let (mut times, mut seconds) = (1, all_layers(1)?);
    let longest = 1 << 24;
    while seconds < TIMED.seconds() && times < longest {
        times *= 2;
        seconds = all_layers(times)?;
    }
    Ok(seconds / (times as f64 * runs.len().max(1) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_come_in_batches() {
        assert_eq!(batch(1e-3), 1);
        assert_eq!(batch(5e-6), 1);
        assert_eq!(batch(3e-6), 334);
        assert_eq!(batch(0.0), 1_000_000);
    }
}
