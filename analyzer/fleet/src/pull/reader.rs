//! Reads the tables of runs: each object once.

use std::collections::BTreeMap;

use super::select::RunPacks;
use crate::columns::FleetTable;
use crate::compact::{PackKey, object_of, sha256_in, table_in};
use crate::destination::Destination;
use crate::encode::{Cell, decode};
use crate::error::{Error, Result};
use energy_query::checksum::sha256_of;

/// Reads the packs of several runs.
pub(super) struct PackReader<'r> {
    source: &'r dyn Destination,
    /// The runs by number.
    pub(super) runs: BTreeMap<usize, RunPacks>,
    /// Why runs are left out.
    pub(super) faults: Vec<String>,
}

/// Packs in one compacted object, with the numbers of their runs.
type CompactedPacks = BTreeMap<PackKey, usize>;

/// Receives the number of a run and a row.
type Emit<'e> = dyn FnMut(usize, Vec<Cell>) + 'e;

impl<'r> PackReader<'r> {
    pub(super) fn new(source: &'r dyn Destination, runs: Vec<RunPacks>) -> Self {
        Self {
            source,
            runs: runs.into_iter().enumerate().collect(),
            faults: Vec::new(),
        }
    }

    /// Passes the rows of a table to `emit`. Runs with a missing or changed object are left out.
    ///
    /// # Errors
    /// If objects cannot be read.
    pub(super) fn read(&mut self, table: &FleetTable, emit: &mut Emit<'_>) -> Result<()> {
        let mut compacted: BTreeMap<String, CompactedPacks> = BTreeMap::new();
        let mut faulty: BTreeMap<usize, String> = BTreeMap::new();
        for (no, run) in &self.runs {
            for (object, origin, row) in objects(run, table) {
                match origin {
                    Some(origin) => {
                        let folder = object.rsplit_once('/').map_or("", |(folder, _)| folder);
                        let packs = compacted.entry(format!("{folder}/{origin}")).or_default();
                        packs.extend(PackKey::of(row).map(|key| (key, *no)));
                    }
                    None => {
                        let read = self.object(table, object, sha256_in(row), &mut |row| {
                            emit(*no, row);
                        });
                        faulty.extend(fault(read)?.map(|why| (*no, why)));
                    }
                }
            }
        }
        for (object, packs) in &compacted {
            let read = self.object(table, object, None, &mut |row| {
                if let Some(no) = PackKey::of(&row).and_then(|key| packs.get(&key)) {
                    emit(*no, row);
                }
            });
            if let Some(why) = fault(read)? {
                faulty.extend(packs.values().map(|no| (*no, why.clone())));
            }
        }
        self.leave_out(faulty);
        Ok(())
    }

    /// Passes the rows of an object to `emit`. Its content must be that of the manifest; `None`:
    /// unknown.
    fn object(
        &self,
        table: &FleetTable,
        object: &str,
        sha256: Option<&str>,
        emit: &mut dyn FnMut(Vec<Cell>),
    ) -> Result<()> {
        let faulty = |what: &str| {
            Err(Error::Conflict(format!(
                "{object}: {what}; restore it, or attribute its run again with `energy attribute` and \
                 push: the new attribution is sent whole"
            )))
        };
        let Some(bytes) = self.source.get(object)? else {
            return faulty(
                "it is missing. If packs were compacted in this moment, pull again; else",
            );
        };
        if sha256.is_some_and(|sha256| sha256_of(&bytes) != sha256) {
            return faulty("its content is not that of the manifest");
        }
        decode(object, bytes, table, &mut |row| {
            emit(row);
            Ok(())
        })
    }

    fn leave_out(&mut self, faulty: BTreeMap<usize, String>) {
        for (no, why) in faulty {
            let uuid = self.runs.remove(&no).and_then(|run| run.uuid());
            let uuid = uuid.unwrap_or_default();
            self.faults.push(format!("run {uuid} is left out: {why}"));
        }
    }
}

/// Returns the objects of a table, with the names of the compacted objects that hold the packs, and
/// the rows of the manifests.
fn objects<'p>(
    run: &'p RunPacks,
    table: &'p FleetTable,
) -> impl Iterator<Item = (&'p str, Option<&'p str>, &'p [Cell])> {
    run.packs.iter().flat_map(move |pack| {
        let of_table = |row: &&Vec<Cell>| table_in(row) == Some(table.name);
        let rows = pack.rows.iter().filter(of_table);
        rows.filter_map(|row| Some((object_of(row)?, pack.origin.as_deref(), row.as_slice())))
    })
}

/// Separates a fault of one object from errors that stop all.
fn fault(read: Result<()>) -> Result<Option<String>> {
    match read {
        Err(Error::Conflict(why)) => Ok(Some(why)),
        read => read.map(|()| None),
    }
}
