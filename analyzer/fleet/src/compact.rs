//! Merges the packs of each day into one sorted object for each table.
//!
//! ```text
//! ROOT/v1/TABLE/date=D/HOSTID.RUN.SEQ.aN.parquet     immutable, stay where they are
//! INTO/v1/TABLE/date=D/compact.parquet               one object, replaced as a whole
//! ```
//!
//! Readers read one of both roots, so no row is counted twice. An object is replaced in one step, and
//! the manifest last: rows of a pack that the manifest does not list yet are not read. Packs that are
//! compacted stay in the object even if their sources were removed since.

use std::collections::{BTreeMap, BTreeSet};

use crate::columns::{FLEET_TABLES, FleetTable, PACKS};
use crate::destination::Destination;
use crate::encode::{Cell, ObjectRows, TableEncoder, decode};
use crate::error::{Error, Result};
use crate::format::counted;
use energy_query::checksum::sha256_of;

/// Name of the object of a day and table.
const NAME: &str = "compact.parquet";

/// What was compacted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Days with new packs.
    pub days: u64,
    /// New packs.
    pub packs: u64,
    /// Bytes of the objects that were written.
    pub bytes: u64,
    /// Packs that are left out, with the reason.
    pub warnings: Vec<String>,
}

/// Order of rows: all rows of a pack are together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackKey {
    pub(crate) host_id: Option<String>,
    pub(crate) run: String,
    pub(crate) bucket: i64,
    pub(crate) attribution: i64,
}

impl PackKey {
    /// Returns the pack of a row of any table; `None` if the row lacks one of its keys.
    pub(crate) fn of(row: &[Cell]) -> Option<Self> {
        Some(Self {
            host_id: row.first()?.text().map(str::to_owned),
            run: row.get(3)?.text()?.to_owned(),
            attribution: row.get(4)?.whole()?,
            bucket: row.get(5)?.whole()?,
        })
    }
}

/// Compacts all days with new packs. `on_progress` is called before each day with its name.
///
/// # Errors
/// If objects cannot be listed, read or written.
pub fn compact(
    source: &dyn Destination,
    target: &dyn Destination,
    on_progress: &mut dyn FnMut(&str),
) -> Result<CompactReport> {
    if source.root() == target.root() {
        let text =
            "sources and compacted objects need different roots: give another one with --into";
        return Err(Error::Request(text.to_owned()));
    }
    let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in source.list("v1/packs")? {
        if let Some((folder, _)) = object.rsplit_once('/') {
            days.entry(folder.trim_start_matches("v1/packs/").to_owned())
                .or_default()
                .push(object);
        }
    }
    let mut report = CompactReport::default();
    for (day, manifests) in days {
        on_progress(&day);
        let mut compaction = DayCompaction {
            source,
            target,
            day,
            report: &mut report,
        };
        compaction.run(&manifests)?;
    }
    Ok(report)
}

struct DayCompaction<'c> {
    source: &'c dyn Destination,
    target: &'c dyn Destination,
    day: String,
    report: &'c mut CompactReport,
}

/// Rows of the manifests of new packs.
type NewPacks = BTreeMap<PackKey, Vec<Vec<Cell>>>;

