//! A trace of tracing-chrome and a power recording become a run with known energies.
//!
//! ```text
//! s          0          1.0             1.5          2.0    2.2
//! thread 0   |   rest   |====== a ======|==== b =====|
//! thread 1                   |========= c ======|
//!                           1.2                1.8
//! cpu        4 W, 14 W from 1.0 to 2.0
//! ```

use std::path::Path;

use crate::fixture::command::{energy, errors, text};
use crate::fixture::traced::{START_US, Written};
use energy_store::Store;
use serde_json::json;

/// 22 samples of 100 ms; the sensor's clock is ahead by `clock_offset_ms`.
fn write_power(folder: &Path, clock_offset_ms: i64) {
    let mut text = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for at in 0..22 {
        let watts = if (10..20).contains(&at) { 14 } else { 4 };
        let start = START_US * 1_000 + (at * 100 + clock_offset_ms) * 1_000_000;
        text += &format!("{start},{},cpu,{}\n", start + 100_000_000, watts * 100);
    }
    std::fs::write(folder.join("power.csv"), text).unwrap();
}

/// Returns the trace of the drawing.
fn drawn() -> Written {
    let mut written = Written::default();
    written.event("B", "a", 0, 1.0e6);
    written.event("B", "c", 1, 1.2e6);
    written.event("E", "a", 0, 1.5e6);
    written.event("B", "b", 0, 1.5e6);
    written.event("E", "c", 1, 1.8e6);
    written.event("E", "b", 0, 2.0e6);
    written
}

/// Imports the trace in `folder` with these options; returns the messages.
fn import(folder: &Path, trace: &str, options: &[&str]) -> String {
    std::fs::write(folder.join("trace-1790000000123456.json"), trace).unwrap();
    let words = [
        &[
            "import",
            "chrome",
            "trace-1790000000123456.json",
            "--power",
            "power.csv",
        ],
        options,
    ];
    let imported = energy(folder, &words.concat());
    text(&imported);
    errors(&imported)
}

/// Millijoules by kind, by the method proportional.
fn shares(folder: &Path) -> Vec<(String, f64)> {
    text(&energy(folder, &["attribute", "--method", "proportional"]));
    let csv = text(&energy(folder, &["ops", "--format", "csv"]));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[0].to_owned(), fields[1].parse().unwrap())
    };
    csv.lines().skip(1).map(row).collect()
}

#[track_caller]
fn assert_shares(folder: &Path, expected: &[(&str, f64)]) {
    let found = shares(folder);
    for (name, mj) in expected {
        let own = found.iter().find(|(found, _)| found == name);
        let own = own.unwrap_or_else(|| panic!("no {name} in {found:?}")).1;
        assert!(
            (own - mj).abs() < 1e-6 * 1e4,
            "{name}: {own} mJ, not {mj}: {found:?}"
        );
    }
}

fn store(folder: &Path) -> Store {
    Store::open(folder.join("energy.db")).unwrap()
}

fn column(folder: &Path, sql: &str) -> Vec<String> {
    let store = store(folder);
    let mut statement = store.connection().prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0));
    let texts = rows
        .unwrap()
        .map(|text| text.unwrap().unwrap_or("-".into()));
    texts.collect()
}

#[test]
fn an_offset_without_overlap_is_refused_and_a_wrong_one_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path(), 730);
    let path = folder.path();
    std::fs::write(path.join("trace-1790000000123456.json"), drawn().text()).unwrap();
    let import = |offset: &str| {
        let words = "import chrome trace-1790000000123456.json --power power.csv --offset";
        let words: Vec<&str> = words.split(' ').chain([offset]).collect();
        energy(path, &words)
    };
    let refused = import("3000000");
    assert_eq!(refused.status.code(), Some(1));
    let message = errors(&refused);
    assert!(message.contains("no sample covers any span"), "{message}");
    assert!(message.contains("correct --offset"), "{message}");
    assert!(!path.join("energy.db").exists());
    let explained = |offset: &str| -> f64 {
        let message = errors(&import(offset));
        let (_, share) = message.split_once("explain ").unwrap();
        share.split_once(" %").unwrap().0.parse().unwrap()
    };
    let (right, wrong) = (explained("730"), explained("-270"));
    assert!(right > 90.0 && wrong < right - 30.0, "{right} {wrong}");
}

