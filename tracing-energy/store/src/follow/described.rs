//! Small tables that describe a run. They are read completely and compared.

use std::collections::BTreeMap;

use crate::{Error, Store};
use energy_data::rows::{BaselineRow, ConditionRow, ProcessRow, RailRow, ThreadRow};
use energy_data::sink::Batch;

/// Rows that were reported.
#[derive(Debug, Default)]
pub(super) struct Described {
    rails: BTreeMap<u32, RailRow>,
    processes: BTreeMap<u32, ProcessRow>,
    threads: BTreeMap<u32, ThreadRow>,
    baselines: BTreeMap<u32, BaselineRow>,
    conditions: Vec<ConditionRow>,
}

impl Described {
    /// Returns the rails by id.
    pub(super) fn rails(&self) -> &BTreeMap<u32, RailRow> {
        &self.rails
    }

    /// Adds new and changed rows to `batch`.
    pub(super) fn read(&mut self, store: &Store, no: i64, batch: &mut Batch) -> Result<(), Error> {
        batch.rails = changed(&mut self.rails, store.rails(no)?.all()?, |row| row.id);
        batch.processes = changed(&mut self.processes, store.processes(no)?.all()?, |row| {
            row.id
        });
        batch.threads = changed(&mut self.threads, store.threads(no)?.all()?, |row| row.id);
        batch.baselines = changed(&mut self.baselines, store.baselines(no)?.all()?, |row| {
            row.rail
        });
        let conditions = store.conditions(no)?.all()?;
        let is_new = |row: &&ConditionRow| !self.conditions.contains(row);
        batch.conditions = conditions.iter().filter(is_new).cloned().collect();
        self.conditions = conditions;
        Ok(())
    }
}

/// Returns the rows that differ from the known ones, and knows them from now on.
fn changed<T: PartialEq + Clone>(
    known: &mut BTreeMap<u32, T>,
    rows: Vec<T>,
    key: impl Fn(&T) -> u32,
) -> Vec<T> {
    let mut changed = Vec::new();
    for row in rows {
        if known.get(&key(&row)) != Some(&row) {
            known.insert(key(&row), row.clone());
            changed.push(row);
        }
    }
    changed
}
