//! A recording in memory.

use super::recorded::{Origin, RecordedSample};
use super::wall::Wall;
use super::{silent, tidy};
use crate::containment;
use crate::rail::{Notice, Rail, Sample, SensorMetric};
use energy_data::units::Nanos;

/// A recording in memory. Samples are sorted by end; the first one starts at zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its rails; samples refer to them by index.
    pub rails: Vec<Rail>,
    /// Samples in order; those of a rail do not overlap.
    pub samples: Vec<Sample>,
    /// Metrics other than energies.
    pub metrics: Vec<SensorMetric>,
    /// Start of the first sample, on the clock of the recording.
    pub first: Nanos,
    /// Time from the first start to the last end.
    pub length: Nanos,
    /// Start by the wall clock, if known.
    pub wall: Option<Wall>,
    /// Faults of the recording: duplicates, overlaps, gaps.
    pub notices: Vec<Notice>,
}

impl Recording {
    /// Creates a recording from samples in any order; `word` is what their places count.
    pub(super) fn new(
        mut rails: Vec<Rail>,
        found: Vec<RecordedSample>,
        word: &'static str,
        mut notices: Vec<Notice>,
    ) -> Result<Self, String> {
        let origin = Origin {
            rails: &rails,
            word,
        };
        let from = notices.len();
        let mut samples = tidy::tidy(found, origin, &mut notices)?;
        notices.extend(silent::check(&rails, &mut samples));
        notices.extend(containment::settle("recording", &mut rails, &samples));
        notices.extend(odd_unit(&samples));
        let first = samples.iter().map(|sample| sample.start).min();
        let first = first.unwrap_or_default();
        for sample in &mut samples {
            sample.start -= first;
            sample.end -= first;
        }
        for gap in notices[from..]
            .iter_mut()
            .filter(|one| matches!(one.kind, "gap" | "frozen"))
        {
            gap.time -= first;
        }
        Ok(Self {
            rails,
            first,
            length: samples.last().map(|sample| sample.end).unwrap_or_default(),
            samples,
            metrics: Vec::new(),
            wall: None,
            notices,
        })
    }

    /// Sets the wall clock if the recording's clock appears to count from 1970.
    pub(super) fn counts_from_1970(&mut self) {
        const YEAR_2001_NS: i64 = 1_000_000_000_000_000_000;
        self.wall = (self.first.nanos() > YEAR_2001_NS).then_some(Wall {
            start_unix_ns: self.first.nanos(),
            uncertainty: Nanos::ZERO,
        });
    }

    /// Returns the median length of its samples.
    pub fn interval(&self) -> Nanos {
        usual_length(&self.samples).unwrap_or_default()
    }
}

/// Returns the median length of samples.
fn usual_length(samples: &[Sample]) -> Option<Nanos> {
    let mut lengths: Vec<Nanos> = samples.iter().map(|s| s.end - s.start).collect();
    lengths.sort();
    lengths.get(lengths.len() / 2).copied()
}

/// Plausible lengths of samples.
const LONGEST_INTERVAL: Nanos = Nanos::from_millis(3_600_000);

const SHORTEST_INTERVAL: Nanos = Nanos::from_nanos(20_000);

/// Returns a notice where times are probably in another unit than the columns state.
fn odd_unit(samples: &[Sample]) -> Option<Notice> {
    let usual = usual_length(samples)?;
    let is_odd = !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&usual);
    is_odd.then(|| Notice {
        time: Nanos::ZERO,
        kind: "odd_unit",
        message: format!(
            "recording: its samples are {:e} s long: check the unit of its times; names of \
             columns end in the unit, as `timestamp_s` and `start_ns`",
            usual.seconds()
        ),
    })
}
