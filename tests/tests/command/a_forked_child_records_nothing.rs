//! A fork of a traced program is no part of the run: it neither writes to it nor
//! ends it, may record itself, and dies of signals that its parent would handle.

use std::process::Command;

use energy_tests::{StoredRun, wait};

#[test]
fn a_forked_child_records_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (parents, childs) = (
        folder.path().join("parent.db"),
        folder.path().join("child.db"),
    );
    let mut program = Command::new(env!("CARGO_BIN_EXE_forking-program"))
        .args([&parents, &childs])
        .spawn()
        .expect("the program");
    assert!(wait(&mut program, "the program").success());

    let run = StoredRun::open(&parents, "last");
    run.assert_whole(3);
    let labels: Vec<_> = run.labels().into_keys().collect();
    assert_eq!(labels, ["after", "before", "concurrent"]);
    assert_eq!(run.store().runs().expect("runs").len(), 1);
    assert_eq!(
        run.store().find_run("last").expect("it").row.metadata.name,
        None
    );

    let run = StoredRun::open(&childs, "last");
    run.assert_whole(2 + 3 * 100);
}
