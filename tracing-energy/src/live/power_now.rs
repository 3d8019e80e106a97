//! The latest reading of each rail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use energy_data::rows::{RailRow, SampleRow};
use energy_data::{Provenance, RailKind};

/// Power of a rail according to its latest reading.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RailPower {
    /// Source that reads it.
    pub source: String,
    /// Name within the source.
    pub rail: String,
    /// Part of the machine that it supplies.
    pub kind: RailKind,
    /// Whether no other rail contains it: powers of root rails add up.
    pub is_root: bool,
    /// Whether power is measured or modelled.
    pub provenance: Provenance,
    /// Mean power of the reading; `None` if the sensor reported none, or nothing was read yet.
    pub power_w: Option<f64>,
    /// Run time in ns when the reading began; `None` before the first one.
    pub start_ns: Option<i64>,
    /// Run time in ns when it ended.
    pub end_ns: Option<i64>,
}

/// The latest readings, exchanged between the collector and the guard. The lock is held only to
/// exchange a pointer.
#[derive(Debug, Default)]
pub(crate) struct PowerNow(Mutex<Arc<[RailPower]>>);

impl PowerNow {
    /// Returns the latest readings.
    pub(crate) fn get(&self) -> Arc<[RailPower]> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the latest readings: `latest` by rail.
    pub(crate) fn set(&self, rails: &[RailRow], latest: &BTreeMap<u32, SampleRow>) {
        let powers = rails.iter().map(|row| power(row, latest.get(&row.id)));
        let powers: Arc<[RailPower]> = powers.collect();
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = std::mem::replace(&mut *current, powers);
        drop(current);
        // Freed without the lock.
        drop(earlier);
    }
}

fn power(row: &RailRow, sample: Option<&SampleRow>) -> RailPower {
    let power_w = sample.and_then(|sample| {
        let time_ns = sample.end_ns - sample.start_ns;
        let energy_j = sample.energy_j.filter(|_| time_ns > 0)?;
        Some(energy_j * 1e9 / time_ns as f64)
    });
    RailPower {
        source: row.source.clone(),
        rail: row.name.clone(),
        kind: row.kind,
        is_root: row.parent.is_none(),
        provenance: row.provenance,
        power_w,
        start_ns: sample.map(|sample| sample.start_ns),
        end_ns: sample.map(|sample| sample.end_ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::Kernel;

    #[test]
    fn unknown_power_is_none() {
        let row = RailRow {
            id: 1,
            source: "rapl".into(),
            name: "package-0".into(),
            parent: None,
            kind: RailKind::Cpu,
            unit: "uJ".into(),
            interval_ns: 1,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
        };
        let rails = [row];
        let now = PowerNow::default();
        assert!(now.get().is_empty());
        now.set(&rails, &BTreeMap::new());
        assert_eq!((now.get()[0].power_w, now.get()[0].end_ns), (None, None));
        let sample = |energy_j, end_ns| SampleRow {
            rail: 1,
            start_ns: 100,
            end_ns,
            energy_j,
        };
        let cases = [
            (sample(None, 200), None),
            (sample(Some(1.0), 100), None),
            (sample(Some(2.0), 500_000_100), Some(4.0)),
        ];
        for (sample, expected) in cases {
            now.set(&rails, &BTreeMap::from([(1, sample)]));
            let power = &now.get()[0];
            assert_eq!((power.power_w, power.is_root), (expected, true));
            assert_eq!(power.end_ns, Some(sample.end_ns));
        }
    }
}
