//! Slots in which kinds run alone repeatedly.

use energy_data::units::Nanos;
use tracing_energy::Clock;

/// A function that runs an operation once.
pub type RunFn<'r> = Box<dyn Fn() -> anyhow::Result<()> + 'r>;

/// Runs shorter than this are timed in batches, because reading the clock would contribute
/// to their power.
pub(super) const SHORT: Nanos = Nanos::from_nanos(5_000);
/// Duration of a batch.
const BATCH: Nanos = Nanos::from_nanos(1_000_000);
/// Duration of running a kind to measure its run time.
const TIMED: Nanos = Nanos::from_millis(10);

/// A kind to measure.
pub struct CalibrationSubject<'r> {
    /// Kind of its spans.
    pub kind: String,
    /// Its operation in each layer.
    pub runs: Vec<RunFn<'r>>,
    /// Number of passes over all layers in a usual generation; determines its share of time.
    pub passes: f64,
}

/// A slot of each round: one kind, or several that share it.
pub(super) struct KindSlot<'s> {
    runs: Vec<&'s RunFn<'s>>,
    /// Number of runs between two reads of the clock.
    batch: u64,
    next: usize,
}

impl<'s> KindSlot<'s> {
    /// Creates a slot for `runs`, each of which takes `run_time` seconds. If they only launch
    /// work, all of them are launched at once.
    pub(super) fn new(runs: Vec<&'s RunFn<'s>>, run_time: f64, launches: bool) -> Self {
        let least = if launches { runs.len() as u64 } else { 1 };
        Self {
            runs,
            batch: batch(run_time).max(least),
            next: 0,
        }
    }

    /// Runs layer after layer until `until` and returns the number of runs.
    pub(super) fn fill(
        &mut self,
        clock: &dyn Clock,
        until: Nanos,
        synchronize: &RunFn<'_>,
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
    // A run time of 0 must not give an infinite batch.
    let runs = BATCH.seconds() / run_time.max(1e-9);
    runs.ceil() as u64
}

/// Returns the seconds of one run with warm caches and clocks.
pub(super) fn time_run(
    runs: &[RunFn<'_>],
    clock: &dyn Clock,
    synchronize: &RunFn<'_>,
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
    fn short_runs_are_batched() {
        assert_eq!(batch(1e-3), 1);
        assert_eq!(batch(5e-6), 1);
        assert_eq!(batch(3e-6), 334);
        assert_eq!(batch(0.0), 1_000_000);
    }
}
