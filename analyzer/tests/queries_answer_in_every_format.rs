//! Each listing command prints a table, JSON that matches its schema in `analyzer/schema`, CSV
//! and Markdown; sums match the file; an error is one clear message.

#[allow(unreachable_pub)]
mod fixture;

#[allow(dead_code, unreachable_pub)]
#[path = "fixture/command.rs"]
mod command;

use std::path::{Path, PathBuf};
use std::process::Output;

use command::{energy, errors, text};
use serde_json::Value;

/// Commands with their arguments besides a run.
const QUESTIONS: [&[&str]; 13] = [
    &["runs"],
    &["show"],
    &["summary"],
    &["pipeline"],
    &["tokens"],
    &["layers"],
    &["ops"],
    &["hot"],
    &["balance"],
    &["power"],
    &["size"],
    &[
        "query",
        "select 1 as one, null as none, 'a' as text, x'00ff' as bytes",
    ],
    &["compare", "last", "again", "--allow-different"],
];

/// Tokens of the run with hostile texts, samples, and a second run like it.
const MORE: &str = "
INSERT INTO callsites VALUES
    (1, 5, 'token', 't', 'INFO', NULL, NULL, 'cpu', 'token'),
    (1, 6, 'layers', 't', 'INFO', NULL, NULL, 'cpu', 'section');
INSERT INTO nodes (run, id, parent, callsite, label, depth, phase, token) VALUES
    (1, 5, 3, 5, 'token', 2, 3, 5);
INSERT INTO nodes (run, id, parent, callsite, label, depth, phase, section) VALUES
    (1, 6, 2, 6, 'layers\x1b]0;x\x07<img>', 2, 2, 6);
INSERT INTO node_energy
    (run, attribution, node, rail, self_j, lo_j, hi_j, inclusive_j, idle_j, self_ns,
     activations, instances, min_w, avg_w, peak_w, basis)
    VALUES
    (1, 1, 5, 1, 0.0, NULL, NULL, 0.0, 0.0, 0, 3, 3, NULL, NULL, NULL, 'proportional'),
    (1, 1, 6, 1, 0.5, 0.4, 0.7, 0.5, 0.0, 500, 1, 1, NULL, NULL, NULL, 'fitted');
INSERT INTO spans VALUES
    ((1 << 40) + 1, 5, NULL, NULL, 1, 1000, 2000, 0),
    ((1 << 40) + 2, 5, NULL, NULL, 1, 2000, 3000, 1),
    ((1 << 40) + 3, 5, NULL, NULL, 1, 3000, 5000, 2);
INSERT INTO span_fields VALUES
    ((1 << 40) + 1, '{\"text\":\"a\\u001b[31m\"}'), ((1 << 40) + 2, '{\"text\":\"<b>|`,\\\"\\n\"}');
INSERT INTO span_energy
    (span, attribution, rail, energy_j, idle_j, spans_j, lo_j, hi_j, peak_w, basis)
    VALUES
    ((1 << 40) + 1, 1, 1, 1.0, 0.25, 1.0, 0.9, 1.2, 5.0, 'fitted'),
    ((1 << 40) + 2, 1, 1, 2.0, 0.25, 2.0, NULL, NULL, 6.0, 'proportional'),
    ((1 << 40) + 3, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 'proportional');
INSERT INTO samples VALUES
    (1, 1, -100, 0, 0.1, NULL), (1, 1, 0, 1000000000, 4.0, 2),
    (1, 1, 1000000000, 2000000000, NULL, 3), (1, 2, 0, 1000000000, 2.0, 2);
INSERT INTO runs (no, uuid, name, status, pid, heartbeat_unix_ns, start_unix_ns, end_ns, version)
VALUES (2, '2f1e2d3c-0000-4000-8000-000000000002', 'last-but-one', 'complete', 1, 0,
        1795479650000000000, 5000000000, '0.1.0');
";

