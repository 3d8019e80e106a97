//! One sample's part inside the run.
//!
//! ```text
//! run            |0 ----------------------- end|
//! samples  [ a ][ b ][ c ]   gap   [ d ][d'][ e ]
//! windows       |b|[ c ]           [ d ]  [' ][e]
//! ```
//!
//! The energy of a sample is reduced by the share of its time outside the run. A sample that
//! begins before the last one ended (`d'`) keeps its energy and loses that time.

use energy_data::rows::SampleRow;

/// One sample's part inside the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MeasuredPart {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) energy_j: Option<f64>,
    /// Start of the whole sample, on the sensor's clock.
    pub(crate) sample: i64,
    /// The part of the sample's energy that lies in the window.
    pub(crate) share: f64,
    /// Mean power of the whole sample, or of it with the samples before it, that counts for peaks.
    pub(crate) peak_w: Option<f64>,
}

/// A window that closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedWindow {
    /// Index of the rail.
    pub(crate) at: usize,
    pub(crate) measured: MeasuredPart,
    /// Start of a gap before it that was not reported yet.
    pub(crate) gap_from: Option<i64>,
}

impl MeasuredPart {
    /// Returns the part of a sample inside the run and after `from`, if any, without a
    /// peak.
    pub(crate) fn cut(sample: &SampleRow, from: i64, run_end: i64) -> Option<Self> {
        let length = sample.end_ns - sample.start_ns;
        let (inside_from, end) = (sample.start_ns.max(0), sample.end_ns.min(run_end));
        let start = inside_from.max(from);
        if length <= 0 || end <= start {
            return None;
        }
        let inside = (end - inside_from) as f64 / length as f64;
        let energy_j = sample.energy_j.filter(|energy| energy.is_finite());
        Some(Self {
            start,
            end,
            energy_j: energy_j.map(|energy| energy * inside),
            sample: sample.start_ns,
            share: inside,
            peak_w: None,
        })
    }
}
