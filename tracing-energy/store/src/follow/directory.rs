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
/// A run that appears complete was recorded just now if its last flush was at most this long before
/// the previous read; else it was imported or merged, and its rows are not reported.
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
    /// Time of the last update.
    updated: Option<UpdateTime>,
}

/// A time by the wall clock, which may be set, and by one that only runs on.
#[derive(Debug, Clone, Copy)]
struct UpdateTime {
    unix_ns: i64,
    instant: Instant,
}

impl UpdateTime {
    fn now() -> Self {
        Self {
            unix_ns: unix_ns(),
            instant: Instant::now(),
        }
    }
}

/// What is different in the file, before it is reported.
#[derive(Debug, Default)]
struct DirectoryChanges {
    gone: Vec<i64>,
    attributed: Vec<(i64, Option<u32>)>,
    updates: Vec<Update>,
    /// Numbers that now belong to another run.
    reused: Vec<i64>,
}

impl Directory {
    /// Reads all runs.
    pub(super) fn read(store: &Store) -> Result<Self, Error> {
        Ok(Self {
            runs: read_all(store)?,
            due: None,
            read: Some(Instant::now()),
            updated: Some(UpdateTime::now()),
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
        let put_off = next.filter(|next| Instant::now() < *next);
        let mut changes = DirectoryChanges::default();
        if put_off.is_none() {
            changes = self.compare(store, followed)?;
            for no in &changes.reused {
                new.extend(store.runs_where("no = CAST(?1 AS INTEGER)", &no.to_string())?);
            }
        }
        let attribution = |run: &StoredRun| store.shown_attribution(run.no);
        let attributions: Vec<_> = new.iter().map(attribution).collect::<Result<_, _>>()?;
        // Kept only now, when nothing can fail any more.
        match put_off {
            Some(next) => self.due = Some(next),
            None => (self.read, self.due) = (Some(Instant::now()), None),
        }
        self.apply(changes, updates);
        for (run, attribution) in new.iter().zip(attributions) {
            let uuid = Arc::from(run.row.uuid.as_str());
            self.runs.insert(run.no, KnownRun { uuid, attribution });
        }
        let now = UpdateTime::now();
        let before = self.updated.replace(now).unwrap_or(now);
        let is_followed = |run: &StoredRun| is_recorded(run, (before, now));
        let (followed, others) = new.into_iter().partition(is_followed);
        announce(others, updates);
        Ok(followed)
    }

    /// Compares with all runs of the file.
    fn compare(&self, store: &Store, followed: &[i64]) -> Result<DirectoryChanges, Error> {
        let mut now = read_all(store)?;
        let mut changes = DirectoryChanges::default();
        for (no, known) in &self.runs {
            match now.remove(no) {
                Some(found) if found.uuid == known.uuid => {
                    if found.attribution > known.attribution && !followed.contains(no) {
                        report_attribution(store, *no, &found, &mut changes.updates)?;
                        changes.attributed.push((*no, found.attribution));
                    }
                }
                found => {
                    let run = Arc::clone(&known.uuid);
                    changes.updates.push(Update::Deleted { run });
                    changes.gone.push(*no);
                    changes.reused.extend(found.map(|_| *no));
                }
            }
        }
        Ok(changes)
    }

    fn apply(&mut self, changes: DirectoryChanges, updates: &mut Vec<Update>) {
        for no in changes.gone {
            self.runs.remove(&no);
        }
        for (no, attribution) in changes.attributed {
            if let Some(known) = self.runs.get_mut(&no) {
                known.attribution = attribution;
            }
        }
        updates.extend(changes.updates);
    }
}

/// Returns whether a new run is to be followed: it is being recorded, or was since the update
/// before.
fn is_recorded(run: &StoredRun, times: (UpdateTime, UpdateTime)) -> bool {
    run.row.status == RunStatus::Running || is_recent(run.heartbeat_unix_ns, times)
}

/// Returns whether a run was flushed for the last time since the update `before`, or shortly before
/// it. The wall clock may have been set in between: the time may be by either setting.
fn is_recent(heartbeat_unix_ns: i64, (before, now): (UpdateTime, UpdateTime)) -> bool {
    let between = now.instant.saturating_duration_since(before.instant);
    let most_ns = i64::try_from((between + RECENT).as_nanos()).unwrap_or(i64::MAX);
    let is_near = |time: UpdateTime| {
        let apart = heartbeat_unix_ns.saturating_sub(time.unix_ns);
        apart.unsigned_abs() <= most_ns.unsigned_abs()
    };
    is_near(before) || is_near(now)
}

/// Returns the runs that ended just now.
pub(super) fn recently_ended(store: &Store) -> Result<Vec<StoredRun>, Error> {
    let mut runs = store.runs_where("status <> ?1 ORDER BY no DESC LIMIT 16", "running")?;
    let now = unix_ns();
    runs.retain(|run| run.silence(now) < RECENT);
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// Of a complete run. The first read was at 5,000 s of the wall clock; one second later the clock
    /// shows `now_s`.
    fn is_followed(heartbeat_s: i64, now_s: i64) -> bool {
        let instant = Instant::now();
        let before = UpdateTime {
            unix_ns: 5_000 * SECOND,
            instant,
        };
        let now = UpdateTime {
            unix_ns: now_s * SECOND,
            instant: instant + Duration::from_secs(1),
        };
        is_recent(heartbeat_s * SECOND, (before, now))
    }

    #[test]
    fn runs_recorded_around_a_step_of_the_clock_are_followed() {
        for now_s in [5_001, 1_401, 8_601] {
            assert!(is_followed(5_000, now_s), "before a step to {now_s}");
            assert!(is_followed(now_s, now_s), "after a step to {now_s}");
        }
    }

    #[test]
    fn imported_runs_are_not_followed_whatever_the_clock() {
        assert!(!is_followed(4_000, 5_001));
        assert!(!is_followed(0, 5_001));
        // Imported from the time that the clock shows no more.
        assert!(!is_followed(3_000, 1_401));
    }
}
