//! The dashboard in a browser: a real server, runs of a real model, a sensor that prints like
//! powermetrics. Values on the page are those that SQL reads from the file.
//!
//! `DASHBOARD_TESTS` names the folder that `analyzer/tests/dashboard/install` has filled; without
//! it, or without a browser, a line is printed and nothing is tested.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use energy_tests::FakeSensor;
use rusqlite::Connection;
use serde_json::{Value, json};

const PROMPT: &str = "Once upon a time";
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chromium-headless-shell",
];

#[test]
fn the_dashboard_works_in_a_browser() {
    let Some(modules) = modules() else { return };
    let work = Workplace::new();
    work.record();
    let facts = work.path("facts.json");
    std::fs::write(&facts, work.facts().to_string()).expect("written");
    let server = Server::start(&work);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../analyzer/tests/dashboard/run.mjs");
    let status = Command::new("node")
        .arg(script)
        .arg(&server.url)
        .arg(&facts)
        .env("DASHBOARD_TESTS", modules)
        .env_remove("NODE_OPTIONS")
        .status()
        .expect("node");
    assert!(status.success(), "checks in the browser failed: {status}");
}

/// Returns the folder of node modules; `None`, with a line on stderr, if something is missing.
fn modules() -> Option<PathBuf> {
    let skipped = |what: &str| {
        eprintln!("SKIPPED: nothing opens the dashboard: viewer {what}");
        None
    };
    let Some(folder) = std::env::var_os("DASHBOARD_TESTS") else {
        return skipped("modules are not here; DASHBOARD_TESTS names no folder");
    };
    let paths: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|all| std::env::split_paths(&all).collect())
        .unwrap_or_default();
    let is_here = |name: &str| paths.iter().any(|folder| folder.join(name).is_file());
    if !is_here("node") {
        return skipped("node is not here");
    }
    if std::env::var_os("CHROMIUM").is_none() && !BROWSERS.into_iter().any(is_here) {
        return skipped("chromium is not here; set CHROMIUM");
    }
    Some(std::path::absolute(folder).expect("a path"))
}

/// A recording, and the sensor of everything that records into it.
struct Workplace {
    folder: tempfile::TempDir,
    sensor: FakeSensor,
}

impl Workplace {
    fn new() -> Self {
        let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            sensor: sensor.set("BUSY_WATTS", "1.2,5.5"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let file = self.path("energy.db").display().to_string();
        let all = ["--db", &file].into_iter().chain(words.iter().copied());
        all.map(str::to_owned).collect()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_energy-command"));
        command
            .args(self.words(words))
            .envs(self.sensor.environment())
            .env_remove("ENERGY_DB")
            .env_remove("ENERGY_TOKEN");
        command
    }

    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().expect("the command");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {message}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Records a run with all charts, two groups of equal runs, a modelled run, and one to delete.
    fn record(&self) {
        let measured = |more: &[&str]| {
            let first = ["run", PROMPT, "--raw", "--source", "powermetrics"];
            self.run(&[&first[..], &["--interval", "100ms"], more].concat());
        };
        measured(&[
            "--max-tokens",
            "24",
            "--name",
            "story",
            "--tag",
            "demo",
            "--stats",
            "--baseline",
            "500ms",
        ]);
        measured(&[
            "--max-tokens",
            "12",
            "--requantize",
            "none,q8_0",
            "--repeat",
            "2",
            "--cooldown",
            "0s",
            "--group",
            "formats",
            "--baseline",
            "0s",
        ]);
        measured(&[
            "--max-tokens",
            "8",
            "--name",
            "short-lived",
            "--baseline",
            "0s",
        ]);
        let html = "A <b>bold</b> & \"quoted\" prompt <script>alert(1)</script>";
        let modelled = [
            "run",
            html,
            "--max-tokens",
            "8",
            "--name",
            "<i>modelled</i>",
        ];
        let source = [
            "--source",
            "modelled",
            "--baseline",
            "0s",
            "--depth",
            "layer",
        ];
        self.run(&[&modelled[..], &source].concat());
    }

    /// Reads what the checks compare with.
    fn facts(&self) -> Value {
        let file = Connection::open(self.path("energy.db")).expect("a database");
        let uuid = |name: &str| -> (i64, String) {
            let sql = "SELECT no, uuid FROM runs WHERE name = ?1";
            file.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)))
                .expect("a run")
        };
        let (story, id) = uuid("story");
        let one = |sql: &str| -> f64 {
            file.query_row(sql, [story], |row| row.get(0))
                .expect("a number")
        };
        let sides = ["config=none", "config=q8_0"];
        let compared = [
            &["compare"],
            &sides[..],
            &["--allow-different", "--format", "json"],
        ];
        let answer: Value = serde_json::from_str(&self.run(&compared.concat())).expect("JSON");
        let exe = env!("CARGO_BIN_EXE_energy-command");
        json!({
            "run": id,
            "energy_j": one("SELECT sum(energy_j) FROM v_phases WHERE run = ?1"),
            "ledger_j": one("SELECT sum(self_j + idle_j) FROM v_nodes WHERE run = ?1"),
            "cells_j": one("SELECT sum(self_j) FROM v_nodes WHERE run = ?1 AND token IS NOT NULL"),
            "rails": rows(&file, story, "SELECT r.name AS rail, b.measured_j FROM balance b
                JOIN rails r ON r.run = b.run AND r.id = b.rail
                JOIN v_shown s ON s.run = b.run AND s.attribution = b.attribution
                WHERE b.run = ?1"),
            "phases": rows(&file, story, "SELECT phase, energy_j FROM v_phases WHERE run = ?1"),
            "tokens": rows(&file, story, "SELECT token, energy_j FROM v_tokens WHERE run = ?1
                AND start_ns IS NOT NULL ORDER BY start_ns"),
            "samples": rows(&file, story, SAMPLES),
            "gap": gap(&file, uuid("<i>modelled</i>")),
            "experiment": self.experiment(),
            "runs": runs(&file),
            "deletable": uuid("short-lived").1,
            "compare": { "sides": sides, "answer": answer },
            "live": { "prompt": PROMPT, "model": "smollm2", "tokens": 96, "allow_modelled": false },
            "recorder": {
                "name": "another program",
                "command": exe,
                "arguments": self.words(&[
                    "record", "--name", "another program", "--source", "modelled", "--baseline", "0s",
                    "--", "sleep", "120",
                ]),
            },
            "server": {
                "command": exe,
                "arguments": self.words(&["serve", "--listen", "{listen}"]),
            },
        })
    }
}

