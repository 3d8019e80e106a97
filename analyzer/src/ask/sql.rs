//! Any question, in SQL: on a connection that cannot write, for a limited time.

use std::io::Write;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::format::screen::Look;
use crate::format::{Format, SCHEMA, csv, escape, json, shorten};
use crate::query::Recording;

/// Steps of SQLite's machine between looks at the clock.
const STEPS: i32 = 10_000;
/// Characters of one cell that people see.
const LONGEST: usize = 60;
/// What stands for NULL in tables.
const NULL: &str = "NULL";

/// How a query is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlOptions {
    /// The longest it may take.
    pub timeout: Duration,
    /// Rows that people see; 0: all. Programs get all.
    pub limit: usize,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            limit: 200,
        }
    }
}

/// The rows of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    limit: usize,
}

/// Answers one SELECT about a recording.
///
/// # Errors
/// When the file cannot be read, the text is not one query, it would change something
/// or reach another file, or it takes too long.
pub fn sql(recording: Recording, text: &str, options: SqlOptions) -> Result<Answered> {
    let mut connection = restricted(recording)?;
    let end = Instant::now() + options.timeout;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= end))?;
    let refused = |error: rusqlite::Error| told(&error, &options);
    let mut statement = connection.prepare(text).map_err(refused)?;
    if statement.column_count() == 0 {
        return Err(Error::Sql("it gives no rows; ask with SELECT".into()));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query([]).map_err(refused)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(refused)? {
        let value = |at| row.get_ref(at).map(value);
        let values = (0..columns.len())
            .map(value)
            .collect::<rusqlite::Result<_>>();
        rows.push(values.map_err(refused)?);
    }
    Ok(Answered {
        columns,
        rows,
        limit: if options.limit == 0 {
            usize::MAX
        } else {
            options.limit
        },
    })
}

/// The connection of a recording, which from now on reads this file and nothing else.
fn restricted(recording: Recording) -> Result<Connection> {
    let mut connection = recording.into_connection();
    connection.pragma_update(None, "query_only", true)?;
    connection.authorizer(Some(may))?;
    Ok(connection)
}

fn may(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => Authorization::Allow,
        // Those that only tell: `pragma table_info(runs)`.
        AuthAction::Pragma { pragma_name, .. }
            if [
                "table_info",
                "table_xinfo",
                "table_list",
                "index_list",
                "user_version",
            ]
            .contains(&pragma_name) =>
        {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn told(error: &rusqlite::Error, options: &SqlOptions) -> Error {
    use rusqlite::ErrorCode;
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => format!(
            "it took more than {} s; narrow it down, or allow more with --timeout",
            options.timeout.as_secs_f64()
        ),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            "only reading this file is allowed; ask with SELECT".to_owned()
        }
        _ => format!(
            "{error}; `energy query \"select name, sql from sqlite_schema\"` lists tables and views"
        ),
    };
    Error::Sql(text)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            json!(digits.collect::<String>())
        }
    }
}

impl Answered {
    /// Writes it in a format; `look` matters to tables only.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, look: &Look) -> Result<()> {
        match format {
            Format::Table => self.people(out, look)?,
            Format::Markdown => self.people(out, &Look::markdown())?,
            Format::Json => json::write(out, &self.value())?,
            Format::Csv => {
                csv::record(out, &self.columns)?;
                for row in &self.rows {
                    let fields: Vec<String> = row.iter().map(csv::field).collect();
                    csv::record(out, &fields)?;
                }
            }
        }
        Ok(())
    }

    /// Rows are lists, in the order of `columns`: names may stand twice.
    fn value(&self) -> Value {
        json!({
            "schema": SCHEMA, "command": "query", "columns": self.columns, "rows": self.rows,
        })
    }

    fn people(&self, out: &mut dyn Write, look: &Look) -> std::io::Result<()> {
        let header: Vec<String> = self
            .columns
            .iter()
            .map(|name| shorten(&escape(name), LONGEST))
            .collect();
        let cell = |value: &Value| match value {
            Value::Null => NULL.to_owned(),
            other => shorten(&escape(&csv::field(other)), LONGEST),
        };
        let rows = self.rows.iter().take(self.limit);
        let rows: Vec<Vec<String>> = rows.map(|row| row.iter().map(cell).collect()).collect();
        writeln!(out, "{}", look.table(&header, &rows))?;
        let all = self.rows.len();
        match all > self.limit {
            true => writeln!(
                out,
                "{}",
                look.note(&format!("{} of {all} rows: see --limit.", self.limit))
            ),
            false => writeln!(out, "{}", look.note(&crate::format::counted(all, "row"))),
        }
    }
}