#[test]
fn energies_match_the_drawing_in_both_formats_and_with_a_given_offset() {
    let (list, offset) = (drawn().text(), ["--offset", "730"]);
    let object =
        format!("{{\"displayTimeUnit\":\"ns\",\"traceEvents\":{list},\"otherData\":{{}}}}");
    for trace in [list, object] {
        let folder = tempfile::tempdir().unwrap();
        write_power(folder.path(), 730);
        let message = import(folder.path(), &trace, &offset);
        assert!(
            message.contains("imported 3 spans and 22 samples"),
            "{message}"
        );
        assert!(message.contains("730.0 ms ahead, as given"), "{message}");
        assert!(message.contains("the method fitted"), "{message}");
        // 10 W: a alone for 0.2 s, with c for 0.3 s; b with c for 0.3 s, alone for 0.2 s.
        let expected = [
            ("a", 3_500.0),
            ("b", 3_500.0),
            ("c", 3_000.0),
            ("(idle)", 8_800.0),
            ("(other accounts)", 0.0),
        ];
        assert_shares(folder.path(), &expected);
        let nulls = "SELECT count(*) || ' ' || count(other_processes_j) || count(unattributed_j) || \
                     count(profiler_j) FROM balance";
        let nulls = column(folder.path(), nulls);
        assert!(nulls[0].ends_with(" 000"), "unknown is null: {nulls:?}");
        let config = store(folder.path()).runs().unwrap()[0]
            .row
            .metadata
            .config
            .clone();
        let config: serde_json::Value = serde_json::from_str(&config.unwrap()).unwrap();
        assert_eq!(config["clock_offset_ms"], json!(730.0));
        assert_eq!(config["clock_offset_from"], json!("given"));
        assert_eq!(config["trace_start_unix_ns"], json!(START_US * 1_000));
        assert_eq!(config["trace_start_from"], json!("the file's name"));
    }
}

#[test]
fn spans_nest_by_thread_and_complete_events_by_time() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path(), 0);
    let mut written = Written::default();
    written.event("B", "outer", 0, 1.0e6);
    written.span("inner", 0, (1_000.0, 1_200.0));
    written.event("B", "other", 3, 1.1e6);
    written.event("E", "outer", 0, 1.4e6);
    written.event("E", "other", 3, 1.4e6);
    // Complete events (`X`) are written at their end: the inner one first.
    written.with("X", "part", 9, 1.5e6, json!({"dur": 0.2e6}));
    written.with("X", "whole", 9, 1.4e6, json!({"dur": 0.6e6}));
    import(folder.path(), &written.text(), &["--offset", "0"]);
    let paths = "SELECT coalesce(p.label || ' > ', '') || n.label FROM nodes n \
                 LEFT JOIN nodes p ON p.run = n.run AND p.id = n.parent ORDER BY 1";
    let expected = ["other", "outer", "outer > inner", "whole", "whole > part"];
    assert_eq!(column(folder.path(), paths), expected);
    let mj = [
        ("outer > inner", 1_000.0 + 500.0),
        ("outer", 1_000.0),
        ("other", 1_500.0),
        ("whole", 4_000.0),
        ("whole > part", 2_000.0),
    ];
    assert_shares(folder.path(), &mj);
}

/// ```text
/// id 1   root 1.0 .. 2.0    left 1.1 .. 1.4    right 1.3 .. 1.6
/// id 2   root 1.6 .. 2.0
/// ```
#[test]
fn the_asynchronous_style_divides_energy_by_open_time() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path(), 0);
    let mut written = Written::default();
    let task = |written: &mut Written, ph: &str, name: &str, id: u64, s: f64| {
        written.with(ph, name, 0, s * 1e6, json!({"id": id}));
    };
    for (ph, name, id, s) in [
        ("b", "root", 1, 1.0),
        ("b", "left", 1, 1.1),
        ("b", "right", 1, 1.3),
        ("e", "left", 1, 1.4),
        ("e", "right", 1, 1.6),
        ("b", "root", 2, 1.6),
        ("e", "root", 2, 2.0),
        ("e", "root", 1, 2.0),
    ] {
        task(&mut written, ph, name, id, s);
    }
    let message = import(folder.path(), &written.text(), &["--offset", "0"]);
    assert!(
        message.contains("energy is divided by open time"),
        "{message}"
    );
    assert!(
        message.contains("by the method proportional, without intervals"),
        "{message}"
    );
    let mj = [
        ("root", 1_000.0 + 4_000.0),
        ("root > left", 2_000.0 + 500.0),
        ("root > right", 500.0 + 2_000.0),
    ];
    assert_shares(folder.path(), &mj);
    let lanes = "SELECT n.label || ' ' || t.name FROM spans s \
                 JOIN nodes n ON n.id = s.node JOIN threads t ON t.id = s.thread ORDER BY s.id";
    let expected = [
        "root async 1",
        "left async 1",
        "right async 2",
        "root async 2",
    ];
    assert_eq!(column(folder.path(), lanes), expected);
    let bounds = "SELECT count(*) || ' ' || count(lo_j) || count(hi_j) FROM node_energy";
    let bounds = column(folder.path(), bounds);
    assert!(
        bounds[0].ends_with(" 00"),
        "no interval is claimed: {bounds:?}"
    );
}