fn recording(folder: &Path, provenance: &str) -> PathBuf {
    let path = fixture::recording(folder, provenance);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(MORE).unwrap();
    for table in [
        "runs",
        "rails",
        "callsites",
        "nodes",
        "attributions",
        "balance",
        "node_energy",
        "phase_energy",
    ] {
        let number = if table == "runs" { "no" } else { "run" };
        let copy = format!(
            "CREATE TEMP TABLE copied AS SELECT * FROM {table} WHERE {number} = 1;
             UPDATE copied SET {number} = 3;
             INSERT INTO {table} SELECT * FROM copied;
             DROP TABLE copied;"
        );
        let other = "UPDATE copied SET uuid = '3f1e', name = 'again';\n             INSERT";
        let copy = match table {
            "runs" => copy.replacen("INSERT", other, 1),
            _ => copy,
        };
        connection.execute_batch(&copy).unwrap();
    }
    path
}

/// Runs a query command on the fixture's run.
fn run(folder: &Path, question: &[&str], more: &[&str]) -> Output {
    let lists_all = ["runs", "size", "query", "compare"].contains(&question[0]);
    let which = if lists_all { None } else { Some(fixture::UUID) };
    let question: Vec<&str> = question
        .iter()
        .map(|word| if *word == "last" { fixture::UUID } else { word })
        .collect();
    let words: Vec<&str> = question
        .into_iter()
        .chain(which)
        .chain(more.iter().copied())
        .collect();
    energy(folder, &words)
}

fn schema(command: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{command}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn json_matches_its_schema() {
    for provenance in ["measured", "modelled"] {
        let folder = tempfile::tempdir().unwrap();
        recording(folder.path(), provenance);
        for question in QUESTIONS {
            let json = text(&run(folder.path(), question, &["--format", "json"]));
            let value: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (&value["schema"], &value["command"]),
                (&1.into(), &question[0].into())
            );
            let validator = jsonschema::validator_for(&schema(question[0])).unwrap();
            let faults: Vec<String> = validator
                .iter_errors(&value)
                .map(|fault| format!("{}: {fault}", fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{question:?}: {faults:?}\n{json}");
        }
    }
}

#[test]
fn an_empty_schema_is_noticed() {
    for question in QUESTIONS {
        let validator = jsonschema::validator_for(&schema(question[0])).unwrap();
        let other = serde_json::json!({ "schema": 1, "command": question[0] });
        assert!(!validator.is_valid(&other), "{question:?}");
    }
}

#[test]
fn csv_has_the_same_fields_in_each_record() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    for question in QUESTIONS {
        let shown = text(&run(folder.path(), question, &["--format", "csv"]));
        let mut reader = csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(shown.as_bytes());
        let header = reader.headers().unwrap().clone();
        assert!(
            !header.is_empty() && header.iter().all(|key| !key.is_empty()),
            "{question:?}"
        );
        let records = reader.records().map(Result::unwrap).count();
        assert!(records > 0, "{question:?}: {shown}");
    }
}

#[test]
fn control_characters_are_escaped_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    for question in QUESTIONS {
        for format in ["table", "json", "csv", "markdown"] {
            let shown = text(&run(folder.path(), question, &["--format", format]));
            let acts = |c: &char| c.is_control() && *c != '\n';
            assert_eq!(
                shown.chars().find(acts),
                None,
                "{question:?} {format}: {shown}"
            );
            assert!(format != "markdown" || !shown.contains("<b>"), "{shown}");
        }
    }
}

#[test]
fn tables_fit_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "modelled");
    for question in QUESTIONS {
        let shown = text(&run(folder.path(), question, &[]));
        for line in shown.lines().filter(|line| !line.ends_with('.')) {
            assert!(line.chars().count() <= 80, "{question:?}: {line}");
        }
    }
}

