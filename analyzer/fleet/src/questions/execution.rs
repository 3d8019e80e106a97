//! Execution of queries by a program: rows of each, and how long each took.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use energy_query::{Error, Result};

use super::program::EngineProgram;
use super::rows::{Line, Row, parse};
use super::script::{END_NAME, STATE_NAME, Session};
use crate::columns::{PACK_VERSION, is_newer};

/// Rows of a query.
#[derive(Debug, Default)]
pub(super) struct QueryRows {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
    pub(super) duration: Duration,
}

/// Rows of all queries of a script.
#[derive(Debug, Default)]
pub(super) struct Execution {
    /// Until the first query: start of the program, listing of objects, views.
    pub(super) preparation: Duration,
    pub(super) queries: Vec<QueryRows>,
}

/// Executes queries and returns their rows.
///
/// # Errors
/// If the program fails, or the packs are of a newer version.
pub(super) fn execute(
    program: &EngineProgram,
    session: &Session,
    queries: &[(&str, &str)],
    with_sent: bool,
) -> Result<Execution> {
    let mut reader = Reader::new();
    let statements = session.statements(queries, with_sent);
    let done = program.execute(&statements, &mut |line| reader.read(line));
    // A newer version is reported first, because it may be the cause of a failure.
    let state = reader.queries.first().and_then(|query| query.rows.first());
    check_version(state)?;
    done?;
    reader.finish(program_name(session))
}

fn program_name(session: &Session) -> String {
    session.engine().name().to_owned()
}

fn check_version(state: Option<&Row>) -> Result<()> {
    let version = state.and_then(|row| row.get("schema_version").cloned().flatten());
    match version.and_then(|text| text.parse::<i64>().ok()) {
        Some(version) if is_newer(Some(version)) => Err(Error::Request(format!(
            "packs of version {version} were sent by a newer program; this one reads version \
             {PACK_VERSION}: update `energy`"
        ))),
        _ => Ok(()),
    }
}

/// Assigns lines to queries.
struct Reader {
    start_us: i64,
    marks: Vec<(String, i64)>,
    queries: Vec<QueryRows>,
}

impl Reader {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = now.map_or(0, |age| age.as_micros());
        Self {
            start_us: i64::try_from(micros).unwrap_or(i64::MAX),
            marks: Vec::new(),
            queries: Vec::new(),
        }
    }

    fn read(&mut self, line: &str) {
        match parse(line) {
            Line::Mark(name, at_us) => {
                self.marks.push((name.clone(), at_us));
                self.queries.push(QueryRows {
                    name,
                    ..QueryRows::default()
                });
            }
            Line::Row(row) => {
                if let Some(query) = self.queries.last_mut() {
                    query.rows.push(row);
                }
            }
            Line::Other => {}
        }
    }

    /// Returns the queries without the state. A script that did not reach its end is an error,
    /// because some shells report failed statements by their text only.
    fn finish(mut self, program: String) -> Result<Execution> {
        if self.marks.last().is_none_or(|(name, _)| name != END_NAME) {
            return Err(Error::Program {
                program,
                what: "ended before the last query; run `energy fleet sql` and execute its output \
                       to see why"
                    .to_owned(),
            });
        }
        let ends: Vec<i64> = self.marks.iter().skip(1).map(|(_, at_us)| *at_us).collect();
        for ((query, (_, begin_us)), end_us) in self.queries.iter_mut().zip(&self.marks).zip(ends) {
            query.duration = micros(end_us - begin_us);
        }
        let first_us = self.marks.get(1).map_or(self.start_us, |(_, at_us)| *at_us);
        self.queries
            .retain(|query| query.name != STATE_NAME && query.name != END_NAME);
        Ok(Execution {
            preparation: micros(first_us - self.start_us),
            queries: self.queries,
        })
    }
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Reader {
        let mut reader = Reader::new();
        lines.iter().for_each(|line| reader.read(line));
        reader
    }

    #[test]
    fn rows_belong_to_the_mark_before_them() {
        let reader = read(&[
            r#"{"energy_mark":"(state)","at_us":1000}"#,
            r#"{"packs":2,"schema_version":1}"#,
            r#"{"energy_mark":"hosts","at_us":2000}"#,
            r#"{"host":"a"}"#,
            "noise",
            r#"{"host":"b"}"#,
            r#"{"energy_mark":"(end)","at_us":5000}"#,
        ]);
        let execution = reader.finish("p".to_owned()).unwrap();
        assert_eq!(execution.queries.len(), 1);
        assert_eq!(execution.queries[0].rows.len(), 2);
        assert_eq!(execution.queries[0].duration, Duration::from_millis(3));
    }

    #[test]
    fn a_script_without_its_end_is_an_error() {
        let reader = read(&[r#"{"energy_mark":"hosts","at_us":2000}"#, r#"{"host":"a"}"#]);
        assert!(reader.finish("p".to_owned()).is_err());
    }

    #[test]
    fn packs_of_a_newer_program_are_refused() {
        let reader = read(&[
            r#"{"energy_mark":"(state)","at_us":1000}"#,
            r#"{"packs":2,"schema_version":2}"#,
        ]);
        let error = check_version(reader.queries[0].rows.first()).unwrap_err();
        assert!(error.to_string().contains("update"), "{error}");
    }
}
