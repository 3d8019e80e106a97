//! Drops implausible samples, with the limits of live sampling.

use std::collections::BTreeMap;

use super::recorded::{Origin, RecordedSample, notice};
use crate::rail::{Notice, Sample};
use crate::validate::implausible;
use energy_data::units::Nanos;

/// The longest plausible interval.
const LONGEST: Nanos = Nanos::from_millis(7 * 86_400_000);

/// Drops implausible samples of `found`, with one notice for each rail and reason.
///
/// # Errors
/// A message, if all samples are implausible.
pub(super) fn drop_implausible(
    found: &mut Vec<RecordedSample>,
    origin: Origin<'_>,
    notices: &mut Vec<Notice>,
) -> Result<(), String> {
    let had_any = !found.is_empty();
    let mut faults: BTreeMap<(usize, &str), (usize, RecordedSample)> = BTreeMap::new();
    found.retain(|one| {
        let fault = fault(&one.sample);
        if let Some(why) = fault {
            let (count, _) = faults.entry((one.sample.rail, why)).or_insert((0, *one));
            *count += 1;
        }
        fault.is_none()
    });
    let messages = faults.into_iter().map(|((_, why), (count, first))| {
        let (rail, word, place) = (origin.rail(&first.sample), origin.word, first.place);
        format!(
            "recording: {count} samples of rail {rail} {why} were dropped (first: {word} {place})"
        )
    });
    let messages: Vec<String> = messages.collect();
    if had_any && found.is_empty() {
        return Err(format!(
            "it holds no plausible sample; {}: are times and energies in the units of the header?",
            messages.join("; ")
        ));
    }
    notices.extend(
        messages
            .into_iter()
            .map(|text| notice("dropped_sample", text)),
    );
    Ok(())
}

fn fault(sample: &Sample) -> Option<&'static str> {
    match sample.end - sample.start {
        length if length > LONGEST => Some("that last more than a week"),
        _ => implausible(sample.start, sample.end, sample.energy),
    }
}
