//! Answers to questions, and results of checks.

use std::time::Duration;

use energy_query::Result;
use energy_query::format::{Answer, Column, Sheet, counted, energy, escape};
use serde_json::{Value, json};

use super::checks::{self, CHECKS};
use super::execution::{Execution, QueryRows, execute};
use super::list::Question;
use super::program::EngineProgram;
use super::rows::json;
use super::script::Session;

/// Keys whose values are text even if they look like numbers.
const TEXTS: [&str; 16] = [
    "host_id",
    "host",
    "chip",
    "service",
    "kind",
    "role",
    "model",
    "precision",
    "unit",
    "program_version",
    "rail",
    "run",
    "source",
    "object",
    "expected",
    "found",
];

/// Number of faults that a table lists.
const LISTED_FAULTS: usize = 50;

/// Times of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Until the first question: the program, its session and the views.
    pub preparation: Duration,
    /// Each question or check, with its time.
    pub questions: Vec<(String, Duration)>,
}

/// Rows of a question.
#[derive(Debug, Clone)]
pub struct QuestionRows {
    question: Question,
    rows: Vec<Value>,
    /// Times.
    pub timing: Timing,
}

impl QuestionRows {
    /// Executes a question.
    ///
    /// # Errors
    /// If the program fails, or the packs are of a newer version.
    pub fn read(program: &EngineProgram, session: &Session, question: &Question) -> Result<Self> {
        let queries = [(question.name, question.sql)];
        let execution = execute(program, session, &queries, false)?;
        let timing = timing(&execution);
        let rows = execution.queries.iter().flat_map(values).collect();
        Ok(Self {
            question: *question,
            rows,
            timing,
        })
    }

    /// Returns its rows as JSON objects.
    pub fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// Formats the first `limit` rows.
    pub fn answer(&self, limit: usize) -> Answer {
        let shown: Vec<Value> = self.rows.iter().take(limit).cloned().collect();
        let hidden = self.rows.len() - shown.len();
        let title = format!("{}: {}", self.question.name, self.question.about);
        let sheet = Sheet::of_values("rows", "", (self.question.columns)(), shown);
        let mut answer = Answer::new("fleet ask", title)
            .with("question", json!(self.question.name))
            .sheet(sheet);
        for note in self.total().into_iter().chain(self.overlap()) {
            answer = answer.note(note);
        }
        match (self.rows.is_empty(), hidden) {
            (true, _) => answer.note("No rows: no pack in this time has such data."),
            (false, 0) => answer,
            (false, hidden) => answer.note(format!(
                "{} not shown: see --limit.",
                counted(hidden, "row")
            )),
        }
    }

    /// Returns a warning about hosts with energy that counts more than once.
    fn overlap(&self) -> Option<String> {
        let hosts = self.rows.iter().filter(|row| has_overlap(row)).count();
        (hosts > 0).then(|| {
            format!(
                "Runs overlap on {}: each run has all energy of its host, so that sums count it \
                 once for each run.",
                counted(hosts, "host")
            )
        })
    }

    /// Returns the sum of a trace, the only question of which a sum over all rows is an answer.
    fn total(&self) -> Option<String> {
        let nj = |row: &Value| row["energy_nj"].as_str()?.parse::<i128>().ok();
        let is_trace = self.question.name == "trace" && !self.rows.is_empty();
        let sum: i128 = self.rows.iter().filter_map(nj).filter(|_| is_trace).sum();
        is_trace.then(|| {
            let joules = energy(Some(sum as f64 / 1e9));
            format!("Total: {joules} ({sum} nJ), active energy of root rails.")
        })
    }
}

/// Returns whether a host's runs were recorded at the same time.
fn has_overlap(row: &Value) -> bool {
    let ns = |key: &str| row[key].as_i64();
    ns("runs_ns")
        .zip(ns("recorded_ns"))
        .is_some_and(|(runs, recorded)| runs > recorded)
}

/// Result of all checks.
#[derive(Debug, Clone)]
pub struct CheckResult {
    faults: Vec<Value>,
    /// Times.
    pub timing: Timing,
}

impl CheckResult {
    /// Executes all checks.
    ///
    /// # Errors
    /// If the program fails, or the packs are of a newer version.
    pub fn read(program: &EngineProgram, session: &Session) -> Result<Self> {
        let queries = CHECKS.map(|check| (check.name, check.sql));
        let execution = execute(program, session, &queries, true)?;
        let timing = timing(&execution);
        let faults = execution.queries.iter().flat_map(|query| {
            values(query).map(|mut row| {
                row["check"] = json!(query.name);
                row
            })
        });
        Ok(Self {
            faults: faults.collect(),
            timing,
        })
    }

    /// Returns the number of faults.
    pub fn faults(&self) -> usize {
        self.faults.len()
    }

    /// Lists the faults, then the checks without one.
    pub fn answer(&self) -> Answer {
        let title = match self.faults.len() {
            0 => format!("{} passed", counted(CHECKS.len(), "check")),
            number => format!("{} found", counted(number, "fault")),
        };
        let of_check = |name: &str| {
            self.faults
                .iter()
                .filter(|fault| fault["check"] == name)
                .count()
        };
        let checks: Vec<Value> = CHECKS
            .iter()
            .map(|check| {
                json!({ "name": check.name, "about": check.about, "faults": of_check(check.name) })
            })
            .collect();
        let columns = vec![
            Column::text("name", "check"),
            Column::text("about", "what holds"),
            Column::count("faults", "faults"),
        ];
        let faults = Sheet::of_values("faults", "", checks::columns(), self.faults.clone());
        let answer = Answer::new("fleet check", title)
            .sheet(faults.data_only())
            .sheet(Sheet::of_values("checks", "", columns, checks));
        let hidden = self.faults.len().saturating_sub(LISTED_FAULTS);
        let answer = match self.faults.len() {
            0 => answer,
            _ => answer.chart(|_| self.listed()),
        };
        match hidden {
            0 => answer,
            hidden => answer.note(format!(
                "{} not shown: see --json.",
                counted(hidden, "fault")
            )),
        }
    }

    /// Returns the first faults as text; objects have long names, which are not cut.
    fn listed(&self) -> String {
        let faults = self.faults.iter().take(LISTED_FAULTS).map(|fault| {
            let text = |key: &str| escape(fault[key].as_str().unwrap_or("-"));
            let rail = fault["rail"].as_str();
            let rail = rail
                .map(|rail| format!(", rail {}", escape(rail)))
                .unwrap_or_default();
            format!(
                "{}: {} (host {}{rail})\n  {}\n  expected {}, found {}\n",
                text("check"),
                text("problem"),
                text("host"),
                text("object"),
                text("expected"),
                text("found")
            )
        });
        faults.collect()
    }
}

fn values(query: &QueryRows) -> impl Iterator<Item = Value> + '_ {
    query
        .rows
        .iter()
        .map(|row| json(row, |name| TEXTS.contains(&name)))
}

fn timing(execution: &Execution) -> Timing {
    let of = |query: &QueryRows| (query.name.clone(), query.duration);
    Timing {
        preparation: execution.preparation,
        questions: execution.queries.iter().map(of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_overlap_if_their_times_exceed_the_recorded_time() {
        assert!(has_overlap(&json!({ "runs_ns": 3, "recorded_ns": 2 })));
        assert!(!has_overlap(&json!({ "runs_ns": 2, "recorded_ns": 2 })));
        assert!(!has_overlap(&json!({ "runs_ns": 2, "recorded_ns": null })));
    }
}
