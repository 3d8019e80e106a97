//! Size of a recording by run and table.

use serde::Serialize;
use serde_json::json;

use crate::error::Result;
use crate::format::{Answer, Column, Sheet, bytes, escape};
use crate::query::{self, Recording, RunListEntry};

/// Items that sizes are listed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SizeBy {
    /// Runs
    Run,
    /// Tables
    Table,
}

#[derive(Serialize)]
struct RunSize {
    id: String,
    name: Option<String>,
    start_unix_ns: Option<i64>,
    bytes: u64,
    share: Option<f64>,
}

#[derive(Serialize)]
struct TableSize {
    table: String,
    rows: Option<i64>,
    bytes: u64,
    share: Option<f64>,
}

/// Lists sizes by run and by table, or by only one of them, largest first.
///
/// # Errors
/// If the file cannot be read.
pub fn size(recording: &Recording, by: Option<SizeBy>) -> Result<Answer> {
    let space = recording.store().space()?;
    let used = space.file_bytes - space.free_bytes;
    let share = |bytes: u64| (used > 0).then(|| bytes as f64 / used as f64);
    let listed = query::list(recording)?;
    let mut runs: Vec<RunSize> = space
        .runs
        .iter()
        .filter_map(|run| {
            let of = listed.iter().find(|listed| listed.no == run.run)?;
            Some(run_size(of, run.bytes, share(run.bytes)))
        })
        .collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.bytes));
    let tables = space.tables.iter().map(|table| TableSize {
        table: table.name.clone(),
        rows: table.rows,
        bytes: table.bytes,
        share: share(table.bytes),
    });
    let path = recording.path().display().to_string();
    let (file, free) = (bytes(Some(space.file_bytes)), bytes(Some(space.free_bytes)));
    let mut answer = Answer::new(
        "size",
        format!("{}: {file}, of which {free} are free", escape(&path)),
    )
    .with("path", json!(path))
    .with("file_bytes", json!(space.file_bytes))
    .with("free_bytes", json!(space.free_bytes))
    .with("wal_bytes", json!(space.wal_bytes))
    .with("tables_are_counted", json!(space.is_counted));
    if by != Some(SizeBy::Table) {
        answer = answer.sheet(Sheet::new("runs", "Runs (estimated)", run_columns(), runs));
    }
    if by != Some(SizeBy::Run) {
        let title = match space.is_counted {
            true => "Tables, indexes included",
            false => "Tables (estimated)",
        };
        answer = answer.sheet(Sheet::new("tables", title, table_columns(), tables));
    }
    Ok(with_notes(answer, &space))
}

fn with_notes(answer: Answer, space: &energy_store::Space) -> Answer {
    let mut answer =
        answer.note("Sizes of runs are estimated from their share of each table's rows.");
    if !space.is_counted {
        let note = "This SQLite cannot count pages: sizes of tables are estimated from rows.";
        answer = answer.note(note);
    }
    if space.wal_bytes > 0 {
        let wal = bytes(Some(space.wal_bytes));
        answer = answer.note(format!("Another {wal} are in the write-ahead log."));
    }
    if space.free_bytes * 4 > space.file_bytes {
        answer = answer.note("`energy vacuum` returns free space to the file system.");
    }
    answer
}

fn run_size(run: &RunListEntry, bytes: u64, share: Option<f64>) -> RunSize {
    RunSize {
        id: run.id.clone(),
        name: run.name.clone(),
        start_unix_ns: run.start_unix_ns,
        bytes,
        share,
    }
}

fn run_columns() -> Vec<Column> {
    vec![
        Column::id("id", "id"),
        Column::text("name", "name"),
        Column::date_time("start_unix_ns", "started"),
        Column::bytes("bytes", "size"),
        Column::percent("share", "share"),
    ]
}

fn table_columns() -> Vec<Column> {
    vec![
        Column::text("table", "table"),
        Column::count("rows", "rows"),
        Column::bytes("bytes", "size"),
        Column::percent("share", "share"),
    ]
}
