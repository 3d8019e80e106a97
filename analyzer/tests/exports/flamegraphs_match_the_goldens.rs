//! Flamegraphs of fixtures: each frame's position, width and text match
//! `tests/golden/flamegraph`; `BLESS=1` rewrites them. Groups are drawn as their means.

use std::fmt::Write as _;
use std::path::Path;

use crate::fixture::command::{energy, errors, text};
use crate::fixture::golden;
use crate::fixture::sides::{RunSpec, recording};
use roxmltree::{Document, Node};

/// Three runs a side; `mlp` needs half more afterwards, `norm` is gone, `gate` is new.
fn runs() -> Vec<RunSpec> {
    let mut runs = Vec::new();
    for at in 0..3 {
        let before = RunSpec {
            name: "before",
            tags: vec![("group", "old")],
            start: 2 * at,
            energy_j: 30.0 + at as f64,
            ..RunSpec::default()
        };
        let mut after = RunSpec {
            name: "after",
            tags: vec![("group", "new")],
            start: 2 * at + 1,
            ..before.clone()
        };
        after.kinds[1].1 = 0.6;
        after.kinds[2] = ("gate <&>".to_owned(), 0.02, 0.02);
        runs.extend([before, after]);
    }
    runs
}

fn svg(folder: &Path, arguments: &[&str]) -> String {
    let more = ["flamegraph", "-o", "-", "--width", "800"];
    text(&energy(folder, &[&more, arguments].concat()))
}

/// Pictures have a document type.
fn parsed(svg: &str) -> Document<'_> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    Document::parse_with_options(svg, options).unwrap()
}

/// Returns titles, then position, width, colour and text of each frame.
fn frames(svg: &str) -> String {
    let document = parsed(svg);
    let named = |id: &str| {
        let by_id = |node: &Node<'_, '_>| node.attribute("id") == Some(id);
        let node = document.descendants().find(by_id)?;
        node.text().map(str::to_owned)
    };
    let mut out = String::new();
    for id in ["title", "subtitle"] {
        writeln!(out, "{}", named(id).unwrap_or_default()).unwrap();
    }
    for group in document.descendants().filter(|node| node.has_tag_name("g")) {
        let child = |name: &str| group.children().find(|node| node.has_tag_name(name));
        let (Some(title), Some(rect)) = (child("title"), child("rect")) else {
            continue;
        };
        let of = |name: &str| rect.attribute(name).unwrap_or("-");
        let shown = title.text().unwrap_or_default().replace('\n', " | ");
        writeln!(
            out,
            "x {:>8} y {:>3} width {:>8} {} {shown}",
            of("x"),
            of("y"),
            of("width"),
            of("fill")
        )
        .unwrap();
    }
    out
}

#[test]
fn flamegraphs_equal_the_goldens() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs());
    let pictures: [(&str, &[&str]); 6] = [
        ("run", &["before"]),
        ("group", &["group=old"]),
        (
            "icicle",
            &["after", "--icicle", "--idle", "include", "--per", "token"],
        ),
        ("self", &["after", "--value", "self", "--phase", "decode"]),
        ("diff", &["group=old", "--diff", "group=new"]),
        (
            "diff_reverse",
            &["group=old", "--diff", "group=new", "--reverse"],
        ),
    ];
    for (name, arguments) in pictures {
        let shown = frames(&svg(folder.path(), arguments));
        golden::check(&format!("flamegraph/{name}.txt"), &shown);
    }
}

#[test]
fn time_and_energy_are_drawn_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs());
    let both = svg(folder.path(), &["before", "--by", "both"]);
    let document = parsed(&both);
    let titles = document
        .descendants()
        .filter(|node| node.has_tag_name("title"));
    let titles: Vec<&str> = titles.filter_map(|title| title.text()).collect();
    let matches = |name: &str, unit: &str| {
        titles
            .iter()
            .filter(|title| title.starts_with(name) && title.contains(unit))
            .count()
    };
    for name in ["attention", "mlp", "prefill"] {
        assert_eq!(
            (matches(name, "J"), matches(name, "ns")),
            (1, 1),
            "{name}: {titles:?}"
        );
    }
}

#[test]
fn groups_hold_whole_runs_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = runs();
    made[0].status = "crashed";
    made[0].energy_j = 3000.0;
    recording(folder.path(), &made);
    let output = energy(folder.path(), &["flamegraph", "group=old", "-o", "f.svg"]);
    let shown = errors(&output);
    assert!(shown.contains("1 of 3 runs are not complete"), "{shown}");
    let svg = std::fs::read_to_string(folder.path().join("f.svg")).unwrap();
    assert!(svg.contains("group=old (2 runs)"), "{svg}");

    for run in &mut made {
        run.status = "crashed";
    }
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &made);
    let output = energy(folder.path(), &["flamegraph", "group=old", "-o", "f.svg"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("no run of group=old is complete"));
    assert!(!folder.path().join("f.svg").exists());
    // An incomplete run is drawn if it is selected by name.
    let output = energy(folder.path(), &["flamegraph", "before", "-o", "f.svg"]);
    assert!(output.status.success(), "{}", errors(&output));
}
