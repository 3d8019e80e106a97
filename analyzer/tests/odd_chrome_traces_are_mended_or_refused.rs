//! Whatever a trace holds, it is mended and told, or refused with the place and the
//! next step; then nothing is written.

#[allow(dead_code, unreachable_pub)]
#[path = "fixture/command.rs"]
mod command;

use std::io::Write as _;
use std::path::Path;

use command::{energy, errors};

/// A span that makes a trace of anything.
const GOOD: &str = r#"{"ph":"B","pid":1,"tid":0,"ts":0,"name":"a"},
{"ph":"E","pid":1,"tid":0,"ts":900000,"name":"a"}"#;

fn write_power(folder: &Path) {
    let mut text = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for at in 0..20_i64 {
        text += &format!("{},{},cpu,500\n", at * 100_000_000, (at + 1) * 100_000_000);
    }
    std::fs::write(folder.join("power.csv"), text).unwrap();
}

/// What is said about a trace, and whether it was taken.
fn said(trace: &[u8]) -> (String, bool) {
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
    let written = folder.path().join("energy.db").exists();
    assert_eq!(output.status.success(), written);
    if !written {
        assert_eq!(output.status.code(), Some(1));
        assert!(errors(&output).contains("t.json: "), "{}", errors(&output));
    }
    (errors(&output), written)
}

