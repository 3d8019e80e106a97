//! The energies, intervals and groups of an attribution's kinds are shown.

#[allow(dead_code, unreachable_pub)]
#[path = "fixture/command.rs"]
mod command;
#[allow(dead_code, unreachable_pub)]
mod fixture;

use command::{energy, errors, text};

/// Kinds of the fixture's spans on `package`: 12 J, of which two kinds with 4 J
/// cannot be distinguished; in addition half a joule for time without samples.
const KINDS: &str = "
    INSERT INTO kind_energy
    (run, attribution, rail, kind, name, self_j, lo_j, hi_j, extrapolated_j, self_ns,
     power_w, basis, grouping)
    VALUES
        (1, 1, 1, 2, 'inference > prefill', 3.0, 2.0, 5.0, 0.0, 1000, 3.0, 'grouped', 1),
        (1, 1, 1, 3, 'inference > decode', 1.0, 0.5, 2.0, 0.5, 1000, 1.0, 'grouped', 1),
        (1, 1, 1, 4, 'inference > decode > layer', 8.0, 7.5, 8.5, 0.0, 2000000, NULL, 'fitted', 0),
        (1, 1, 2, 4, 'inference > decode > layer', 6.0, NULL, NULL, 0.0, 2000000, 5.0, 'fitted', 0);
    INSERT INTO kind_groups VALUES (1, 1, 1, 1, 4.0, 3.5, 5.0);";

fn recording(folder: &std::path::Path) {
    let path = fixture::recording(folder, "measured");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(KINDS).unwrap();
}

#[test]
fn kinds_have_their_intervals() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let csv = text(&energy(folder.path(), &["ops", "--format", "csv"]));
    let expected = "kind,energy_mj,lo,hi
inference > decode > layer,8000.0,7500.0,8500.0
inference > prefill,3000.0,2000.0,5000.0
inference > decode,1000.0,500.0,2000.0
(idle),4000.0,,
(unattributed),4000.0,,
(extrapolated),500.0,,
";
    assert_eq!(csv, expected);
    let core = text(&energy(
        folder.path(),
        &["ops", "--rail", "core", "--format", "csv"],
    ));
    assert!(
        core.contains("inference > decode > layer,6000.0,,\n"),
        "{core}"
    );
    let shown = text(&energy(folder.path(), &["ops"]));
    assert!(shown.contains("90 % interval"), "{shown}");
}

#[test]
fn groups_have_their_own_interval() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let csv = text(&energy(
        folder.path(),
        &["ops", "--groups", "--format", "csv"],
    ));
    // Extrapolated energy has its own row.
    let group = "inference > prefill+inference > decode,4000.0,3500.0,5000.0\n";
    assert!(csv.contains(group), "{csv}");
    assert_eq!(csv.lines().count(), 6, "{csv}");
}

#[test]
fn other_lists_add_nodes() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let csv = text(&energy(
        folder.path(),
        &["ops", "--by", "path", "--format", "csv"],
    ));
    assert!(
        csv.contains("inference > decode > layer 3,8000.0,,\n"),
        "{csv}"
    );
    assert!(csv.contains("(extrapolated),0.0,,\n"), "{csv}");
}

#[test]
fn missing_kinds_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let unknown = energy(folder.path(), &["ops", "--rail", "gpu"]);
    assert!(errors(&unknown).contains("rail `gpu` is unknown; choose one of: rapl/package"));
    let connection = rusqlite::Connection::open(folder.path().join("energy.db")).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = ON; DELETE FROM attributions")
        .unwrap();
    let output = energy(folder.path(), &["ops"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("not attributed"),
        "{}",
        errors(&output)
    );
}