#[test]
fn arguments_make_nodes_tokens_and_fields() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path(), 0);
    let mut written = Written::default();
    let args =
        |layer: &str| json!({"args": {"layer": layer, "rows": "64", "kind": "\"q \\\"x\\\"\""}});
    for (layer, start) in [("0", 1.0), ("1", 1.4), ("0", 1.6)] {
        written.with("B", "layer", 0, start * 1e6, args(layer));
        written.with("E", "layer", 0, (start + 0.2) * 1e6, args(layer));
    }
    written.with("B", "token", 0, 1.8e6, json!({"args": {"token": "17"}}));
    written.with(
        "i",
        "event main.rs:3",
        0,
        1.85e6,
        json!({"s": "t", "args": {"message": "done"}}),
    );
    let later = json!({"args": {"token": "17", "loss": "0.5"}});
    written.with("E", "token", 0, 1.9e6, later);
    written.events.insert(
        0,
        json!({"ph": "M", "pid": 1, "name": "thread_name", "tid": 0, "args": {"name": "main"}})
            .to_string(),
    );
    import(folder.path(), &written.text(), &["--offset", "0"]);
    let labels = column(folder.path(), "SELECT label FROM nodes ORDER BY id");
    assert_eq!(labels, ["layer 0", "layer 1", "token"]);
    let fields = column(folder.path(), "SELECT json FROM span_fields ORDER BY span");
    let first: serde_json::Value = serde_json::from_str(&fields[0]).unwrap();
    assert_eq!(first, json!({"rows": 64, "kind": "q \"x\""}));
    assert_eq!((fields.len(), fields[3].as_str()), (4, r#"{"loss":0.5}"#));
    let tokens = column(
        folder.path(),
        "SELECT CAST(token AS TEXT) FROM spans ORDER BY id",
    );
    assert_eq!(tokens, ["-", "-", "-", "17"]);
    let roles = "SELECT name || ' ' || coalesce(role, '') || ' ' || target || ' ' || file || ':' \
                 || line FROM callsites ORDER BY id";
    let place = "program src/main.rs:7";
    let expected = [
        format!("layer layer {place}"),
        format!("token token {place}"),
    ];
    assert_eq!(column(folder.path(), roles)[..2], expected);
    let span_events =
        "SELECT m.json || ' ' || s.token FROM span_events m JOIN spans s ON s.id = m.span";
    assert_eq!(
        column(folder.path(), span_events),
        [r#"{"message":"done"} 17"#]
    );
    assert_eq!(column(folder.path(), "SELECT name FROM threads"), ["main"]);
    assert_shares(folder.path(), &[("layer", 6_000.0), ("token", 1_000.0)]);

    let other = tempfile::tempdir().unwrap();
    write_power(other.path(), 0);
    let keys = ["--offset", "0", "--key-fields", "rows,kind"];
    import(other.path(), &written.text(), &keys);
    let labels = column(other.path(), "SELECT label FROM nodes ORDER BY id");
    assert_eq!(labels, ["layer 64 q \"x\"", "token"]);
}

#[test]
fn without_a_known_start_it_is_requested_or_both_start_together() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path(), 0);
    std::fs::write(folder.path().join("t.json"), drawn().text()).unwrap();
    let import = |options: &[&str]| {
        let words = [
            &["import", "chrome", "t.json", "--power", "power.csv"],
            options,
        ];
        energy(folder.path(), &words.concat())
    };
    // The first sample is at 0, the first span at 1.0 s.
    let together = errors(&import(&["--offset", "1000"]));
    assert!(
        together.contains("the start of the trace is known only from"),
        "{together}"
    );
    assert!(
        together.contains("relative to an assumed common start"),
        "{together}"
    );
    assert_shares(folder.path(), &[("a", 3_500.0), ("c", 3_000.0)]);
    let start = format!("{}.{:06}", START_US / 1_000_000, START_US % 1_000_000);
    let known = errors(&import(&["--offset", "0", "--start", &start]));
    assert!(!known.contains("the start of the trace"), "{known}");
    assert_shares(folder.path(), &[("a", 3_500.0), ("c", 3_000.0)]);
    let wrong = errors(&import(&["--start", "yesterday"]));
    assert!(
        wrong.contains("`yesterday` is not a time; write it like"),
        "{wrong}"
    );
}

