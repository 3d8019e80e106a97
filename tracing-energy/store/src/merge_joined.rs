//! Merges runs that joined another run into it when it ends.
//!
//! ```text
//! run 7   energy record: samples, CPU times of all processes      no spans
//! run 8   joins 7: process 1's threads, nodes, spans   -> run 7, ids moved on
//! run 9   joins 7: process 2's                         -> run 7, ids moved on
//! ```
//!
//! All of them use the same clock. Activations are renumbered by their starts, because
//! numbers must ascend with time.

use rusqlite::{Connection, OptionalExtension, params};

use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use super::remove::delete_rows;
use super::repair::{close, liveness};
use super::row_move::{JoinedNumbers, RowMove};
use super::tables::{self, RunTable};
use super::{RunLiveness, StoredRun};
use crate::Error;
use crate::span_ids::{MAX_SEQ, span_ids};
use crate::store::Store;
use energy_data::rows::RunStatus;
use energy_host::Host;

/// Result of merging joined runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JoinedSummary {
    /// Number of merged runs.
    pub processes: usize,
    /// Number of merged runs of dead processes.
    pub died: usize,
    /// Number of runs that were not merged because their process still runs.
    pub alive: usize,
}

impl Store {
    /// Merges the runs that joined run number `run` into it, in one transaction.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn merge_joined(&self, run: i64) -> Result<JoinedSummary, Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let summary = self.merge_joined_within(transaction.connection(), run)?;
        transaction.commit().map_err(&sql)?;
        Ok(summary)
    }

    /// Makes joined runs independent if their parent run's process is gone without merging
    /// them, because their processes outlived it. Returns how many.
    ///
    /// # Errors
    /// When the file cannot be read and written.
    pub fn release_orphaned(&self) -> Result<usize, Error> {
        let sql = from_sqlite(&self.path);
        let joining = self.runs_where("parent_run IS NOT NULL ORDER BY no", "")?;
        let here = Host::here();
        let mut released = 0;
        for run in joining {
            let uuid = run.row.parent_run.as_deref().unwrap_or_default();
            let target = self.runs_where("uuid = ?1", uuid)?.pop();
            // A run that ended normally may still merge it.
            let is_there = target.is_some_and(|mut target| {
                let is_closed = target.row.status == RunStatus::Crashed;
                target.row.status = RunStatus::Running;
                !is_closed && liveness(&target, &here) != RunLiveness::Dead
            });
            let has_ended = matches!(
                liveness(&run, &here),
                RunLiveness::Ended | RunLiveness::Dead
            );
            if !is_there && has_ended {
                let sql_text = "UPDATE runs SET parent_run = NULL WHERE no = ?1";
                self.connection.execute(sql_text, [run.no]).map_err(&sql)?;
                released += 1;
            }
        }
        Ok(released)
    }

    /// Merges joined runs as [`Store::merge_joined`] does, within an open transaction.
    pub(super) fn merge_joined_within(
        &self,
        connection: &Connection,
        run: i64,
    ) -> Result<JoinedSummary, Error> {
        let sql = from_sqlite(&self.path);
        let found = self.runs_where("no = CAST(?1 AS INTEGER)", &run.to_string())?;
        let Some(target) = found.first() else {
            return Err(store(&self.path, format!("no run number {run}")));
        };
        let mut summary = JoinedSummary::default();
        let mut sources = Vec::new();
        let here = Host::here();
        for joined in self.joining(&target.row.uuid)? {
            match liveness(&joined, &here) {
                RunLiveness::Alive | RunLiveness::Uncertain => {
                    summary.alive += 1;
                    continue;
                }
                RunLiveness::Dead => {
                    close(connection, joined.no).map_err(&sql)?;
                    summary.died += 1;
                }
                RunLiveness::Ended => {}
            }
            sources.push(joined);
        }
        summary.processes = sources.len();
        merge_into(connection, run, &sources).map_err(&sql)?;
        Ok(summary)
    }
}

fn merge_into(connection: &Connection, to: i64, sources: &[StoredRun]) -> rusqlite::Result<()> {
    if sources.is_empty() {
        return Ok(());
    }
    number_spans(connection, to, sources)?;
    for source in sources {
        let process = process_of(connection, to, source)?;
        move_rows(connection, source.no, to, process)?;
        describe(connection, source.no, to)?;
        delete_rows(connection, source.no)?;
    }
    connection.execute_batch(&format!("DROP TABLE {JOINED_SPANS}"))
}

/// New numbers of the activations of joined runs.
const JOINED_SPANS: &str = "temp.joined_spans";

/// Assigns new numbers to all activations, by their starts.
fn number_spans(connection: &Connection, to: i64, sources: &[StoredRun]) -> rusqlite::Result<()> {
    let ranges = sources.iter().map(|source| {
        let (first, last) = span_ids(source.no);
        format!("id BETWEEN {first} AND {last}")
    });
    let ranges: Vec<String> = ranges.collect();
    let (first, last) = span_ids(to);
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS {JOINED_SPANS};
         CREATE TABLE {JOINED_SPANS} (old INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
         INSERT INTO {JOINED_SPANS}
         SELECT id, (SELECT coalesce(max(id) & {MAX_SEQ}, 0) FROM spans
                     WHERE id BETWEEN {first} AND {last})
                    + row_number() OVER (ORDER BY start_ns, id)
         FROM spans WHERE {};",
        ranges.join(" OR ")
    ))
}