#[test]
fn sums_match_the_file() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let of = |question: &[&str], more: &[&str]| -> Value {
        let more: Vec<&str> = more.iter().copied().chain(["--format", "json"]).collect();
        serde_json::from_str(&text(&run(folder.path(), question, &more))).unwrap()
    };
    let sum = |rows: &Value, key: &str, keep: &dyn Fn(&Value) -> bool| -> f64 {
        let rows = rows.as_array().unwrap().iter().filter(|row| keep(row));
        rows.filter_map(|row| row[key].as_f64()).sum()
    };
    let all = |_: &Value| true;
    let pipeline = of(&["pipeline"], &[]);
    let total = pipeline["energy_j"].as_f64().unwrap();
    assert_eq!(total, 16.5);
    let rows = &pipeline["pipeline"];
    let is_phase = |row: &Value| row["section"].is_null();
    assert_eq!(sum(rows, "energy_j", &is_phase), total);
    let of_prefill = |row: &Value| row["phase"] == "prefill" && !is_phase(row);
    assert_eq!(sum(rows, "energy_j", &of_prefill), 4.5);
    assert_eq!(sum(&of(&["hot"], &[])["nodes"], "energy_j", &all), total);
    let prefill = of(&["hot"], &["--phase", "prefill"]);
    assert_eq!(sum(&prefill["nodes"], "energy_j", &all), 4.5);
    assert_eq!(prefill["nodes"][0]["node"], "prefill");
    let fitted = of(&["hot"], &["--basis", "fitted"]);
    assert_eq!(fitted["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(fitted["nodes"][0]["lo_j"], 0.4);
    let on_core = of(&["layers"], &["--rail", "core"]);
    assert_eq!(sum(&on_core["layers"], "energy_j", &all), 7.0);
    let tokens = of(&["tokens"], &[]);
    assert_eq!(sum(&tokens["tokens"], "energy_j", &all), 3.0);
    assert_eq!(tokens["tokens"][0]["text"], "a\u{1b}[31m");
    assert_eq!(tokens["tokens"][0]["active_j"], 0.75);
    assert!(tokens["tokens"][2]["energy_j"].is_null());
    assert_eq!(tokens["tokens"][0]["note"], "sampling only");
    assert_eq!(tokens["statistics"]["median_j"], 2.0);
    let power = of(&["power"], &[]);
    assert_eq!(power["rails"][0]["peak_w"], 4.0);
    assert_eq!(power["samples"].as_array().unwrap().len(), 3);
    let balance = of(&["balance"], &[]);
    assert_eq!(balance["rails"][0]["measured_j"], 20.0);
    let query = of(
        &["query", "select sum(energy_j) from v_tokens where run = 1"],
        &[],
    );
    assert_eq!(query["rows"][0][0], 3.0);
}

/// Arguments, exit code, and a part of the message.
const WRONG: [(&[&str], i32, &str); 12] = [
    (&["hot", "nobody"], 1, "nobody"),
    (&["hot", "--rail", "moon"], 1, "rapl/package, rapl/core"),
    (&["hot", "--phase", "lunch"], 1, "prefill, decode"),
    (&["hot", "--basis", "guess"], 2, "measured, fitted"),
    (&["hot", "--attribution", "9"], 1, "`9`"),
    (&["tokens", "last-but-one"], 1, "not attributed"),
    (&["power", "last-but-one"], 1, "no matching samples"),
    (&["query", "delete from runs"], 1, "only reading"),
    (&["query", "attach 'other.db' as other"], 1, "only reading"),
    (
        &["query", "pragma journal_mode = delete"],
        1,
        "only reading",
    ),
    (&["query", "select a from nowhere"], 1, "no such table"),
    (&["query", "select 1; select 2"], 1, "Multiple statements"),
];

#[test]
fn wrong_usage_is_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    for (words, code, named) in WRONG {
        let output = energy(folder.path(), words);
        let message = errors(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {message}");
        assert!(message.contains(named), "{words:?}: {message}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn an_endless_query_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    let endless = "with recursive n(x) as (select 1 union all select x + 1 from n)
                   select count(*) from n";
    let output = energy(folder.path(), &["query", endless, "--timeout", "100ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("--timeout"), "{}", errors(&output));
}

#[test]
fn invalid_recordings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path(), "measured");
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    std::fs::write(
        folder.path().join("text.db"),
        "not a database, but long enough to be one ".repeat(50),
    )
    .unwrap();
    for question in QUESTIONS.iter().filter(|question| question[0] != "compare") {
        for file in ["energy.db", "empty.db", "text.db", "missing.db"] {
            let words: Vec<&str> = question.iter().copied().chain(["--db", file]).collect();
            let output = energy(folder.path(), &words);
            let message = errors(&output);
            assert_eq!(
                output.status.code(),
                Some(1),
                "{question:?} {file}: {message}"
            );
            assert!(
                message.contains(file) && message.lines().count() == 1,
                "{question:?}: {message}"
            );
        }
    }
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    for question in ["summary", "hot", "tokens"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_energy"))
            .current_dir(folder.path())
            .args([question, fixture::UUID])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(errors(&output), "", "{question}");
        assert!(output.status.success(), "{question}");
    }
}
