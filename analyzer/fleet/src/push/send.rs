//! Writes the objects of a pack.

use crate::columns::{ACCOUNTS, FleetTable, PACKS, REQUESTS, SPANS};
use crate::destination::{Destination, PutOutcome};
use crate::encode::{Cell, TableEncoder, decode};
use crate::error::{Error, Result};
use crate::pack::{PackPlan, keys, manifest_row, object_path, table_rows};
use crate::query::{Recording, Run};
use crate::read::{ActivationWindow, requests, spans};
use energy_query::checksum::sha256_of;

/// What was written of a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SentPack {
    /// Objects that were written.
    pub(super) written: u64,
    /// Objects that existed.
    pub(super) existing: u64,
    /// Bytes of the objects that were written.
    pub(super) bytes: u64,
    /// SHA-256 of the manifest.
    pub(super) sha256: String,
}

/// Writes all tables of a pack, then its manifest. Traces of span entries are known when their spans
/// are closed: an object with span entries that an earlier attempt has written is kept, and described
/// as it is. `source` is the run in the recording; `None` if it was deleted: the pack then lacks span
/// entries.
///
/// # Errors
/// If the recording cannot be read, or an object cannot be written.
pub(super) fn send(
    destination: &dyn Destination,
    plan: &PackPlan,
    source: Option<(&Recording, &Run)>,
) -> Result<SentPack> {
    let mut pack = PackWriter {
        destination,
        plan,
        keys: keys(plan),
        manifest: TableEncoder::small(&PACKS)?,
        sent: SentPack::default(),
    };
    for (table, rows) in table_rows(plan) {
        pack.table(table, &mut |emit| {
            rows.iter().cloned().try_for_each(&mut *emit)
        })?;
    }
    if let Some((recording, run)) = source {
        // The plan's attribution, even if there is a newer one.
        let run = Run {
            attribution: Some(plan.attribution),
            ..run.clone()
        };
        pack.activations(recording, &run)?;
    }
    pack.finish()
}

struct PackWriter<'p> {
    destination: &'p dyn Destination,
    plan: &'p PackPlan,
    keys: Vec<Cell>,
    manifest: TableEncoder,
    sent: SentPack,
}

/// An object that an earlier attempt has written.
struct EarlierObject {
    sha256: String,
    rows: u64,
    sum: TableSum,
}

/// Receives the own columns of a row.
type Emit<'e> = dyn FnMut(Vec<Cell>) -> Result<()> + 'e;

impl PackWriter<'_> {
    fn activations(&mut self, recording: &Recording, run: &Run) -> Result<()> {
        let window = ActivationWindow {
            from_ns: self.plan.activations_from_ns.unwrap_or(i64::MIN),
            until_ns: self.plan.activations_until_ns.unwrap_or(i64::MAX),
        };
        let contents = self.plan.contents;
        if contents.requests {
            self.table(&REQUESTS, &mut |emit| {
                requests(recording, run, window, emit)
            })?;
        }
        if let Some(rate) = contents.spans {
            self.table(&SPANS, &mut |emit| {
                spans(recording, run, window, rate, emit)
            })?;
        }
        Ok(())
    }

    /// Encodes and writes a table, and adds it to the manifest.
    fn table(
        &mut self,
        table: &FleetTable,
        rows: &mut dyn FnMut(&mut Emit<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut encoder = match [REQUESTS, SPANS].contains(table) {
            true => TableEncoder::new(table)?,
            false => TableEncoder::small(table)?,
        };
        let mut sum = TableSum::new(table);
        let keys = &self.keys;
        rows(&mut |own| {
            let row = [keys.clone(), own].concat();
            sum.add(&row);
            encoder.push(&row)
        })?;
        let mut count = encoder.rows();
        let put = match count {
            0 => Ok(None),
            _ => self.put(table, &encoder.finish()?).map(Some),
        };
        let sha256 = match put {
            Err(error @ Error::Conflict(_)) if [REQUESTS, SPANS].contains(table) => {
                let earlier = self.earlier(table)?.ok_or(error)?;
                (count, sum) = (earlier.rows, earlier.sum);
                Some(earlier.sha256)
            }
            put => put?,
        };
        let own = manifest_row(self.plan, table, count, sum.total(), sha256.as_deref());
        self.manifest.push(&[self.keys.clone(), own].concat())
    }

    /// Returns what an earlier attempt has written of a table; `None` if it is not of this pack.
    fn earlier(&mut self, table: &FleetTable) -> Result<Option<EarlierObject>> {
        let path = object_path(table, self.plan);
        let Some(bytes) = self.destination.get(&path)? else {
            return Ok(None);
        };
        let mut earlier = EarlierObject {
            sha256: sha256_of(&bytes),
            rows: 0,
            sum: TableSum::new(table),
        };
        let mut is_own = true;
        let read = decode(&path, bytes, table, &mut |row| {
            is_own &= row.starts_with(&self.keys);
            earlier.rows += 1;
            earlier.sum.add(&row);
            Ok(())
        });
        self.sent.existing += 1;
        Ok((read.is_ok() && is_own).then_some(earlier))
    }

    fn put(&mut self, table: &FleetTable, bytes: &[u8]) -> Result<String> {
        match self
            .destination
            .put(&object_path(table, self.plan), bytes)?
        {
            PutOutcome::Written => {
                self.sent.written += 1;
                self.sent.bytes += bytes.len() as u64;
            }
            PutOutcome::Existing => self.sent.existing += 1,
        }
        Ok(sha256_of(bytes))
    }

    fn finish(mut self) -> Result<SentPack> {
        let manifest = std::mem::replace(&mut self.manifest, TableEncoder::small(&PACKS)?);
        let bytes = manifest.finish()?;
        self.sent.sha256 = self.put(&PACKS, &bytes)?;
        Ok(self.sent)
    }
}

/// Sum of a table's additive column, over all rails; of accounts over root rails.
struct TableSum {
    at: Option<usize>,
    root_at: Option<usize>,
    sum: i128,
}

impl TableSum {
    fn new(table: &FleetTable) -> Self {
        Self {
            at: table.sum.and_then(|sum| table.position(sum)),
            root_at: table.position("root").filter(|_| *table == ACCOUNTS),
            sum: 0,
        }
    }

    fn add(&mut self, row: &[Cell]) {
        let cell = |at: Option<usize>| at.and_then(|at| row.get(at));
        if cell(self.root_at).is_none_or(Cell::is_true) {
            let value = cell(self.at).and_then(Cell::whole).unwrap_or(0);
            self.sum += i128::from(value);
        }
    }

    fn total(&self) -> Option<i64> {
        self.at.and_then(|_| i64::try_from(self.sum).ok())
    }
}
