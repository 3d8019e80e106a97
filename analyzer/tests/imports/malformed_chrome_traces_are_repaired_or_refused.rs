//! Malformed traces are repaired and the repairs are reported, or they are refused with
//! the position and the next step, and nothing is written.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use crate::fixture::command::{energy, errors};

/// A valid span, which makes any input a trace.
const GOOD: &str = r#"{"ph":"B","pid":1,"tid":0,"ts":0,"name":"a"},
{"ph":"E","pid":1,"tid":0,"ts":900000,"name":"a"}"#;

fn write_power(folder: &Path) {
    let mut text = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for at in 0..20_i64 {
        text += &format!("{},{},cpu,500\n", at * 100_000_000, (at + 1) * 100_000_000);
    }
    std::fs::write(folder.join("power.csv"), text).unwrap();
}

/// Imports a trace and a power recording; returns the folder and the command's output.
fn import(trace: impl AsRef<[u8]>) -> (tempfile::TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path());
    std::fs::write(folder.path().join("t.json"), trace).unwrap();
    let words = [
        "import",
        "chrome",
        "t.json",
        "--power",
        "power.csv",
        "--offset",
        "0",
    ];
    let output = energy(folder.path(), &words);
    (folder, output)
}

/// Imports a trace and returns the messages and whether it was accepted.
fn import_messages(trace: &[u8]) -> (String, bool) {
    let (folder, output) = import(trace);
    let written = folder.path().join("energy.db").exists();
    assert_eq!(output.status.success(), written);
    if !written {
        assert_eq!(output.status.code(), Some(1));
        assert!(errors(&output).contains("t.json: "), "{}", errors(&output));
    }
    (errors(&output), written)
}

