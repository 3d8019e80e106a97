//! Merges the packs of one day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::manifest::{
    PackKey, compacted_name, generation, is_newer_pack, object_of, rows_in, sha256_in, table_in,
};
use super::report::CompactReport;
use crate::columns::{FLEET_TABLES, FleetTable, PACKS};
use crate::destination::{Destination, ObjectEntry};
use crate::encode::{Cell, ObjectRows, TableEncoder, decode};
use crate::error::{Error, Result};
use energy_query::checksum::sha256_of;

/// Rows of the manifests of packs.
type PackRows = BTreeMap<PackKey, Vec<Vec<Cell>>>;

pub(super) struct DayCompaction<'c> {
    root: &'c dyn Destination,
    day: String,
    keep: Duration,
    report: &'c mut CompactReport,
}

impl<'c> DayCompaction<'c> {
    pub(super) fn new(
        root: &'c dyn Destination,
        day: String,
        keep: Duration,
        report: &'c mut CompactReport,
    ) -> Self {
        Self {
            root,
            day,
            keep,
            report,
        }
    }

    /// Compacts the packs of `manifests` that no compacted object holds.
    pub(super) fn run(mut self, manifests: Vec<ObjectEntry>) -> Result<()> {
        let (compacted, sources): (Vec<_>, Vec<_>) = manifests
            .into_iter()
            .partition(|object| generation(object.name()).is_some());
        let newest = compacted.last();
        let mut known = PackRows::new();
        if let Some(newest) = newest {
            self.read_manifest(&newest.path, &PackRows::new(), &mut known)?;
            if !known
                .values()
                .all(|rows| self.is_readable(&newest.path, rows))
            {
                return Ok(());
            }
            if newest.age.is_some_and(|age| age >= self.keep) {
                self.remove_sources(&known, &compacted)?;
            }
        }
        let mut new = PackRows::new();
        for source in &sources {
            self.read_manifest(&source.path, &known, &mut new)?;
        }
        new.retain(|_, rows| self.is_whole(rows));
        match new.is_empty() {
            true => Ok(()),
            false => self.write(&new, newest.map(|newest| (newest.name(), &known))),
        }
    }

    fn path(&self, table: &FleetTable, name: &str) -> String {
        format!("v1/{}/{}/{name}", table.name, self.day)
    }

    /// Adds the rows of a manifest, except those of known packs. One that is removed is skipped.
    fn read_manifest(
        &mut self,
        object: &str,
        known: &PackRows,
        packs: &mut PackRows,
    ) -> Result<()> {
        let Some(bytes) = self.root.get(object)? else {
            return Ok(());
        };
        let read = decode(object, bytes, &PACKS, &mut |row| {
            if let Some(key) = PackKey::of(&row).filter(|key| !known.contains_key(key)) {
                packs.entry(key).or_default().push(row);
            }
            Ok(())
        });
        if let Err(error) = read {
            self.report.warnings.push(error.to_string());
        }
        Ok(())
    }

    /// Returns whether this program knows all columns of a pack: of a newer one it would lose some.
    fn is_readable(&mut self, object: &str, rows: &[Vec<Cell>]) -> bool {
        let is_newer = rows.iter().any(|row| is_newer_pack(row));
        if is_newer {
            self.report.warnings.push(format!(
                "{object}: a newer version of this program has written it; it stays as it is. Compact \
                 with that version"
            ));
        }
        !is_newer
    }

    /// Returns whether all objects of a pack are there with the content of the manifest.
    fn is_whole(&mut self, rows: &[Vec<Cell>]) -> bool {
        let runs = rows
            .iter()
            .find_map(|row| object_of(row))
            .unwrap_or("a pack");
        if !self.is_readable(runs, rows) {
            return false;
        }
        for row in rows {
            let Some(object) = object_of(row) else {
                continue;
            };
            let why = match self.root.get(object) {
                Ok(Some(bytes)) if Some(sha256_of(&bytes).as_str()) == sha256_in(row) => continue,
                Ok(Some(_)) => "its content is not that of the manifest".to_owned(),
                Ok(None) => "it is missing".to_owned(),
                Err(error) => error.to_string(),
            };
            self.report.warnings.push(format!(
                "{object}: {why}; its pack is left out. Restore it and compact again"
            ));
            return false;
        }
        true
    }

