//! Samples of one rail that wait for their windows to close.
//!
//! ```text
//! closed |==|==|==|      | waiting, waiting ..      clock of the program
//!                 ^ closed_until
//! ```
//!
//! Samples are shifted by the offset of the sensor's clock, if it is known.

use std::collections::VecDeque;

use energy_data::PeakSamples;
use energy_data::rows::SampleRow;

use crate::windows::measured::MeasuredPart;

/// Waiting samples of one rail, in order of time.
#[derive(Debug, Default)]
pub(crate) struct SampleQueue {
    samples: VecDeque<SampleRow>,
    /// End of the last window.
    pub(crate) closed_until: i64,
    /// Start of the last gap that was reported.
    reported_gap: Option<i64>,
    /// Samples of closed windows.
    peaks: PeakSamples,
}

/// Adds a sample, and returns the power that counts for peaks.
fn add_to(peaks: &mut PeakSamples, sample: &SampleRow, interval_ns: i64) -> Option<f64> {
    let energy_j = sample.energy_j.filter(|energy| energy.is_finite())?;
    peaks.add((sample.start_ns, sample.end_ns), energy_j, interval_ns)
}

impl SampleQueue {
    /// Adds a sample with times on the sensor's clock.
    pub(crate) fn push(&mut self, mut sample: SampleRow, clock_offset_ns: i64) {
        sample.start_ns -= clock_offset_ns;
        sample.end_ns -= clock_offset_ns;
        self.samples.push_back(sample);
    }

    /// Returns the next window, if it ends by `limit`; samples without one are dropped. Offset of the
    /// clock and usual length of samples are those of the rail.
    pub(crate) fn next(
        &mut self,
        (clock_offset_ns, interval_ns): (i64, i64),
        run_end: i64,
        limit: i64,
    ) -> Option<MeasuredPart> {
        while let Some(sample) = self.samples.front() {
            match MeasuredPart::cut(sample, self.closed_until, run_end) {
                Some(mut measured) => {
                    measured.sample += clock_offset_ns;
                    let mut peaks = self.peaks;
                    measured.peak_w = add_to(&mut peaks, sample, interval_ns);
                    return (measured.end <= limit).then_some(measured);
                }
                None if sample.start_ns >= run_end && limit < run_end => return None,
                None => drop(self.samples.pop_front()),
            }
        }
        None
    }

    /// Removes the window that [`Self::next`] returned.
    pub(crate) fn take(&mut self, measured: &MeasuredPart, interval_ns: i64) {
        if let Some(sample) = self.samples.pop_front() {
            add_to(&mut self.peaks, &sample, interval_ns);
        }
        self.closed_until = measured.end;
    }

    /// Returns the time before which no later window of this rail needs data, if spans are
    /// complete until `spans_until`.
    pub(crate) fn reached(&self, spans_until: i64, patience: i64) -> i64 {
        let expired = spans_until.saturating_sub(patience);
        self.closed_until.max(expired.min(self.waiting_from()))
    }

    /// Returns the start of a gap before `time` that is too long and not yet reported, and marks
    /// it as reported.
    pub(crate) fn unreported_gap(&mut self, time: i64, patience: i64) -> Option<i64> {
        let start = self.closed_until;
        let long = time.min(self.waiting_from()).saturating_sub(start) > patience;
        (long && self.reported_gap.replace(start) != Some(start)).then_some(start)
    }

    fn waiting_from(&self) -> i64 {
        self.samples.front().map_or(i64::MAX, |s| s.start_ns)
    }
}