/// A file that `start_new` began has a name that is 47 s later than the start of the layer's
/// clock: no sample within 10 s of the name agrees with its spans, and the start is found.
#[test]
fn the_start_of_a_rotated_trace_is_found_from_the_power() {
    const LATE_S: i64 = 47;
    // Starts and lengths in ms after the layer's clock began.
    let pieces: Vec<(&str, i64, i64)> = (0..24)
        .scan(49_000, |at, piece| {
            let start = *at;
            let length = 130 + piece * piece * 37 % 410;
            *at += length + 40 + piece * piece * piece * 53 % 390;
            Some((["solve", "parse"][piece as usize % 2], start, length))
        })
        .collect();
    let mut written = Written::default();
    for &(name, start, length) in &pieces {
        written.event("B", name, 0, start as f64 * 1e3);
        written.event("E", name, 0, (start + length) as f64 * 1e3);
    }
    let mut table = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for from in (0..80_000).step_by(100) {
        let part = |&(name, start, length): &(&str, i64, i64)| {
            let watts = if name == "solve" { 12 } else { 5 };
            watts
                * (from + 100)
                    .min(start + length)
                    .saturating_sub(from.max(start))
                    .max(0)
        };
        let energy_mj = 300 + pieces.iter().map(part).sum::<i64>();
        let start = START_US * 1_000 + from * 1_000_000;
        table += &format!("{start},{},cpu,{energy_mj}\n", start + 100_000_000);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("power.csv"), table).unwrap();
    let name = format!("trace-{}.json", START_US + LATE_S * 1_000_000);
    std::fs::write(path.join(&name), written.text()).unwrap();
    let import = |options: &[&str]| {
        energy(
            path,
            &[
                &["import", "chrome", &name, "--power", "power.csv"],
                options,
            ]
            .concat(),
        )
    };
    let output = import(&[]);
    text(&output);
    let message = errors(&output);
    assert!(
        message.contains("47.0 s later than the start") && message.contains("`start_new`"),
        "{message}"
    );
    // All energy above idle belongs to spans.
    let spans: i64 = pieces
        .iter()
        .map(|p| if p.0 == "solve" { 12 * p.2 } else { 5 * p.2 })
        .sum();
    let found = column(
        path,
        "SELECT cast(round(sum(self_j) * 1000) AS TEXT) FROM node_energy WHERE attribution =
           (SELECT max(id) FROM attributions)",
    );
    let found: f64 = found[0].parse().unwrap();
    assert!(
        (found / spans as f64 - 1.0).abs() < 0.02,
        "{found} mJ of {spans} mJ"
    );
    let begun = column(
        path,
        "SELECT cast(start_unix_ns / 1000000 AS TEXT) FROM runs",
    );
    let begun: i64 = begun[0].parse().unwrap();
    assert!((begun - START_US / 1_000).abs() < 200, "{begun}");
    // Flat power, and the name may be that of a rotated file: the message explains it.
    let flat = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned()
        + &(0..800)
            .map(|at| {
                let start = START_US * 1_000 + at * 100_000_000;
                format!("{start},{},cpu,300\n", start + 100_000_000)
            })
            .collect::<String>();
    std::fs::write(path.join("power.csv"), flat).unwrap();
    let message = errors(&import(&[]));
    assert!(
        message.contains("`start_new`") && message.contains("--start"),
        "{message}"
    );
}
