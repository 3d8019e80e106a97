//! Finds zeros of a recording that are not real: the counter was frozen while the metered
//! device worked. Live recording applies the same rule, but must decide before it knows later
//! samples.

use super::frozen::FROZEN_AFTER;
use energy_data::units::{Energy, Nanos};

/// One window of a recording, for [`unknown_under_load`].
#[derive(Debug, Clone, Copy)]
pub(super) struct WindowReading {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) energy: Option<Energy>,
    /// Mean number of active processors on the rail, if known.
    pub(super) busy: Option<f64>,
}

/// Returns the indices of windows that read 0 for at least [`FROZEN_AFTER`] while the metered
/// device worked for half of that time. A rail that is 0 in all windows may be shorter.
pub(super) fn unknown_under_load(readings: impl Iterator<Item = WindowReading>) -> Vec<usize> {
    let readings: Vec<WindowReading> = readings.collect();
    let is_zero =
        |reading: &WindowReading| reading.energy == Some(Energy::ZERO) && reading.busy.is_some();
    let mut unknown = Vec::new();
    let mut at = 0;
    for run in readings.chunk_by(|a, b| is_zero(a) == is_zero(b)) {
        let first = at;
        at += run.len();
        if !is_zero(&run[0]) {
            continue;
        }
        let length = |reading: &WindowReading| (reading.end - reading.start).seconds();
        let time: f64 = run.iter().map(length).sum();
        let work: f64 = run
            .iter()
            .map(|reading| length(reading) * reading.busy.unwrap_or_default())
            .sum();
        let is_long = time >= FROZEN_AFTER.seconds() || run.len() == readings.len();
        if is_long && work >= time / 2.0 {
            unknown.extend(first..at);
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the indices that become unknown, for windows of half a second.
    fn unknown(windows: &[(Option<f64>, Option<f64>)]) -> Vec<usize> {
        let readings = (0..)
            .zip(windows)
            .map(|(at, &(joules, busy))| WindowReading {
                start: Nanos::from_millis(500 * at),
                end: Nanos::from_millis(500 * (at + 1)),
                energy: joules.map(Energy::from_joules),
                busy,
            });
        unknown_under_load(readings)
    }

    #[test]
    fn zero_under_load_is_unknown_in_a_recording() {
        let (zero, some) = ((Some(0.0), Some(1.9)), (Some(4.0), Some(1.9)));
        let all: Vec<usize> = (0..4).collect();
        assert_eq!(unknown(&[zero; 4]), all, "of all windows");
        let mut windows = vec![some; 2];
        windows.extend([zero; 6]);
        windows.push(some);
        assert_eq!(
            unknown(&windows),
            (2..8).collect::<Vec<_>>(),
            "for three seconds"
        );
        windows.remove(3);
        assert!(unknown(&windows).is_empty(), "a batch");
        for idle in [(Some(0.0), Some(0.2)), (Some(0.0), None), (None, Some(2.0))] {
            assert!(unknown(&[idle; 20]).is_empty(), "{idle:?}");
        }
    }
}
