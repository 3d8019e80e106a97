//! Panics of the traced program, caught or not, end the spans they leave; the one
//! that ends the program ends the run in order.

use std::process::{Command, Stdio};

use energy_tests::{StoredRun, wait};

#[test]
fn a_panic_leaves_a_whole_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut program = Command::new(env!("CARGO_BIN_EXE_panicking-program"))
        .arg(&path)
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    assert_eq!(wait(&mut program, "the program").code(), Some(101));

    let run = StoredRun::open(&path, "last");
    run.assert_whole(8);
    let labels: Vec<_> = run.labels().into_iter().collect();
    let expected = [
        ("concurrent", 1),
        ("failing at the end", 1),
        ("failing caught", 1),
        ("failing in a thread", 1),
        ("inner", 3),
        ("outer", 1),
    ];
    assert_eq!(
        labels,
        expected.map(|(label, count)| (label.to_owned(), count))
    );
    // Spans after a caught panic are inside of the outer span only.
    let spans = run.spans();
    let outer = spans.iter().find(|span| span.parent.is_none()).expect("it");
    let children = spans.iter().filter(|span| span.parent == Some(outer.seq));
    assert_eq!(children.count(), 3, "{spans:?}");
}
