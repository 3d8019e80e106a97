//! A recorded sample, where it stands in its file, and notices about it.

use crate::rail::{Notice, Rail, Sample};
use energy_data::units::Nanos;

/// A sample with its place in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RecordedSample {
    pub(super) sample: Sample,
    /// Line or document number.
    pub(super) place: u64,
}

/// The context of samples, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) rails: &'a [Rail],
    /// What [`RecordedSample::place`] counts: `line` or `sample`.
    pub(super) word: &'static str,
}

impl Origin<'_> {
    pub(super) fn rail(&self, sample: &Sample) -> &str {
        let rail = self.rails.get(sample.rail);
        rail.map_or("", |rail| rail.name.as_str())
    }

    /// Returns the error for two values of a rail at one time.
    pub(super) fn two_values(&self, first: &RecordedSample, second: &RecordedSample) -> String {
        let (rail, word) = (self.rail(&first.sample), self.word);
        let (first, second) = (first.place, second.place);
        format!(
            "{word} {second}: rail {rail} has two values at one time (the other one: {word} \
             {first}): two meters share the name, or the clock was set back; use one rail name per \
             meter, or correct the times"
        )
    }
}

/// Adds a notice with the number of corrected samples, if there are any.
pub(super) fn count(notices: &mut Vec<Notice>, kind: &'static str, count: usize, what: &str) {
    if count > 0 {
        notices.push(notice(kind, format!("recording: {count} samples {what}")));
    }
}

/// Returns a notice about the recording as a whole.
pub(super) const fn notice(kind: &'static str, message: String) -> Notice {
    Notice {
        time: Nanos::ZERO,
        kind,
        message,
    }
}
