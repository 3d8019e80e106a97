//! The runs of the file: which are new, deleted, or attributed again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::run::empty_batch;
use crate::error::from_sqlite;
use crate::reader::is_bad_value;
use crate::{Error, Store, StoredRun};
use energy_data::live::Update;
use energy_data::rows::RunStatus;
use energy_host::unix_ns;

/// Minimum interval between two complete reads: a file may have thousands of runs.
const COMPLETE: Duration = Duration::from_secs(1);
/// A run that appears complete was recorded just now if its last flush is at most this long ago;
/// else it was imported or merged, and its rows are not reported.
const RECENT: Duration = Duration::from_secs(10);

/// A known run: its uuid and its shown attribution.
#[derive(Debug, Clone, PartialEq)]
struct KnownRun {
    uuid: Arc<str>,
    attribution: Option<u32>,
}

/// All runs, by number.
#[derive(Debug, Default)]
pub(super) struct Directory {
    runs: BTreeMap<i64, KnownRun>,
    /// Time of the last complete read, if something has changed since.
    due: Option<Instant>,
    read: Option<Instant>,
}

impl Directory {
    /// Reads all runs.
    pub(super) fn read(store: &Store) -> Result<Self, Error> {
        Ok(Self {
            runs: read_all(store)?,
            due: None,
            read: Some(Instant::now()),
        })
    }

    /// Returns whether a complete read was put off and is due now.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    /// Returns whether that run is in the file.
    pub(super) fn contains(&self, no: i64, uuid: &Arc<str>) -> bool {
        self.runs.get(&no).is_some_and(|known| known.uuid == *uuid)
    }

    /// Sets the attribution that the updates of a run have reported.
    pub(super) fn attributed(&mut self, no: i64, attribution: Option<u32>) {
        if let Some(known) = self.runs.get_mut(&no) {
            known.attribution = attribution;
        }
        self.due.get_or_insert_with(Instant::now);
    }

    /// Returns the runs that are new and to be followed; reports what else has changed. Runs with
    /// numbers in `followed` report their attribution themselves.
    pub(super) fn update(
        &mut self,
        store: &Store,
        followed: &[i64],
        updates: &mut Vec<Update>,
    ) -> Result<Vec<StoredRun>, Error> {
        let last = self.runs.keys().next_back().copied().unwrap_or(0);
        let mut new =
            store.runs_where("no > CAST(?1 AS INTEGER) ORDER BY no", &last.to_string())?;
        let next = self.read.map(|read| read + COMPLETE);
        match next.filter(|next| Instant::now() < *next) {
            Some(next) => self.due = Some(next),
            None => {
                (self.read, self.due) = (Some(Instant::now()), None);
                let reused = self.compare(store, followed, updates)?;
                for no in reused {
                    let found = store.runs_where("no = CAST(?1 AS INTEGER)", &no.to_string())?;
                    new.extend(found);
                }
            }
        }
        for run in &new {
            let uuid = Arc::from(run.row.uuid.as_str());
            let attribution = store.shown_attribution(run.no)?;
            self.runs.insert(run.no, KnownRun { uuid, attribution });
        }
        let (followed, others) = new.into_iter().partition(is_recorded);
        announce(others, updates);
        Ok(followed)
    }

    /// Compares with all runs of the file. Returns the numbers that now belong to another run.
    fn compare(
        &mut self,
        store: &Store,
        followed: &[i64],
        updates: &mut Vec<Update>,
    ) -> Result<Vec<i64>, Error> {
        let mut now = read_all(store)?;
        let mut reused = Vec::new();
        let mut gone = Vec::new();
        for (no, known) in &mut self.runs {
            match now.remove(no) {
                Some(found) if found.uuid == known.uuid => {
                    if found.attribution > known.attribution && !followed.contains(no) {
                        report_attribution(store, *no, &found, updates)?;
                        known.attribution = found.attribution;
                    }
                }
                found => {
                    let run = Arc::clone(&known.uuid);
                    updates.push(Update::Deleted { run });
                    gone.push(*no);
                    reused.extend(found.map(|_| *no));
                }
            }
        }
        gone.iter().for_each(|no| drop(self.runs.remove(no)));
        Ok(reused)
    }
}

/// Returns whether a new run is to be followed: it is being recorded, or was until just now.
fn is_recorded(run: &StoredRun) -> bool {
    run.row.status == RunStatus::Running || run.silence(unix_ns()) < RECENT
}

/// Returns the runs that ended just now.
pub(super) fn recently_ended(store: &Store) -> Result<Vec<StoredRun>, Error> {
    let mut runs = store.runs_where("status <> ?1 ORDER BY no DESC LIMIT 16", "running")?;
    runs.retain(is_recorded);
    runs.reverse();
    Ok(runs)
}

/// Reports runs that appear complete, without their rows.
fn announce(runs: Vec<StoredRun>, updates: &mut Vec<Update>) {
    for stored in runs {
        let run: Arc<str> = stored.row.uuid.as_str().into();
        let status = stored.row.status;
        let mut batch = empty_batch(&stored);
        batch.run = Some(stored.row);
        updates.push(Update::Rows {
            run: Arc::clone(&run),
            batch: Arc::new(batch),
        });
        updates.push(Update::Ended { run, status });
    }
}

fn report_attribution(
    store: &Store,
    no: i64,
    run: &KnownRun,
    updates: &mut Vec<Update>,
) -> Result<(), Error> {
    let Some(attribution) = run.attribution else {
        return Ok(());
    };
    let sql = "SELECT method FROM attributions WHERE run = ?1 AND id = ?2";
    let statement = store.connection().prepare_cached(sql);
    let method = statement.and_then(|mut query| query.query_row((no, attribution), |r| r.get(0)));
    updates.push(Update::Attributed {
        run: Arc::clone(&run.uuid),
        attribution,
        method: method.map_err(from_sqlite(store.path()))?,
    });
    Ok(())
}

fn read_all(store: &Store) -> Result<BTreeMap<i64, KnownRun>, Error> {
    let sql = "SELECT r.no, r.uuid, (SELECT max(a.id) FROM attributions a WHERE a.run = r.no)
               FROM runs r";
    let read = || -> rusqlite::Result<BTreeMap<i64, KnownRun>> {
        let mut statement = store.connection().prepare_cached(sql)?;
        let rows = statement.query_map([], |r| {
            let uuid: String = r.get(1)?;
            let known = KnownRun {
                uuid: uuid.into(),
                attribution: r.get(2)?,
            };
            Ok((r.get(0)?, known))
        })?;
        rows.filter(|row| !matches!(row, Err(error) if is_bad_value(error)))
            .collect()
    };
    read().map_err(from_sqlite(store.path()))
}
