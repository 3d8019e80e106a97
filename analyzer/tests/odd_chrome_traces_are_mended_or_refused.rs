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
        (r#"{"ph":"B","ts":"5","name":"b"}"#.into(), "1 events have no usable time"),
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
        (r#"{"ph":"b","ts":5,"name":"b"}"#.into(), "1 asynchronous events have no `id`"),
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
        (b"[\n{},\n7]", "line 3: after event 1 stands `7`"),
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
        (b"[{\"ph\" \"B\"}]", "mend this event or take it out"),
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
