//! Merges the packs of each day into one sorted object for each table.
//!
//! ```text
//! v1/TABLE/date=D/HOSTID.RUN.SEQ.aN.parquet      a pack: tables, then its manifest
//! v1/TABLE/date=D/compacted.00000001.parquet     many packs: tables, then their manifests
//! v1/TABLE/date=D/compacted.00000002.parquet     the same ones and later ones
//! ```
//!
//! A row counts if its object has the name of the object with its pack's manifest. Of several
//! manifests of one pack, the compacted one with the greatest name counts. So both forms can exist at
//! once: each row is read once. Sources are removed by a later call, when readers that began before
//! have ended.

mod day;
mod manifest;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::destination::{Destination, ObjectEntry};
use crate::error::Result;
use day::DayCompaction;

pub use report::CompactReport;

pub(crate) use manifest::{PackKey, is_compacted, is_newer_pack, object_of, sha256_in, table_in};

/// Compacts all days with new packs, and removes the sources of objects that were compacted at least
/// `keep` ago. `on_progress` is called before each day with its name.
///
/// # Errors
/// If objects cannot be listed, read, written or removed.
pub fn compact(
    root: &dyn Destination,
    keep: Duration,
    on_progress: &mut dyn FnMut(&str),
) -> Result<CompactReport> {
    let mut days: BTreeMap<String, Vec<ObjectEntry>> = BTreeMap::new();
    for object in root.list("v1/packs")? {
        let mut parts = object.path.split('/').skip(2);
        if let Some(day) = parts.next().filter(|day| day.starts_with("date=")) {
            days.entry(day.to_owned()).or_default().push(object);
        }
    }
    let mut report = CompactReport::default();
    for (day, manifests) in days {
        on_progress(&day);
        DayCompaction::new(root, day, keep, &mut report).run(manifests)?;
    }
    Ok(report)
}
