//! One followed run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Row;

use super::described::Described;
use super::energies::EnergyCursor;
use super::numbered::{Numbered, newest, rows};
use super::spans::SpanCursor;
use super::windows::{WindowCursor, WindowRow, WindowTable};
use crate::recording::sample;
use crate::{Error, Store, StoredRun};
use energy_data::live::Update;
use energy_data::rows::{EventRow, RunRow, RunStatus, SampleRow, SpanRow};
use energy_data::sink::Batch;

/// Time without new rows after which a complete run is over although its recorder has not released
/// it: the recorder died or is of an earlier version.
const SETTLING: Duration = Duration::from_secs(1);
/// The same for a run without totals: its recorder may wait 30 s for a lock.
const SETTLING_INCOMPLETE: Duration = Duration::from_secs(31);

/// Time after a flush in which its rows appear.
const SILENCE: Duration = Duration::from_secs(2);

const SAMPLES: &str = "
    SELECT rail, start_ns, end_ns, energy_j
    FROM samples WHERE run = ?1 AND ?2 = 0 AND start_ns >= ?3 ORDER BY start_ns, rail LIMIT ?4";
const SAMPLE_COUNT: &str = "
    SELECT count(*) FROM samples WHERE run = ?1 AND ?2 = 0 AND start_ns >= ?3";
const IS_RELEASED: &str = "SELECT lease IS NULL FROM runs WHERE no = ?1";

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RunState {
    /// It is being recorded.
    Running,
    /// It has ended; its last rows may follow. Time at which the latest ones were read.
    Ended(Instant),
    /// All its rows were read, of this attribution.
    Settled(Option<u32>),
}

/// One run, and what was read of it.
#[derive(Debug)]
pub(super) struct FollowedRun {
    no: i64,
    uuid: Arc<str>,
    state: RunState,
    row: Option<RunRow>,
    described: Described,
    numbered: Numbered,
    spans: SpanCursor,
    /// Entries that are open where following started.
    first: Vec<SpanRow>,
    samples: WindowCursor<SampleRow>,
    energies: EnergyCursor,
    /// Whether spans are read again because rows were lost.
    is_reread: bool,
    /// Whether the limit of rows ended the last read.
    is_behind: bool,
    /// Heartbeat of the recorder, and when it was first seen.
    heartbeat: (i64, Instant),
}

impl FollowedRun {
    /// Follows a run from its beginning.
    pub(super) fn new(stored: &StoredRun) -> Self {
        Self {
            no: stored.no,
            uuid: stored.row.uuid.as_str().into(),
            state: RunState::Running,
            row: None,
            described: Described::default(),
            numbered: Numbered::default(),
            spans: SpanCursor::default(),
            first: Vec::new(),
            samples: WindowCursor::new(WindowTable {
                rows: SAMPLES,
                count: SAMPLE_COUNT,
                read: window,
            }),
            energies: EnergyCursor::new(),
            is_reread: false,
            is_behind: false,
            heartbeat: (stored.heartbeat_unix_ns, Instant::now()),
        }
    }

    /// Continues after the newest rows.
    pub(super) fn skip_past(mut self, store: &Store) -> Result<Self, Error> {
        self.first = self.spans.skip(store, self.no)?;
        self.numbered.skip_events(store, self.no)?;
        let sample = "SELECT start_ns FROM samples WHERE run = ?1 ORDER BY start_ns DESC LIMIT 1";
        if let Some(start_ns) = rows(store, sample, [self.no], |r| r.get(0))?.pop() {
            self.samples.skip(store, (self.no, 0), start_ns)?;
        }
        if let Some(id) = store.shown_attribution(self.no)? {
            let window = format!(
                "SELECT coalesce(max(start_ns), {}) FROM sample_balance
                 WHERE run = ?1 AND attribution = {id}",
                i64::MIN
            );
            let newest_ns = newest(store, &window, self.no)?;
            self.energies.skip(store, (self.no, id), newest_ns)?;
        }
        Ok(self)
    }

    /// Returns its number in the file.
    pub(super) fn no(&self) -> i64 {
        self.no
    }