impl Workplace {
    /// Returns analyses of all runs, which are one experiment here.
    fn experiment(&self) -> Value {
        let read =
            |words: &[&str]| -> Value { serde_json::from_str(&self.run(words)).expect("JSON") };
        let kinds = ["quantization", "pareto", "trend", "context"];
        let analyses = kinds.map(|kind| (kind, read(&["analyse", kind, "--json"])));
        json!({
            "name": "",
            "analyses": analyses.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "table": read(&["table", "--json"]),
        })
    }
}

/// Removes the samples of the middle third of a run, and the number of its tokens; returns what remains.
fn gap(file: &Connection, (run, id): (i64, String)) -> Value {
    let third = "(SELECT end_ns FROM runs WHERE no = ?1) / 3";
    let sql = format!(
        "DELETE FROM sample_balance WHERE run = ?1 AND start_ns >= {third} AND end_ns <= 2 * {third}"
    );
    assert!(
        file.execute(&sql, [run]).expect("SQL") > 0,
        "no sample is in the middle"
    );
    let sql = "UPDATE runs SET output_tokens = NULL WHERE no = ?1";
    file.execute(sql, [run]).expect("SQL");
    json!({ "run": id, "samples": rows(file, run, SAMPLES) })
}

/// Energies of samples, by the program's clock.
const SAMPLES: &str = "SELECT rail, start_ns - ahead_ns AS start_ns, end_ns - ahead_ns AS end_ns,
    energy_j FROM (
        SELECT r.name AS rail, b.start_ns, b.end_ns, b.measured_j AS energy_j,
        coalesce((SELECT round(f.value ->> 'clock_offset_ms' * 1e6)
            FROM attributions a, json_each(a.diagnostics, '$.rails') f
            WHERE a.run = b.run AND a.id = b.attribution
            AND f.value ->> 'rail' IN (r.name, r.source || '/' || r.name)), 0) AS ahead_ns
        FROM sample_balance b JOIN rails r ON r.run = b.run AND r.id = b.rail
        JOIN v_shown s ON s.run = b.run AND s.attribution = b.attribution WHERE b.run = ?1
    )";

/// Returns the rows of a query as objects.
fn rows(file: &Connection, run: i64, sql: &str) -> Vec<Value> {
    let mut statement = file.prepare(sql).expect("SQL");
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let object = |row: &rusqlite::Row<'_>| {
        let pair = |(at, name): (usize, &String)| {
            let value = match row.get_ref(at)? {
                rusqlite::types::ValueRef::Integer(value) => json!(value),
                rusqlite::types::ValueRef::Real(value) => json!(value),
                rusqlite::types::ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
                _ => Value::Null,
            };
            Ok((name.clone(), value))
        };
        let pairs: rusqlite::Result<serde_json::Map<String, Value>> =
            names.iter().enumerate().map(pair).collect();
        Ok(Value::Object(pairs?))
    };
    let all = statement.query_map([run], object).expect("rows");
    all.collect::<rusqlite::Result<_>>().expect("rows")
}

/// Returns all runs with the known energies of their phases, and the number of phases without one;
/// newest first.
fn runs(file: &Connection) -> Vec<Value> {
    rows(
        file,
        0,
        "SELECT r.uuid AS run_id, r.name, r.status, r.prompt, e.energy_j,
        e.energy_j / nullif(r.input_tokens + r.output_tokens, 0) AS j_per_token, e.unknown
        FROM runs r LEFT JOIN (SELECT run, sum(energy_j) AS energy_j,
            count(*) FILTER (WHERE energy_j IS NULL AND phase <> '(remainder)') AS unknown
            FROM v_phases GROUP BY run) e
        ON e.run = r.no WHERE r.no > ?1 ORDER BY r.start_unix_ns DESC",
    )
}

/// A server process; killed when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(work: &Workplace) -> Self {
        let words = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--source",
            "powermetrics",
        ];
        let (child, url) = energy_tests::serve(&mut work.command(&words));
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
