//! Each listing command prints a table, JSON that matches its schema in `analyzer/schema`, CSV
//! and Markdown; sums match the file; an error is one clear message.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::fixture;
use crate::fixture::command::{energy, errors, text};
use crate::fixture::rows::{self, balance, callsite, node, node_energy, sample, span, span_energy};
use energy_data::rows::*;
use serde_json::Value;
use tracing_energy::Batch;

/// Commands with their arguments besides a run.
const QUESTIONS: [&[&str]; 14] = [
    &["runs"],
    &["show"],
    &["summary"],
    &["pipeline"],
    &["tokens"],
    &["layers"],
    &["ops"],
    &["requests"],
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

/// Adds tokens with hostile texts and samples to the run.
fn add_tokens(batch: &mut Batch) {
    batch
        .callsites
        .push(callsite(5, "token", Some(Role::Token)));
    let layers = callsite(6, "layers", Some(Role::Section));
    batch.callsites.push(layers);
    batch.nodes.push(node(5, Some(3), 5, "token", 2));
    let hostile = "layers\x1b]0;x\x07<img>";
    batch.nodes.push(node(6, Some(2), 6, hostile, 2));
    let rows = &mut batch.attribution;
    rows.node_energy.push(NodeEnergyRow {
        idle_j: Some(0.0),
        activations: 3,
        instances: 3,
        ..node_energy(5, 1, 0.0, 0)
    });
    rows.node_energy.push(NodeEnergyRow {
        idle_j: Some(0.0),
        lo_j: Some(0.4),
        hi_j: Some(0.7),
        basis: Basis::Fitted,
        ..node_energy(6, 1, 0.5, 500)
    });
    let energy = |seq, energy_j: Option<f64>, peak_w| SpanEnergyRow {
        idle_j: energy_j.map(|_| 0.25),
        spans_j: energy_j,
        peak_w,
        basis: Basis::Proportional,
        ..span_energy(seq, 1, 1000, energy_j)
    };
    rows.span_energy = vec![
        SpanEnergyRow {
            lo_j: Some(0.9),
            hi_j: Some(1.2),
            basis: Basis::Fitted,
            ..energy(1, Some(1.0), Some(5.0))
        },
        energy(2, Some(2.0), Some(6.0)),
        energy(3, None, None),
    ];
    let times = [(1000, 2000), (2000, 3000), (3000, 5000)];
    let spans = (1..).zip(times).map(|(seq, (start, end))| SpanRow {
        token: Some(seq as i64 - 1),
        ..span(seq, 5, start, end)
    });
    batch.spans = spans.collect();
    let texts = [r#"{"text":"a\u001b[31m"}"#, r#"{"text":"<b>|`,\"\n"}"#];
    let fields = (1..).zip(texts).map(|(span, json)| FieldsRow {
        span,
        json: json.into(),
    });
    batch.fields = fields.collect();
    add_samples(batch);
}

/// Adds samples: one before the run, one of unknown energy.
fn add_samples(batch: &mut Batch) {
    const SECOND: i64 = 1_000_000_000;
    batch.samples = vec![
        sample(1, -100, 0, Some(0.1)),
        sample(1, 0, SECOND, Some(4.0)),
        sample(1, SECOND, 2 * SECOND, None),
        sample(2, 0, SECOND, Some(2.0)),
    ];
    let balanced = |rail, start_ns, joules: f64, phase| SampleBalanceRow {
        rail,
        start_ns,
        end_ns: start_ns + SECOND,
        accounts: balance(rail, joules).accounts,
        phase: Some(phase),
    };
    batch.attribution.sample_balance = vec![
        balanced(1, 0, 4.0, 2),
        balanced(1, SECOND, 0.0, 3),
        balanced(2, 0, 2.0, 2),
    ];
}

/// The run with its tokens, one without rows, and another like the first.
fn recording(folder: &Path, provenance: &str) -> PathBuf {
    let mut first = fixture::summed(provenance);
    let mut again = first.clone();
    add_tokens(&mut first);
    let named = |run: &mut Batch, uuid: &str, name: &str| {
        let run = run.run.as_mut().unwrap();
        (run.uuid, run.metadata.name) = (uuid.into(), Some(name.into()));
    };
    named(&mut again, "3f1e", "again");
    (again.conditions, again.events) = Default::default();
    let run = rows::run("");
    let mut empty = Batch {
        run: Some(RunRow {
            start_unix_ns: run.start_unix_ns - 6_000_000_000,
            end_ns: Some(5_000_000_000),
            ..run
        }),
        ..Batch::default()
    };
    named(
        &mut empty,
        "2f1e2d3c-0000-4000-8000-000000000002",
        "last-but-one",
    );
    let path = folder.join("energy.db");
    fixture::write(&path, &[first, empty, again]);
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
    (&["hot", "nobody"], 2, "nobody"),
    (&["hot", "--rail", "moon"], 2, "rapl/package, rapl/core"),
    (&["hot", "--phase", "lunch"], 2, "prefill, decode"),
    (&["hot", "--basis", "guess"], 2, "measured, fitted"),
    (&["hot", "--attribution", "9"], 2, "`9`"),
    (&["tokens", "last-but-one"], 2, "not attributed"),
    (&["power", "last-but-one"], 2, "no matching samples"),
    (&["query", "delete from runs"], 2, "only reading"),
    (&["query", "attach 'other.db' as other"], 2, "only reading"),
    (
        &["query", "pragma journal_mode = delete"],
        2,
        "only reading",
    ),
    (&["query", "select a from nowhere"], 2, "no such table"),
    (
        &["query", "select 1; select 2"],
        2,
        "it has several statements; give a single SELECT",
    ),
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
            let code = if file == "missing.db" { 2 } else { 1 };
            assert_eq!(
                output.status.code(),
                Some(code),
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