    /// Returns its uuid.
    pub(super) fn uuid(&self) -> &Arc<str> {
        &self.uuid
    }

    /// Returns its state.
    pub(super) fn state(&self) -> RunState {
        self.state
    }

    /// Returns the attribution that was read.
    pub(super) fn attribution(&self) -> Option<u32> {
        self.energies.shown()
    }

    /// Reads its row; `None` if it was deleted, even if a new run has taken its number.
    pub(super) fn stored(&self, store: &Store) -> Result<Option<StoredRun>, Error> {
        let found = store.runs_where("no = CAST(?1 AS INTEGER)", &self.no.to_string())?;
        Ok(found.into_iter().find(|run| run.row.uuid == *self.uuid))
    }

    /// Returns whether it must be read although the file has not changed.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, RunState::Ended(_)) || self.row.is_none()
    }

    /// Returns whether all its rows were read.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, RunState::Settled(_))
    }

    /// Reads what has changed, of which `left` rows are allowed.
    pub(super) fn read(
        &mut self,
        store: &Store,
        left: &mut usize,
        updates: &mut Vec<Update>,
    ) -> Result<(), Error> {
        let Some(stored) = self.stored(store)? else {
            // Deleted: the directory reports it.
            return Ok(());
        };
        if self.is_silent(&stored) {
            return Ok(());
        }
        let status = stored.row.status;
        self.state = match (status, self.state) {
            (RunStatus::Running, _) => RunState::Running,
            (_, RunState::Running) => RunState::Ended(Instant::now()),
            (_, state) => state,
        };
        let is_ended = status != RunStatus::Running;
        let mut batch = self.changed(&stored);
        self.is_behind = true;
        let mut result = self.rows(store, left, is_ended, &mut batch);
        // What was read before an error is reported: it is not read again.
        self.row = Some(stored.row);
        if result.is_ok() && *left > 0 {
            self.is_behind = false;
            result = self.settle(store, &mut batch);
        }
        self.report(batch, updates);
        if self.is_settled() {
            let run = Arc::clone(&self.uuid);
            updates.push(Update::Ended { run, status });
        }
        result
    }

    /// Reads what remains of a run of a dead process: what was written since the last poll, rows of
    /// late rails, and the energies of spans that still wait for other rails.
    pub(super) fn read_last(
        &mut self,
        store: &Store,
        stored: StoredRun,
        updates: &mut Vec<Update>,
    ) -> Result<(), Error> {
        let mut batch = self.changed(&stored);
        // Few rows remain: all others were read.
        let mut left = i32::MAX as usize;
        let mut result = self.rows(store, &mut left, true, &mut batch);
        self.row = Some(stored.row);
        if result.is_ok() {
            result = self.add_remaining(store, &mut batch);
        }
        self.add_skipped(&mut batch);
        self.report(batch, updates);
        result
    }

    /// Returns a batch with the run's row, if that has changed.
    fn changed(&self, stored: &StoredRun) -> Batch {
        let mut batch = empty_batch(stored);
        if self.row.as_ref() != Some(&stored.row) {
            batch.run = Some(stored.row.clone());
        }
        batch
    }

    fn report(&self, batch: Batch, updates: &mut Vec<Update>) {
        if !batch.is_empty() {
            updates.push(Update::Rows {
                run: Arc::clone(&self.uuid),
                batch: Arc::new(batch),
            });
        }
    }

    /// Returns whether its recorder has written nothing for some time, as runs of other machines
    /// that have no end.
    fn is_silent(&mut self, stored: &StoredRun) -> bool {
        if stored.heartbeat_unix_ns != self.heartbeat.0 {
            self.heartbeat = (stored.heartbeat_unix_ns, Instant::now());
        }
        let is_waiting = self.is_behind || self.is_waiting();
        let is_running = stored.row.status == RunStatus::Running;
        is_running && !is_waiting && self.heartbeat.1.elapsed() > SILENCE
    }

    fn rows(
        &mut self,
        store: &Store,
        left: &mut usize,
        is_ended: bool,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let no = self.no;
        self.described.read(store, no, batch)?;
        self.numbered.read(store, no, left, batch)?;
        let read = self.spans.read(store, no, left)?;
        let mut spans = std::mem::take(&mut self.first);
        spans.extend(read);
        batch.spans = latest(spans);
        let rails = self.described.rails();
        let numbered = &self.numbered;
        self.energies
            .await_spans(&batch.spans, rails, |node| numbered.role(node));
        let key = (no, 0);
        batch.samples = self
            .samples
            .read(store, key, (left, rails.len(), is_ended))?;
        if is_ended {
            let late = self.samples.read_late(store, key, left)?;
            batch.samples.extend(late);
        }
        let energies = &mut batch.attribution;
        self.energies
            .read(store, no, rails, (left, is_ended), energies)
    }

    /// Decides whether the recorder has written everything.
    fn settle(&mut self, store: &Store, batch: &mut Batch) -> Result<(), Error> {
        let RunState::Ended(since) = self.state else {
            return Ok(());
        };
        if !batch.is_empty() {
            self.state = RunState::Ended(Instant::now());
        }
        let end_ns = self.row.as_ref().and_then(|row| row.end_ns).unwrap_or(0);
        let has_totals = self.energies.has_totals(end_ns) || self.described.rails().is_empty();
        let is_complete = has_totals && !self.spans.has_open();
        // A crashed run was closed by another process.
        let is_crashed = |row: &RunRow| row.status == RunStatus::Crashed;
        let settling = match is_complete || self.row.as_ref().is_some_and(is_crashed) {
            true => SETTLING,
            false => SETTLING_INCOMPLETE,
        };
        let is_quiet = batch.is_empty() && since.elapsed() >= settling;
        // What follows the end is in the file when the recorder releases the run.
        if !self.is_released(store)? && !is_quiet {
            return Ok(());
        }
        if self.numbered.has_losses() && !std::mem::replace(&mut self.is_reread, true) {
            // Rows of refused batches may be written late, with earlier numbers. The next poll
            // reads them.
            self.spans.restart();
            return Ok(());
        }
        self.add_remaining(store, batch)?;
        self.add_skipped(batch);
        self.state = RunState::Settled(self.energies.shown());
        Ok(())
    }

    /// Returns whether the recorder has closed the file. It may have died before.
    fn is_released(&self, store: &Store) -> Result<bool, Error> {
        let found = rows(store, IS_RELEASED, [self.no], |r| r.get(0))?;
        Ok(found.into_iter().next().unwrap_or(true))
    }

    /// Reports how many windows are not reported.
    fn add_skipped(&self, batch: &mut Batch) {
        let skipped = self.samples.skipped() + self.energies.skipped();
        if skipped > 0 {
            batch.events.push(EventRow {
                time_ns: batch.time_ns,
                kind: "rows_skipped".to_owned(),
                count: skipped.unsigned_abs(),
                message: format!(
                    "{skipped} late windows overlap others of their rails and were not sent; they \
                     are in the file"
                ),
            });
        }
    }

    fn add_remaining(&mut self, store: &Store, batch: &mut Batch) -> Result<(), Error> {
        let remaining = self.energies.remaining(store, self.no)?;
        batch.attribution.span_energy.extend(remaining);
        Ok(())
    }
}

fn window(r: &Row<'_>) -> rusqlite::Result<WindowRow<SampleRow>> {
    let row = sample(r)?;
    Ok(((row.start_ns, row.rail, 0, 0), row.end_ns, row))
}

/// Returns a batch without rows, at the time of the run's last flush.
pub(super) fn empty_batch(stored: &StoredRun) -> Batch {
    Batch {
        time_ns: stored.last_seen_ns.unwrap_or(0),
        heartbeat_unix_ns: stored.heartbeat_unix_ns,
        ..Batch::default()
    }
}

/// Returns the last row of each number, by number.
fn latest(mut spans: Vec<SpanRow>) -> Vec<SpanRow> {
    spans.sort_by_key(|row| row.seq);
    spans.reverse();
    spans.dedup_by_key(|row| row.seq);
    spans.reverse();
    spans
}
