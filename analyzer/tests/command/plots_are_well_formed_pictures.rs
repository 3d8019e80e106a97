//! Plots as SVG: well-formed, without scripts and other files, everything inside of the picture, one
//! mark for each value.

use std::path::Path;

use crate::fixture::cells::{self, Cell};
use crate::fixture::command::{energy, text};
use roxmltree::{Document, Node};

const ALL: [(&str, &str, usize); 10] = [
    ("batch", "batches", 8),
    ("context", "contexts", 8),
    ("quantization", "formats", 2),
    ("parameters", "models", 6),
    ("shape", "models", 6),
    ("attention", "models", 2),
    ("experts", "models", 2),
    ("engines", "engines", 2),
    ("pareto", "batches", 8),
    ("trend", "drift", 12),
];

fn picture(folder: &Path, kind: &str, experiment: &str, width: &str) -> String {
    let words = [
        "analyse",
        kind,
        "--experiment",
        experiment,
        "--svg",
        "-",
        "--width",
        width,
    ];
    text(&energy(folder, &words))
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    let text = node.attribute(name).unwrap_or_else(|| panic!("{name}"));
    text.parse().unwrap_or_else(|_| panic!("{name}={text}"))
}

#[test]
fn every_value_is_a_mark_inside_of_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells::experiments());
    for (kind, experiment, marks) in ALL {
        for width in ["300", "400", "1280"] {
            let svg = picture(folder.path(), kind, experiment, width);
            let document = Document::parse(&svg).unwrap_or_else(|fault| panic!("{kind}: {fault}"));
            let root = document.root_element();
            let [most_x, most_y] = ["width", "height"].map(|name| number(root, name));
            assert_eq!(most_x.to_string(), width);
            let titles = document
                .descendants()
                .filter(|node| node.has_tag_name("title"));
            assert_eq!(titles.count(), marks, "{kind}");
            for node in document.descendants().filter(Node::is_element) {
                assert!(!["script", "image", "use", "a"].contains(&node.tag_name().name()));
                for (x, y) in [("x", "y"), ("x1", "y1"), ("x2", "y2")] {
                    if node.attribute(x).is_some() {
                        let place = (number(node, x), number(node, y));
                        let is_inside =
                            (0.0..=most_x).contains(&place.0) && (0.0..=most_y).contains(&place.1);
                        assert!(is_inside, "{kind} {width}: {place:?} {node:?}");
                    }
                }
            }
            assert!(
                !svg.contains("NaN") && !svg.contains("inf"),
                "{kind}: {svg}"
            );
            assert!(
                !svg.contains("http://") || svg.matches("http://").count() == 1,
                "{kind}"
            );
        }
    }
}

#[test]
fn recorded_names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let run = |engine, minute| Cell {
        engine,
        minute,
        ..Cell::default()
    };
    let hostile = "<script>&\"\u{1b}[31m\u{ffff}";
    cells::recording(folder.path(), "energy.db", &[run(hostile, 1), run("b", 2)]);
    let svg = picture(folder.path(), "engines", "one", "400");
    let document = Document::parse(&svg).unwrap_or_else(|fault| panic!("{fault}: {svg}"));
    assert!(
        document
            .descendants()
            .all(|node| !node.has_tag_name("script"))
    );
    assert!(!svg.contains('\u{1b}'));
}

#[test]
fn a_second_plot_is_a_second_file() {
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells::experiments());
    let words = [
        "analyse",
        "batch",
        "--experiment",
        "batches",
        "--svg",
        "b.svg",
    ];
    text(&energy(folder.path(), &words));
    let grid = std::fs::read_to_string(folder.path().join("b-2.svg")).unwrap();
    let document = Document::parse(&grid).unwrap();
    let cells = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("cell"));
    assert_eq!(cells.count(), 8);
}
