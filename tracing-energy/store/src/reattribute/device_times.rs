//! Activations at the times at which a device did their work.
//!
//! The program launches work before the device begins it, so these activations begin later than
//! their rows state. They are held back until the replay reaches their begin:
//!
//! ```text
//! rows      a       b       wait
//! program   |a|     |b|     |-----wait-----|
//! device        |=====a=====|===b===|
//! opened    .   a   .       wait b
//! ```
//!
//! They are on a thread of the device, one for each thread of the program: the program does
//! something else at that time.

use std::collections::{BTreeMap, HashMap};

use crate::error::Error;
use crate::store::Store;
use energy_data::rows::{Domain, GPU_BEGAN, GPU_ENDED, SpanRow};

/// The times of a run's devices, and the activations that wait for theirs.
#[derive(Debug, Default)]
pub(super) struct DeviceTimes {
    /// Begin and end by number of the activation.
    times: HashMap<u64, (i64, i64)>,
    /// Number of the first thread of a device.
    first_thread: u32,
    waiting: BTreeMap<(i64, u64), SpanRow>,
}

impl DeviceTimes {
    /// Reads the times of run number `run`, if it has spans of a device.
    pub(super) fn read(store: &Store, run: i64) -> Result<Self, Error> {
        let callsites = store.callsites(run)?.all()?;
        if callsites.iter().all(|row| row.domain == Domain::Cpu) {
            return Ok(Self::default());
        }
        let mut times = HashMap::new();
        for row in store.fields(run)?.iter()? {
            let row = row?;
            times.extend(stated(&row.json).map(|stated| (row.span, stated)));
        }
        let threads = store.threads(run)?.all()?;
        let last = threads.iter().map(|thread| thread.id).max();
        Ok(Self {
            times,
            first_thread: last.unwrap_or(0) + 1,
            waiting: BTreeMap::new(),
        })
    }

    /// Returns the device's thread for the work of a thread of the program; `None` if no device
    /// stated times.
    pub(super) fn thread(&self, of: u32) -> Option<u32> {
        (!self.times.is_empty()).then_some(self.first_thread + of)
    }

    /// Holds an activation back until its device begins; returns it if it has no such time. A
    /// device begins no work before it is launched: other times are those of another clock.
    pub(super) fn hold(&mut self, span: SpanRow) -> Option<SpanRow> {
        let times = self.times.get(&span.seq).copied();
        let times = times.filter(|_| span.instance.is_none());
        let (Some((began_ns, ended_ns)), Some(thread)) = (
            times.filter(|(began_ns, _)| *began_ns >= span.start_ns),
            self.thread(span.thread),
        ) else {
            return Some(span);
        };
        let on_device = SpanRow {
            thread,
            start_ns: began_ns,
            end_ns: Some(ended_ns.max(began_ns)),
            ..span
        };
        self.waiting.insert((began_ns, span.seq), on_device);
        None
    }

    /// Returns the next activation that a device begins before or at `time_ns`.
    pub(super) fn next(&mut self, time_ns: i64) -> Option<SpanRow> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= time_ns).then(|| first.remove())
    }
}

/// Returns begin and end from an activation's fields.
fn stated(json: &str) -> Option<(i64, i64)> {
    if !json.contains(GPU_BEGAN) {
        return None;
    }
    let fields: serde_json::Value = serde_json::from_str(json).ok()?;
    Some((
        fields.get(GPU_BEGAN)?.as_i64()?,
        fields.get(GPU_ENDED)?.as_i64()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: u64, start_ns: i64) -> SpanRow {
        SpanRow {
            seq,
            node: 1,
            instance: None,
            parent: None,
            thread: 2,
            start_ns,
            end_ns: Some(start_ns + 1),
            token: None,
        }
    }

    #[test]
    fn activations_wait_for_their_device() {
        let mut device = DeviceTimes {
            times: HashMap::from([(1, (50, 70)), (2, (70, 90)), (3, (5, 6)), (4, (20, 30))]),
            first_thread: 10,
            waiting: BTreeMap::new(),
        };
        assert_eq!(device.hold(row(1, 10)), None);
        assert_eq!(device.hold(row(2, 11)), None);
        assert_eq!(
            device.hold(row(3, 12)),
            Some(row(3, 12)),
            "before its launch"
        );
        let again = SpanRow {
            instance: Some(1),
            ..row(4, 13)
        };
        assert_eq!(
            device.hold(again),
            Some(again),
            "one of several activations"
        );
        assert_eq!(device.hold(row(5, 14)), Some(row(5, 14)), "no times");
        assert_eq!(device.next(49), None);
        let first = device.next(50).expect("the first");
        assert_eq!((first.seq, first.thread), (1, 12));
        assert_eq!((first.start_ns, first.end_ns), (50, Some(70)));
        assert_eq!(device.next(i64::MAX).map(|span| span.seq), Some(2));
        assert_eq!(device.next(i64::MAX), None);
    }

    #[test]
    fn both_times_are_needed() {
        assert_eq!(
            stated(r#"{"energy.gpu.began_ns":5,"energy.gpu.ended_ns":9}"#),
            Some((5, 9))
        );
        assert_eq!(stated(r#"{"energy.gpu.began_ns":5}"#), None);
        assert_eq!(
            stated(r#"{"energy.gpu.began_ns":"x","energy.gpu.ended_ns":9}"#),
            None
        );
        assert_eq!(stated("{}"), None);
    }
}