    /// Writes the objects of the next generation, the manifests last.
    fn write(&mut self, new: &PackRows, newest: Option<(&str, &PackRows)>) -> Result<()> {
        let name = self.next_name()?;
        for table in FLEET_TABLES.iter().filter(|table| **table != PACKS) {
            self.merge(table, new, (newest, &name))?;
        }
        self.merge(&PACKS, new, (newest, &name))?;
        self.report.days += 1;
        self.report.packs += new.len();
        Ok(())
    }

    /// Returns a name that no table of the day has: a compaction that was ended early leaves some.
    fn next_name(&self) -> Result<String> {
        let mut last = 0;
        for table in FLEET_TABLES {
            let folder = format!("v1/{}/{}", table.name, self.day);
            let objects = self.root.list(&folder)?;
            let numbers = objects
                .iter()
                .filter_map(|object| generation(object.name()));
            last = numbers.max().unwrap_or(0).max(last);
        }
        Ok(compacted_name(last + 1))
    }

    /// Writes the rows of the newest compacted object and of new packs in order.
    fn merge(
        &mut self,
        table: &FleetTable,
        new: &PackRows,
        (newest, name): (Option<(&str, &PackRows)>, &str),
    ) -> Result<()> {
        let mut merged = TableEncoder::new(table)?;
        let mut earlier = self
            .earlier(table, newest)?
            .into_iter()
            .flatten()
            .peekable();
        for (key, manifest) in new {
            let is_before = |row: &Result<Vec<Cell>>| match row {
                Ok(row) => PackKey::of(row).is_none_or(|of| of < *key),
                Err(_) => true,
            };
            while let Some(row) = earlier.next_if(is_before) {
                merged.push(&row?)?;
            }
            self.add_pack(table, manifest, &mut merged)?;
        }
        for row in earlier {
            merged.push(&row?)?;
        }
        if merged.rows() == 0 {
            return Ok(());
        }
        let bytes = merged.finish()?;
        self.report.bytes += bytes.len() as u64;
        self.root.put(&self.path(table, name), &bytes).map(drop)
    }

    /// Opens the newest compacted object of a table; `None` if its packs have no rows of it.
    fn earlier(
        &self,
        table: &FleetTable,
        newest: Option<(&str, &PackRows)>,
    ) -> Result<Option<ObjectRows>> {
        let Some((newest, known)) = newest else {
            return Ok(None);
        };
        let (path, expected) = (self.path(table, newest), rows_of(table, known));
        let rows = match self.root.get(&path)? {
            Some(bytes) => Some(ObjectRows::new(&path, bytes, table)?),
            None => None,
        };
        match rows.as_ref().map_or(0, ObjectRows::row_count) == expected {
            true => Ok(rows),
            false => Err(Error::Sink(format!(
                "{path} is missing, or lacks rows of its packs; restore it. Nothing was changed on this \
                 day"
            ))),
        }
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
        for object in manifest
            .iter()
            .filter(of_table)
            .filter_map(|row| object_of(row))
        {
            let Some(bytes) = self.root.get(object)? else {
                let text = format!("{object} was removed while it was compacted; compact again");
                return Err(Error::Sink(text));
            };
            decode(object, bytes, table, &mut |row| merged.push(&row))?;
        }
        Ok(())
    }

    /// Removes the sources of compacted packs, and earlier compacted objects, if the newest ones have
    /// all of their rows.
    fn remove_sources(&mut self, packs: &PackRows, compacted: &[ObjectEntry]) -> Result<()> {
        let newest = compacted.last().map_or("", ObjectEntry::name);
        let mut removed: Vec<String> = Vec::new();
        for table in FLEET_TABLES {
            let folder = format!("v1/{}/{}", table.name, self.day);
            let names: BTreeSet<String> = packs
                .values()
                .flatten()
                .filter_map(|row| object_of(row)?.rsplit('/').next().map(str::to_owned))
                .collect();
            for object in self.root.list(&folder)? {
                let is_earlier = generation(object.name()).is_some() && object.name() < newest;
                if is_earlier || names.contains(object.name()) {
                    removed.push(object.path);
                }
            }
        }
        if !removed.is_empty() {
            for table in &FLEET_TABLES {
                self.earlier(table, Some((newest, packs)))?;
            }
        }
        for object in &removed {
            self.root.remove(object)?;
        }
        self.report.removed += removed.len();
        Ok(())
    }
}

/// Returns the number of rows that packs have of a table.
fn rows_of(table: &FleetTable, packs: &PackRows) -> u64 {
    let rows = packs.values().flatten();
    match *table == PACKS {
        true => rows.count() as u64,
        false => rows
            .filter(|row| table_in(row) == Some(table.name))
            .map(|row| rows_in(row))
            .sum(),
    }
}
