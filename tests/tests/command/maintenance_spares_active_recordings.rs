//! Commands that list, measure, tag and merge during a recording show it as running, do
//! not change or partially copy it, and lose none of its rows.

use std::path::Path;
use std::process::Output;

use energy_tests::{StoredRun, energy, modelled, record, tokens, until};
use tracing_subscriber::prelude::*;

fn command(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = energy(env!("CARGO_BIN_EXE_energy-command"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("the command");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        status.code().expect("no signal"),
        text(&stdout),
        text(&stderr),
    )
}

#[test]
fn a_run_in_progress_is_listed_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let before = record(&path, || tokens(3));
    record(&folder.path().join("other.db"), || tokens(3));
    let (layer, guard) = modelled(&path).build().expect("a recording");
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tokens(20);
        until("the run is in the file", || {
            StoredRun::try_open(&path, "last").is_some_and(|run| run.no == 2)
        });
        let of = |arguments: &[&str]| command(folder.path(), arguments);
        let (code, listed, _) = of(&["runs", "--status", "running", "--format", "csv"]);
        assert_eq!((code, listed.lines().count()), (0, 2), "{listed}");
        let (code, sizes, _) = of(&["size"]);
        assert!(code == 0 && sizes.contains(&before.uuid[..8]), "{sizes}");
        for arguments in [
            &["tag", "last", "x"][..],
            &["name", "last", "x"],
            &["delete", "last", "--yes"],
            &["vacuum"],
            &["merge", "other.db"],
        ] {
            let (code, _, message) = of(arguments);
            assert_eq!(code, 1, "{arguments:?}: {message}");
            assert!(
                message.contains("is being recorded"),
                "{arguments:?}: {message}"
            );
        }
        let (code, _, message) = of(&["prune", "--keep", "0", "--dry-run", "--format", "json"]);
        assert_eq!(code, 0, "{message}");
        let (code, merged, message) = of(&["merge", "energy.db", "--into", "all.db"]);
        assert_eq!(code, 0, "{message}");
        assert!(
            merged.contains("1 run merged into all.db, 1 skipped because being recorded."),
            "{merged}"
        );
        let (code, _, message) = of(&["tag", &before.uuid, "keep"]);
        assert_eq!(code, 0, "{message}");
        let (code, gone, message) = of(&["prune", "--keep", "0", "--all", "--yes"]);
        assert_eq!(code, 0, "{message}");
        assert!(gone.contains("1 run deleted"), "{gone}");
        tokens(20);
    });
    let summary = guard.finish();
    assert_eq!(summary.lost, 0, "{summary:?}");
    let run = StoredRun::open(&path, "last");
    run.assert_whole(usize::try_from(summary.activations).expect("a few"));
    assert_eq!(run.store().runs().expect("runs").len(), 1);
    let (code, merged, message) =
        command(folder.path(), &["merge", "energy.db", "--into", "all.db"]);
    assert_eq!(code, 0, "{message}");
    assert!(merged.contains("1 run merged"), "{merged}");
    StoredRun::open(&folder.path().join("all.db"), "last").assert_balanced();
}