impl DayCompaction<'_> {
    fn run(&mut self, manifests: &[String]) -> Result<()> {
        let known = self.known()?;
        let mut new = NewPacks::new();
        for manifest in manifests {
            self.read_manifest(manifest, &known, &mut new)?;
        }
        new.retain(|_, rows| self.is_whole(rows));
        if new.is_empty() {
            return Ok(());
        }
        for table in FLEET_TABLES.iter().filter(|table| **table != PACKS) {
            self.merge(table, &new)?;
        }
        self.merge(&PACKS, &new)?;
        self.report.days += 1;
        self.report.packs += new.len() as u64;
        Ok(())
    }

    fn object(&self, table: &FleetTable) -> String {
        format!("v1/{}/{}/{NAME}", table.name, self.day)
    }

    /// Returns the packs that are compacted already.
    fn known(&self) -> Result<BTreeSet<PackKey>> {
        let object = self.object(&PACKS);
        let mut known = BTreeSet::new();
        if let Some(bytes) = self.target.get(&object)? {
            decode(&object, bytes, &PACKS, &mut |row| {
                known.extend(PackKey::of(&row));
                Ok(())
            })?;
        }
        Ok(known)
    }

    fn read_manifest(
        &mut self,
        object: &str,
        known: &BTreeSet<PackKey>,
        new: &mut NewPacks,
    ) -> Result<()> {
        let Some(bytes) = self.source.get(object)? else {
            return Ok(());
        };
        let read = decode(object, bytes, &PACKS, &mut |row| {
            if let Some(key) = PackKey::of(&row).filter(|key| !known.contains(key)) {
                new.entry(key).or_default().push(row);
            }
            Ok(())
        });
        if let Err(error) = read {
            self.report.warnings.push(error.to_string());
        }
        Ok(())
    }

    /// Returns whether all objects of a pack are there with the content of the manifest.
    fn is_whole(&mut self, rows: &[Vec<Cell>]) -> bool {
        let mut warn = |object: &str, why: &str| {
            self.report.warnings.push(format!(
                "{object}: {why}; its pack is left out. Restore it and compact again"
            ));
            false
        };
        for row in rows {
            let (Some(object), sha256) = (object_of(row), sha256_in(row)) else {
                continue;
            };
            let is_good = match self.source.get(object) {
                Ok(Some(bytes)) if Some(sha256_of(&bytes).as_str()) == sha256 => true,
                Ok(Some(_)) => warn(object, "its content is not that of the manifest"),
                Ok(None) => warn(object, "it is missing"),
                Err(error) => warn(object, &error.to_string()),
            };
            if !is_good {
                return false;
            }
        }
        true
    }

    /// Writes the rows of the existing object and of new packs in order.
    fn merge(&mut self, table: &FleetTable, new: &NewPacks) -> Result<()> {
        let object = self.object(table);
        let mut merged = TableEncoder::new(table)?;
        let existing = match self.target.get(&object)? {
            Some(bytes) => Some(ObjectRows::new(&object, bytes, table)?),
            None => None,
        };
        let mut existing = existing.into_iter().flatten().peekable();
        for (key, manifest) in new {
            let is_before = |row: &Result<Vec<Cell>>| match row {
                Ok(row) => PackKey::of(row).is_none_or(|of| of < *key),
                Err(_) => true,
            };
            while let Some(row) = existing.next_if(is_before) {
                merged.push(&row?)?;
            }
            self.add_pack(table, manifest, &mut merged)?;
        }
        for row in existing {
            merged.push(&row?)?;
        }
        if merged.rows() == 0 {
            return Ok(());
        }
        let bytes = merged.finish()?;
        self.report.bytes += bytes.len() as u64;
        self.target.replace(&object, &bytes)
    }

    fn add_pack(
        &self,
        table: &FleetTable,
        manifest: &[Vec<Cell>],
        merged: &mut TableEncoder,
    ) -> Result<()> {
        if *table == PACKS {
            return manifest.iter().try_for_each(|row| merged.push(row));
        }
        let of_table = |row: &&Vec<Cell>| table_in(row) == Some(table.name);
        for row in manifest.iter().filter(of_table) {
            let Some(object) = object_of(row) else {
                continue;
            };
            let Some(bytes) = self.source.get(object)? else {
                return Err(Error::Sink(format!(
                    "{object} was removed while it was compacted"
                )));
            };
            decode(object, bytes, table, &mut |row| merged.push(&row))?;
        }
        Ok(())
    }
}

/// Returns the object that a row of a manifest names.
pub(crate) fn object_of(row: &[Cell]) -> Option<&str> {
    row.get(PACKS.position("object")?)?.text()
}

/// Returns the SHA-256 in a row of a manifest.
pub(crate) fn sha256_in(row: &[Cell]) -> Option<&str> {
    row.get(PACKS.position("sha256")?)?.text()
}

/// Returns the table that a row of a manifest describes.
pub(crate) fn table_in(row: &[Cell]) -> Option<&str> {
    row.get(PACKS.position("table_name")?)?.text()
}

impl CompactReport {
    /// Returns the result as a sentence.
    pub fn text(&self) -> String {
        match self.packs {
            0 => "no new pack to compact".to_owned(),
            packs => format!(
                "{} of {} compacted into {}",
                counted(usize::try_from(packs).unwrap_or(usize::MAX), "pack"),
                counted(usize::try_from(self.days).unwrap_or(usize::MAX), "day"),
                crate::format::bytes(Some(self.bytes))
            ),
        }
    }
}