#[test]
fn repairs_are_counted_and_reported() {
    let long = "x".repeat(70_000);
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    for (events, expected) in [
        (r#"{"ph":"E","ts":5,"name":"a","tid":0,"pid":1}"#.to_owned(), "1 ends have no matching begin"),
        (r#"{"ph":"B","ts":5,"name":"b"}"#.into(), "1 spans have no end"),
        (r#"{"ph":"B","ts":"soon","name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"B","ts":1,"ts":2,"name":"b"}"#.into(), "1 events cannot be parsed and were dropped (the first: line 4, event 3: duplicate field `ts`"),
        (r#"{"ph":"B","ts":1,"name":"half \ud83d"}"#.into(), "1 events cannot be parsed"),
        ("{\"ph\":\"B\",\"ts\":1,\"name\":\"bell \u{7}\"}".into(), "1 events cannot be parsed"),
        (r#"{"ph":"C","ts":1,"args":{"load":NaN}},{"ph":"B","ts":nan}"#.into(), "2 events cannot be parsed"),
        (r#"{"ph" "B"},7,null,[{}]"#.into(), "4 events cannot be parsed"),
        (
            r#"{"ph":"B","ts":1,"name":"b","args":{"a":1}"#.into(),
            "1 events cannot be parsed and were dropped",
        ),
        (
            r#"{"ph":"X","ts":1790000000000000,"dur":5,"name":"late"}"#.into(),
            "1 spans are half a year or more from all others",
        ),
        (r#"{"ph":"B","ts":1e300,"name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"B","ts":-1e300,"name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"B","ts":null,"name":"b"},{"ph":"B","name":"b"}"#.into(), "2 events have no usable"),
        (r#"{"ph":"X","ts":5,"name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"X","ts":5,"dur":-3,"name":"b","tid":4}"#.into(), "1 spans end before they begin"),
        (
            r#"{"ph":"B","ts":9,"name":"b","tid":4},{"ph":"E","ts":5,"name":"b","tid":4}"#.into(),
            "1 spans end before they begin",
        ),
        (
            r#"{"ph":"B","ts":1,"name":"b","tid":4},{"ph":"B","ts":2,"name":"c","tid":4},
               {"ph":"E","ts":3,"name":"b","tid":4},{"ph":"E","ts":4,"name":"c","tid":4}"#.into(),
            "1 spans were exited before nested ones",
        ),
        (
            r#"{"ph":"X","ts":1,"dur":5,"name":"b","tid":4},{"ph":"X","ts":3,"dur":5,"name":"c","tid":4}"#.into(),
            "1 complete events overlap the end of the previous one",
        ),
        (r#"{"ph":"b","ts":5,"name":"b"}"#.into(), "1 asynchronous events have no usable `id`"),
        (r#"{"ph":"b","ts":5,"name":"b","id2":7}"#.into(), "1 asynchronous events have no usable `id`"),
        (r#"{"ph":"b","ts":5,"name":"b","id":1}"#.into(), "1 spans have no end"),
        (r#"{"ph":"e","ts":5,"name":"b","id":"0x1"}"#.into(), "1 ends have no matching begin"),
        (
            r#"{"ph":"C","ts":5},{"ph":"s","ts":5},{"ph":7},{"ph":"\u0007"},{}"#.into(),
            "5 events are not spans (phase C, s, unknown); they were dropped",
        ),
        (
            format!(r#"{{"ph":"X","ts":5,"dur":1,"name":"{long}","args":{{"layer":"{long}","v":"{long}"}}}}"#),
            "were longer than 256 bytes and shortened",
        ),
        (format!(r#"{{"ph":"B","ts":{deep},"name":"b"}}"#), "1 events have no usable time"),
        (format!(r#"{{"ph":"C","args":{{"a":{deep}}}}}"#), "1 events are not spans"),
    ] {
        let (message, taken) = import_messages(format!("[\n{GOOD},\n{events}\n]").as_bytes());
        let start: String = events.chars().take(200).collect();
        assert!(taken && message.contains(expected), "{start}: {message}");
        assert!(!message.contains("is truncated"), "{start}: {message}");
    }
    for cut in [
        "",
        ",",
        ",\n{\"ph\":\"B\",\"na",
        ",\n{\"ph\":\"B\",\"name\":\"\\",
    ] {
        let (message, taken) = import_messages(format!("[\n{GOOD}{cut}").as_bytes());
        assert!(
            taken && message.contains("trace file is truncated"),
            "{cut:?}: {message}"
        );
    }
}

#[test]
fn invalid_traces_are_refused_with_the_position() {
    let huge = format!("[{GOOD},{{\"name\":\"{}\"}}]", "x".repeat(17 << 20));
    let useless = format!("[{}{{}}]", "{},".repeat(20_000));
    for (trace, expected) in [
        (&b""[..], "it is empty"),
        (
            b"\x1f\x8b\x08\0",
            "it is compressed: unpack it first (`gunzip`)",
        ),
        (
            b"span_id,parent_id\n",
            "it begins with `s`: a Chrome trace is a list",
        ),
        (b"\0\0\0\0", "it begins with `byte 0`"),
        (
            b"[\n]",
            "it contains no span; check that spans reach the layer of tracing-chrome",
        ),
        (b"[\n", "it ends before its first span"),
        (b"{}", "it is an object without a list `traceEvents`"),
        (br#"{"traceEvents":7}"#, "without a list `traceEvents`"),
        (
            b"[\n{},\n7]",
            "1 events cannot be parsed and were dropped (the first: line 3, event 2",
        ),
        (
            b"[\n{},\n{\"ph\":\"B\",\"ts\":NaN}]",
            "line 3, event 2: expected value",
        ),
        (
            b"[{\"ph\":\"B\",\"ts\":1e999}]",
            "line 1, event 1: number out of range",
        ),
        (
            b"[{\"ph\":\"B\",\"name\":\"\xff\"}]",
            "line 1, event 1: invalid unicode",
        ),
        (b"[{\"ph\" \"B\"}]", "(the first: line 1, event 1"),
        (
            b"[{\"ph\":\"B\",\"ts\":\"soon\"}]",
            "1 events have no usable `ts`, `dur` or `id`",
        ),
        (b"\xff\xfe[\0", "it is UTF-16"),
        (
            b"[{\"ph\":\"i\",\"ts\":1,\"name\":\"e\"}]",
            "it contains events, but no span",
        ),
        (huge.as_bytes(), "event 3 has no end within 16 MiB"),
        (useless.as_bytes(), "the first 10000 events contain no span"),
    ] {
        let (message, taken) = import_messages(trace);
        let start: String = String::from_utf8_lossy(trace).chars().take(60).collect();
        assert!(!taken && message.contains(expected), "{start:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

/// Events of one thread in any order, with times as numbers or text, are ordered by time,
/// as in viewers.
#[test]
fn events_are_ordered_by_time() {
    let ordered = r#"[
{"ph":"B","pid":1,"tid":5,"ts":100000,"name":"outer"},
{"ph":"B","pid":1,"tid":5,"ts":300000,"name":"inner"},
{"ph":"E","pid":1,"tid":5,"ts":600000,"name":"inner"},
{"ph":"E","pid":1,"tid":5,"ts":1100000,"name":"outer"}
]"#;
    let lines: Vec<&str> = ordered.lines().collect();
    let shuffled = [lines[1], lines[4], lines[2], lines[3]].map(|line| line.trim_end_matches(','));
    let shuffled = format!("[{}]", shuffled.join(",\n"));
    let in_quotes = ordered
        .replace("00000,", "00000\",")
        .replace("\"ts\":", "\"ts\":\"");
    let powers = ordered.replace("00000,", "e5,");
    let ids =
        ordered
            .replacen("\"tid\":5", "\"tid\":\"5\"", 2)
            .replacen("\"pid\":1", "\"pid\":1.0", 3);
    let noise = "{\"ph\":\"C\",\"pid\":1,\"ts\":7,\"name\":\"memory\",\"args\":{\"v\":1}},\n";
    let counters = ordered.replacen("[\n", &format!("[\n{}", noise.repeat(12_000)), 1);
    for (what, trace) in [
        ("in order", ordered.to_owned()),
        ("shuffled", shuffled),
        ("in quotes", in_quotes),
        ("with exponents", powers),
        ("numbers as text", ids),
        ("CRLF", ordered.replace('\n', "\r\n")),
        ("byte order mark", format!("\u{feff}{ordered}")),
        ("a line before", format!("[WARN] tracer is slow\n{ordered}")),
        ("an object", format!("{{\"traceEvents\":{ordered}}}")),
        ("many counters first", counters),
        ("cut", ordered.trim_end_matches("\n]").to_owned()),
    ] {
        // 5 W for 2 s: the outer span lasts a second, of which 0.3 s are the inner one's.
        let found = spans_of(&trace);
        assert_eq!(
            found,
            [
                ("outer".to_owned(), 0, 1.0, 0.7),
                ("inner".to_owned(), 1, 0.3, 0.3)
            ],
            "{what}"
        );
    }
}

/// An end slightly before its begin, by the clock of another processor, ends the span.
#[test]
fn small_clock_differences_split_no_span() {
    let trace = r#"[{"ph":"B","tid":1,"ts":500000,"name":"a"},{"ph":"E","tid":1,"ts":499999.5,"name":"a"},
        {"ph":"B","tid":1,"ts":600000,"name":"b"},{"ph":"E","tid":1,"ts":700000,"name":"b"}]"#;
    assert_eq!(
        spans_of(trace),
        [("a".to_owned(), 0, 0.0, 0.0), ("b".to_owned(), 0, 0.1, 0.1)]
    );
}

#[test]
fn tasks_with_different_kinds_of_ids_are_separate() {
    let event = |ph: &str, ts: u32, id: &str| {
        format!(
            "{{\"ph\":\"{ph}\",\"pid\":1,\"ts\":{ts}00000,\"cat\":\"x\",\"name\":\"load\",{id}}}"
        )
    };
    let trace = |first: &str, second: &str| {
        let events = [
            event("b", 1, first),
            event("b", 2, second),
            event("e", 5, first),
            event("e", 8, second),
        ];
        spans_of(&format!("[{}]", events.join(",\n")))
    };
    let apart = [
        ("load".to_owned(), 0, 0.4, 0.4),
        ("load".to_owned(), 0, 0.6, 0.6),
    ];
    for (first, second) in [
        (r#""id2":{"local":"0x1"}"#, r#""id2":{"local":"0x2"}"#),
        (r#""id2":{"global":"0x1"}"#, r#""id2":{"local":"0x1"}"#),
        (r#""id":"0x1""#, r#""id":"0x2""#),
        (r#""id":1,"scope":"page""#, r#""id":1,"scope":"frame""#),
    ] {
        assert_eq!(trace(first, second), apart, "{first} {second}");
    }
    // The same id: the second one begins inside of the first.
    let same = r#""id2":{"local":"0x1"}"#;
    assert_eq!(trace(same, same).len(), 2);
}

/// Returns name, depth, seconds and self seconds of each span, by start.
fn spans_of(trace: &str) -> Vec<(String, i64, f64, f64)> {
    let (folder, output) = import(trace);
    assert!(output.status.success(), "{}", errors(&output));
    let sql = "SELECT n.label, n.depth, s.end_ns - s.start_ns,
                 s.end_ns - s.start_ns - (SELECT coalesce(sum(c.end_ns - c.start_ns), 0)
                   FROM spans c WHERE c.parent = (s.id & 1099511627775))
               FROM spans s JOIN nodes n ON n.id = s.node
               ORDER BY s.start_ns";
    let output = energy(folder.path(), &["query", sql, "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", errors(&output)));
    let rows = answer["rows"].as_array().unwrap();
    let seconds = |value: &serde_json::Value| value.as_i64().unwrap() as f64 / 1e9;
    let row = |row: &serde_json::Value| {
        let name = row[0].as_str().unwrap().to_owned();
        (
            name,
            row[1].as_i64().unwrap(),
            seconds(&row[2]),
            seconds(&row[3]),
        )
    };
    rows.iter().map(row).collect()
}

/// Only the beginning of a gigabyte of garbage is read.
#[test]
fn garbage_is_refused_after_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path());
    for begin in ["[{\"name\":\"", "{\"a\":[", "[{\"a\":[[[["] {
        let path = folder.path().join("t.json");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(begin.as_bytes()).unwrap();
        // A sparse file, which reads as zeros.
        file.set_len(1 << 30).unwrap();
        let words = ["import", "chrome", "t.json", "--power", "power.csv"];
        let output = energy(folder.path(), &words);
        let message = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            message.contains("MiB; this is not a trace of spans"),
            "{message}"
        );
    }
}

/// Spans nested a hundred thousand levels deep, and as many names.
#[test]
fn depth_and_names_are_bounded() {
    let mut events = String::from("[\n");
    for at in 0..100_000 {
        events += &format!("{{\"ph\":\"B\",\"ts\":{at},\"name\":\"deep\"}},\n");
    }
    for at in 100_000..200_000 {
        events += &format!("{{\"ph\":\"E\",\"ts\":{at},\"name\":\"deep\"}},\n");
    }
    for at in 0..100_000 {
        let start = 200_000 + at * 5;
        events +=
            &format!("{{\"ph\":\"X\",\"ts\":{start},\"dur\":4,\"name\":\"n{at}\",\"tid\":2}},\n");
    }
    events += &format!("{GOOD}\n]");
    let (message, taken) = import_messages(events.as_bytes());
    assert!(taken, "{message}");
    assert!(message.contains("imported 200001 spans"), "{message}");
    assert!(
        message.contains("99744 spans are more than 256 levels deep"),
        "{message}"
    );
    assert!(
        message.contains("65,536 names or key field values"),
        "{message}"
    );
}

#[test]
fn missing_files_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path());
    let words = ["import", "chrome", "none.json", "--power", "power.csv"];
    let message = errors(&energy(folder.path(), &words));
    assert!(
        message.contains("none.json: ") && message.contains("give the trace"),
        "{message}"
    );
    std::fs::write(folder.path().join("t.json"), format!("[{GOOD}]")).unwrap();
    let words = ["import", "chrome", "t.json", "--power", "none.csv"];
    let message = errors(&energy(folder.path(), &words));
    assert!(message.contains("none.csv"), "{message}");
}