/// Returns the process's number in the run: the known one if the recorder observed it, or a
/// new one.
fn process_of(connection: &Connection, to: i64, source: &StoredRun) -> rusqlite::Result<i64> {
    let (pid, start) = (source.row.pid, source.row.pid_start);
    let known: Option<i64> = connection
        .query_row(
            "SELECT id FROM processes WHERE run = ?1 AND pid = ?2 AND pid_start IS ?3",
            params![to, pid, start],
            |row| row.get(0),
        )
        .optional()?;
    let id = match known {
        Some(id) => id,
        None => connection.query_row(
            "SELECT coalesce(max(id), 0) + 1 FROM processes WHERE run = ?1",
            [to],
            |row| row.get(0),
        )?,
    };
    connection.execute(
        "INSERT INTO processes (run, id, pid, pid_start, name, start_ns, end_ns, has_spans)
         SELECT ?1, ?2, ?3, ?4, NULL,
                (SELECT coalesce(min(start_ns), 0) FROM cpu WHERE run = r.no), r.end_ns, 1
         FROM runs r WHERE no = ?5
         ON CONFLICT (run, id) DO UPDATE SET has_spans = 1",
        params![to, id, pid, start, source.no],
    )?;
    Ok(id)
}

/// Tables of a joined run that are not moved: what the parent run records or computes itself, and
/// descriptions of the run. `cpu` and `processes` have rules of their own.
const NOT_MOVED: &[&str] = &[
    "runs",
    "run_tags",
    "conditions",
    "processes",
    "rails",
    "baselines",
    "samples",
    "cpu",
    "device_use",
    "sensor_metrics",
    "attributions",
];

fn move_rows(connection: &Connection, from: i64, to: i64, process: i64) -> rusqlite::Result<()> {
    let (mut moved, others): (Vec<RunTable>, Vec<RunTable>) = tables::of_runs(connection)?
        .into_iter()
        .partition(|table| !NOT_MOVED.contains(&table.name.as_str()));
    // Tables of an attribution; the run is attributed anew.
    moved.retain(|table| !table.has("attribution"));
    let numbers = JoinedNumbers::continuing(connection, to, &moved, process, JOINED_SPANS)?;
    let rows = RowMove {
        source: "main",
        from,
        to,
        numbers: Some(numbers),
    };
    for table in &moved {
        let sql = match table.name.as_str() {
            "events" => rows.copy_changed(table, "1", &[("message", message_of(to, process))]),
            _ => rows.copy(table),
        };
        connection.execute_batch(&sql)?;
    }
    match others.iter().find(|table| table.name == "cpu") {
        Some(cpu) => move_cpu(connection, &rows, cpu, process),
        None => Ok(()),
    }
}

/// Returns SQL of an event's message that names its process.
fn message_of(run: i64, process: i64) -> String {
    format!(
        "'process ' || (SELECT coalesce(p.name || ' ', '') || p.pid FROM processes p
                        WHERE p.run = {run} AND p.id = {process}) || ': ' || r.message"
    )
}

/// Replaces CPU times observed from outside by those that the process recorded itself.
fn move_cpu(
    connection: &Connection,
    rows: &RowMove<'_>,
    cpu: &RunTable,
    process: i64,
) -> rusqlite::Result<()> {
    let (from, to) = (rows.from, rows.to);
    let of_process = [
        ("scope", "'child'".to_owned()),
        ("thread", process.to_string()),
    ];
    connection.execute_batch(&format!(
        "DELETE FROM cpu WHERE run = {to} AND scope = 'child' AND thread = {process}
            AND end_ns > (SELECT min(start_ns) FROM cpu WHERE run = {from} AND scope = 'process')
            AND start_ns < (SELECT max(end_ns) FROM cpu WHERE run = {from} AND scope = 'process');"
    ))?;
    connection.execute_batch(&rows.copy_changed(cpu, "r.scope = 'process'", &of_process))?;
    connection.execute_batch(&rows.copy_changed(cpu, "r.scope = 'thread'", &[]))
}

/// Copies metadata of the joined run that the parent run lacks.
fn describe(connection: &Connection, from: i64, to: i64) -> rusqlite::Result<()> {
    let columns = [
        "model",
        "prompt",
        "response",
        "engine",
        "precision",
        "batch",
        "input_tokens",
        "output_tokens",
    ];
    for column in columns {
        let sql = format!(
            "UPDATE runs SET {column} = coalesce({column},
                 (SELECT {column} FROM runs WHERE no = ?1)) WHERE no = ?2"
        );
        connection.execute(&sql, [from, to])?;
    }
    Ok(())
}