#[test]
fn what_can_be_mended_is_counted_and_told() {
    let long = "x".repeat(70_000);
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    for (events, says) in [
        (r#"{"ph":"E","ts":5,"name":"a","tid":0,"pid":1}"#.to_owned(), "1 ends belong to no begin"),
        (r#"{"ph":"B","ts":5,"name":"b"}"#.into(), "1 spans have no end"),
        (r#"{"ph":"B","ts":"soon","name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"B","ts":1,"ts":2,"name":"b"}"#.into(), "1 events cannot be read and were left out (the first: line 4, event 3: duplicate field `ts`"),
        (r#"{"ph":"B","ts":1,"name":"half \ud83d"}"#.into(), "1 events cannot be read"),
        ("{\"ph\":\"B\",\"ts\":1,\"name\":\"bell \u{7}\"}".into(), "1 events cannot be read"),
        (r#"{"ph":"C","ts":1,"args":{"load":NaN}},{"ph":"B","ts":nan}"#.into(), "2 events cannot be read"),
        (r#"{"ph" "B"},7,null,[{}]"#.into(), "4 events cannot be read"),
        (
            r#"{"ph":"B","ts":1,"name":"b","args":{"a":1}"#.into(),
            "1 events cannot be read and were left out",
        ),
        (
            r#"{"ph":"X","ts":1790000000000000,"dur":5,"name":"late"}"#.into(),
            "1 spans are half a year or more from all others",
        ),
        (r#"{"ph":"B","ts":1e300,"name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"B","ts":-1e300,"name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"B","ts":null,"name":"b"},{"ph":"B","name":"b"}"#.into(), "2 events have no usable"),
        (r#"{"ph":"X","ts":5,"name":"b"}"#.into(), "1 events have no usable time"),
        (r#"{"ph":"X","ts":5,"dur":-3,"name":"b","tid":4}"#.into(), "1 spans would end before"),
        (
            r#"{"ph":"B","ts":9,"name":"b","tid":4},{"ph":"E","ts":5,"name":"b","tid":4}"#.into(),
            "1 spans would end before they begin",
        ),
        (
            r#"{"ph":"B","ts":1,"name":"b","tid":4},{"ph":"B","ts":2,"name":"c","tid":4},
               {"ph":"E","ts":3,"name":"b","tid":4},{"ph":"E","ts":4,"name":"c","tid":4}"#.into(),
            "1 spans were left while others inside were still entered",
        ),
        (
            r#"{"ph":"X","ts":1,"dur":5,"name":"b","tid":4},{"ph":"X","ts":3,"dur":5,"name":"c","tid":4}"#.into(),
            "1 whole spans lie across the end of the one before",
        ),
        (r#"{"ph":"b","ts":5,"name":"b"}"#.into(), "1 asynchronous events have no usable `id`"),
        (r#"{"ph":"b","ts":5,"name":"b","id2":7}"#.into(), "1 asynchronous events have no usable `id`"),
        (r#"{"ph":"b","ts":5,"name":"b","id":1}"#.into(), "1 spans have no end"),
        (r#"{"ph":"e","ts":5,"name":"b","id":"0x1"}"#.into(), "1 ends belong to no begin"),
        (
            r#"{"ph":"C","ts":5},{"ph":"s","ts":5},{"ph":7},{"ph":"\u0007"},{}"#.into(),
            "5 events are no spans (phase C, s, unknown); they were left out",
        ),
        (
            format!(r#"{{"ph":"X","ts":5,"dur":1,"name":"{long}","args":{{"layer":"{long}","v":"{long}"}}}}"#),
            "were longer than 256 bytes and cut",
        ),
        (format!(r#"{{"ph":"B","ts":{deep},"name":"b"}}"#), "1 events have no usable time"),
        (format!(r#"{{"ph":"C","args":{{"a":{deep}}}}}"#), "1 events are no spans"),
    ] {
        let (told, taken) = said(format!("[\n{GOOD},\n{events}\n]").as_bytes());
        let start: String = events.chars().take(200).collect();
        assert!(taken && told.contains(says), "{start}: {told}");
        assert!(!told.contains("without its end"), "{start}: {told}");
    }
    for cut in [
        "",
        ",",
        ",\n{\"ph\":\"B\",\"na",
        ",\n{\"ph\":\"B\",\"name\":\"\\",
    ] {
        let (told, taken) = said(format!("[\n{GOOD}{cut}").as_bytes());
        assert!(
            taken && told.contains("ends without its end"),
            "{cut:?}: {told}"
        );
    }
}

#[test]
fn what_is_no_trace_is_refused_with_the_place() {
    let huge = format!("[{GOOD},{{\"name\":\"{}\"}}]", "x".repeat(17 << 20));
    let useless = format!("[{}{{}}]", "{},".repeat(20_000));
    for (trace, says) in [
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
            "it holds no span; let the layer of tracing-chrome see spans",
        ),
        (b"[\n", "it ends before its first span"),
        (b"{}", "it is an object without a list `traceEvents`"),
        (br#"{"traceEvents":7}"#, "without a list `traceEvents`"),
        (
            b"[\n{},\n7]",
            "1 events cannot be read and were left out (the first: line 3, event 2",
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
        (b"[{\"ph\" \"B\"}]", "left out (the first: line 1, event 1"),
        (
            b"[{\"ph\":\"B\",\"ts\":\"soon\"}]",
            "1 events have no usable `ts`, `dur` or `id`",
        ),
        (b"\xff\xfe[\0", "it is UTF-16"),
        (
            b"[{\"ph\":\"i\",\"ts\":1,\"name\":\"e\"}]",
            "it holds events, but no span",
        ),
        (huge.as_bytes(), "event 3 has no end within 16 MiB"),
        (useless.as_bytes(), "the first 10000 events tell of no span"),
    ] {
        let (told, taken) = said(trace);
        let start: String = String::from_utf8_lossy(trace).chars().take(60).collect();
        assert!(!taken && told.contains(says), "{start:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

/// Events of one thread in any order, with times as numbers or text, are read as viewers read
/// them: by time.
#[test]
fn events_count_by_their_time() {
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

/// An end a moment before its begin, by the clock of another processor, ends it.
#[test]
fn a_clock_that_slips_by_a_little_tears_no_span_apart() {
    let trace = r#"[{"ph":"B","tid":1,"ts":500000,"name":"a"},{"ph":"E","tid":1,"ts":499999.5,"name":"a"},
        {"ph":"B","tid":1,"ts":600000,"name":"b"},{"ph":"E","tid":1,"ts":700000,"name":"b"}]"#;
    assert_eq!(
        spans_of(trace),
        [("a".to_owned(), 0, 0.0, 0.0), ("b".to_owned(), 0, 0.1, 0.1)]
    );
}

#[test]
fn tasks_with_ids_of_their_own_kind_are_kept_apart() {
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

/// Name, depth, seconds and seconds of its own of each span, by start.
fn spans_of(trace: &str) -> Vec<(String, i64, f64, f64)> {
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

/// A gigabyte costs no more than its first part.
#[test]
fn garbage_is_given_up_early() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path());
    for begin in ["[{\"name\":\"", "{\"a\":[", "[{\"a\":[[[["] {
        let path = folder.path().join("t.json");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(begin.as_bytes()).unwrap();
        // A hole, which reads as zeros and takes no room.
        file.set_len(1 << 30).unwrap();
        let words = ["import", "chrome", "t.json", "--power", "power.csv"];
        let output = energy(folder.path(), &words);
        let told = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("MiB; this is no trace of spans"), "{told}");
    }
}

/// Spans a hundred thousand deep, and as many names.
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
    let (told, taken) = said(events.as_bytes());
    assert!(taken, "{told}");
    assert!(told.contains("imported 200001 spans"), "{told}");
    assert!(
        told.contains("99744 spans lie more than 256 levels deep"),
        "{told}"
    );
    assert!(
        told.contains("65,536 names or values of key fields"),
        "{told}"
    );
}

#[test]
fn missing_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    write_power(folder.path());
    let words = ["import", "chrome", "none.json", "--power", "power.csv"];
    let told = errors(&energy(folder.path(), &words));
    assert!(
        told.contains("none.json: ") && told.contains("give the trace"),
        "{told}"
    );
    std::fs::write(folder.path().join("t.json"), format!("[{GOOD}]")).unwrap();
    let words = ["import", "chrome", "t.json", "--power", "none.csv"];
    let told = errors(&energy(folder.path(), &words));
    assert!(told.contains("none.csv"), "{told}");
}
