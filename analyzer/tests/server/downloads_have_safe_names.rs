//! Exports are those of the command, as downloads with safe names.

use super::fixture::command;
use super::nested::{self, Nested};
use super::served::Served;

#[test]
fn every_format_is_offered_with_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let (db, uuid) = nested::add(folder.path(), &Nested::default());
    let server = Served::start(&db, &[]);
    let formats = [
        ("chrome", "trace.json", "application/json"),
        ("perfetto", "pftrace", "application/octet-stream"),
        ("firefox", "firefox.json", "application/json"),
        ("speedscope", "speedscope.json", "application/json"),
        ("pprof", "pb.gz", "application/octet-stream"),
        ("folded", "folded", "text/plain; charset=utf-8"),
        ("json", "json", "application/json"),
        ("csv", "csv", "text/csv; charset=utf-8"),
        ("csv-tables", "tar", "application/x-tar"),
        ("parquet", "tar", "application/x-tar"),
    ];
    for (format, ending, media) in formats {
        let answered = server.get(&format!("/api/profiling/export/nested?format={format}"));
        assert_eq!(answered.status, 200, "{format}: {}", answered.text());
        assert_eq!(answered.header("content-type"), Some(media), "{format}");
        let name = format!("attachment; filename=\"profiling_run_{uuid}.{ending}\"");
        assert_eq!(answered.header("content-disposition"), Some(name.as_str()));
        assert!(answered.body.len() > 100, "{format}");
    }
    let json = server.get("/api/profiling/export/nested").json();
    let written = command::text(&command::energy(
        folder.path(),
        &["export", "json", "nested", "-o", "-"],
    ));
    assert_eq!(
        json,
        serde_json::from_str::<serde_json::Value>(&written).unwrap()
    );
    let unknown = server.get("/api/profiling/export/nested?format=../../etc/passwd");
    assert!(unknown.problem(422).contains("csv-tables"));
    server
        .get("/api/profiling/export/nested?window=5s..1s")
        .problem(422);
    server
        .get("/api/profiling/export/nested?min_energy=much")
        .problem(422);
    server.get("/api/profiling/export/none").problem(404);
}

#[test]
fn one_csv_file_has_a_section_for_each_table() {
    let (folder, server) = nested::serve(&Nested::default());
    let text = server.get("/api/profiling/export/nested?format=csv").text();
    let archive = server.get("/api/profiling/export/nested?format=csv-tables");
    std::fs::write(folder.path().join("a.tar"), &archive.body).unwrap();
    let tar = std::process::Command::new("tar")
        .args(["-xf", "a.tar"])
        .current_dir(folder.path())
        .status();
    assert!(tar.unwrap().success());
    let sections: Vec<&str> = text.split("# ").skip(1).collect();
    assert!(sections.len() > 10, "{text}");
    for section in sections {
        let (name, content) = section.split_once('\n').unwrap();
        let file = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(content.trim_end(), file.trim_end(), "{name}");
    }
}

#[test]
fn ids_of_other_programs_cannot_name_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let (db, uuid) = nested::add(folder.path(), &Nested::default());
    let connection = rusqlite::Connection::open(&db).unwrap();
    let sql = "UPDATE runs SET uuid = '../../\"x' || char(10) WHERE uuid = ?1";
    connection.execute(sql, [&uuid]).unwrap();
    let server = Served::start(&db, &[]);
    let answered = server.get("/api/profiling/export/last?format=folded");
    assert_eq!(
        answered.header("content-disposition"),
        Some("attachment; filename=\"profiling_run________x_.folded\"")
    );
}

#[test]
fn pictures_are_those_of_the_commands_and_cannot_act_for_the_page() {
    let run = Nested {
        op: "<script>alert(1)</script>".into(),
        ..Nested::default()
    };
    let (folder, server) = nested::serve(&run);
    let svg = server.get("/api/profiling/run/nested/flamegraph");
    assert_eq!(svg.header("content-type"), Some("image/svg+xml"));
    assert!(!svg.text().contains("<script>alert"), "{}", svg.text());
    let policy = svg.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox"), "{policy}");
    let folded = server.get("/api/profiling/run/nested/flamegraph?format=folded");
    let arguments = ["flamegraph", "nested", "--folded", "-", "-o", "f.svg"];
    let written = command::text(&command::energy(folder.path(), &arguments));
    assert_eq!(folded.text(), written);
    let report = server.get("/api/profiling/run/nested/report");
    assert_eq!(
        report.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(!report.text().contains("<script>alert"));
    for wrong in [
        "by=watts",
        "value=both",
        "width=5",
        "colors=neon",
        "min_width=0",
        "idle=no",
    ] {
        let path = format!("/api/profiling/run/nested/flamegraph?{wrong}");
        server.get(&path).problem(422);
    }
}
