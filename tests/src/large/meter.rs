//! Simulates the readings of a sensor during spans.

use energy_data::rows::SampleRow;

/// Time between samples.
pub(super) const SAMPLE_NS: i64 = 100_000_000;
/// Idle power of the rails.
pub(super) const IDLE_W: [f64; 2] = [4.0, 0.8];
/// Power of memory relative to the power of spans, in addition to it.
const MEMORY: f64 = 0.15;

/// Active energy by sample.
#[derive(Debug, Default)]
pub(super) struct SampleMeter {
    /// Index of the first sample that was not returned yet.
    first: i64,
    joules: Vec<f64>,
}

impl SampleMeter {
    /// Adds work of `watts` from `start` to `end`, in run time.
    pub(super) fn work(&mut self, start: i64, end: i64, watts: f64) {
        let mut from = start;
        while from < end {
            let sample = from.div_euclid(SAMPLE_NS);
            let to = end.min((sample + 1) * SAMPLE_NS);
            let at = usize::try_from(sample - self.first).unwrap_or(0);
            if self.joules.len() <= at {
                self.joules.resize(at + 1, 0.0);
            }
            self.joules[at] += watts * (to - from) as f64 / 1e9;
            from = to;
        }
    }

    /// The samples that end by `until`: package and memory.
    pub(super) fn take(&mut self, until: i64, mut noise: impl FnMut() -> f64) -> Vec<SampleRow> {
        let ended = until.div_euclid(SAMPLE_NS) - self.first;
        let ended = usize::try_from(ended).unwrap_or(0);
        self.joules.resize(self.joules.len().max(ended), 0.0);
        let taken: Vec<f64> = self.joules.drain(..ended).collect();
        let mut rows = Vec::with_capacity(2 * taken.len());
        for active_j in taken {
            let start_ns = self.first * SAMPLE_NS;
            for (at, part) in [1.0, MEMORY].into_iter().enumerate() {
                let idle_j = IDLE_W[at] * SAMPLE_NS as f64 / 1e9;
                rows.push(SampleRow {
                    rail: at as u32 + 1,
                    start_ns,
                    end_ns: start_ns + SAMPLE_NS,
                    energy_j: Some((idle_j + active_j * part) * (1.0 + 0.01 * noise())),
                });
            }
            self.first += 1;
        }
        rows
    }
}
