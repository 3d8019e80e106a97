//! SQL queries on a read-only connection with a time limit.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::format::screen::OutputStyle;
use crate::format::{Format, SCHEMA, csv, escape, json, shorten};
use crate::options::{LIMIT_HELP, duration_text, parse_duration};
use crate::query::Recording;

/// SQLite virtual machine steps between checks of the timeout.
const STEPS: i32 = 10_000;
/// Maximum number of characters of a cell in a table.
const LONGEST: usize = 60;
/// Text for NULL in tables.
const NULL: &str = "NULL";

/// Options of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct SqlOptions {
    /// Cancel the query after this time, e.g. 10s, 1m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().timeout))]
    pub timeout: Duration,
    /// Maximum number of rows in a table; 0 for all. CSV and JSON contain all rows.
    #[arg(long, value_name = "N", help = LIMIT_HELP, default_value_t = Self::default().limit)]
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

/// The result of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlResult {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    limit: usize,
}

/// Runs a single SELECT on a recording.
///
/// # Errors
/// If the file cannot be read, the text is not a single query, it would write or access
/// another file, or it exceeds the timeout.
pub fn sql(recording: Recording, text: &str, options: SqlOptions) -> Result<SqlResult> {
    let mut connection = restricted(recording)?;
    let end = Instant::now() + options.timeout;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= end))?;
    let refused = |error: rusqlite::Error| sql_error(&error, &options);
    let mut statement = connection.prepare(text).map_err(refused)?;
    if statement.column_count() == 0 {
        return Err(Error::Sql(
            "the statement returns no rows; use SELECT".to_owned(),
        ));
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
    Ok(SqlResult {
        columns,
        rows,
        limit: if options.limit == 0 {
            usize::MAX
        } else {
            options.limit
        },
    })
}

/// Restricts the connection of a recording to reading this file.
fn restricted(recording: Recording) -> Result<Connection> {
    let mut connection = recording.into_connection();
    connection.pragma_update(None, "query_only", true)?;
    connection.authorizer(Some(authorize))?;
    Ok(connection)
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => Authorization::Allow,
        // Read-only pragmas: `pragma table_info(runs)`.
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

fn sql_error(error: &rusqlite::Error, options: &SqlOptions) -> Error {
    use rusqlite::ErrorCode;
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => return Error::Timeout(options.timeout),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            "only reading this file is allowed; use SELECT".to_owned()
        }
        _ if matches!(error, rusqlite::Error::MultipleStatement) => {
            "it has several statements; give a single SELECT".to_owned()
        }
        _ => format!(
            "{error}; list tables and views with `energy query \"select name, sql from sqlite_schema\"`"
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

impl SqlResult {
    /// Writes the result in a format; `style` only affects tables.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, style: &OutputStyle) -> Result<()> {
        match format {
            Format::Table => self.write_table(out, style)?,
            Format::Markdown => self.write_table(out, &OutputStyle::markdown())?,
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

    /// Converts to JSON. Rows are lists in the order of `columns`, because names may repeat.
    fn value(&self) -> Value {
        json!({
            "schema": SCHEMA, "command": "query", "columns": self.columns, "rows": self.rows,
        })
    }

    fn write_table(&self, out: &mut dyn Write, style: &OutputStyle) -> std::io::Result<()> {
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
        writeln!(out, "{}", style.table(&header, &rows))?;
        let all = self.rows.len();
        match all > self.limit {
            true => writeln!(
                out,
                "{}",
                style.note(&format!("{} of {all} rows: see --limit.", self.limit))
            ),
            false => writeln!(out, "{}", style.note(&crate::format::counted(all, "row"))),
        }
    }
}
