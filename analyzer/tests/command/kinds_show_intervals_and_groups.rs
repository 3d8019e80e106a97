//! The energies, intervals and groups of an attribution's kinds are shown.

use crate::fixture;
use crate::fixture::command::{energy, errors, text};
use crate::fixture::rows::kind_energy;
use energy_data::rows::{Basis, KindEnergyRow, KindGroupRow};

/// Adds kinds of the fixture's spans on `package`: 12 J, of which two kinds with 4 J
/// cannot be distinguished; in addition half a joule for time without samples.
fn recording(folder: &std::path::Path) {
    let kind = |rail, kind, name: &str, self_j, interval: Option<(f64, f64)>| KindEnergyRow {
        lo_j: interval.map(|interval| interval.0),
        hi_j: interval.map(|interval| interval.1),
        grouping: Some(0),
        ..kind_energy(rail, kind, name, self_j)
    };
    let grouped = |row: KindEnergyRow, power_w| KindEnergyRow {
        power_w: Some(power_w),
        basis: Basis::Grouped,
        grouping: Some(1),
        ..row
    };
    let layer = "inference > decode > layer";
    let prefill = kind(1, 2, "inference > prefill", 3.0, Some((2.0, 5.0)));
    let decode = kind(1, 3, "inference > decode", 1.0, Some((0.5, 2.0)));
    let group = KindGroupRow {
        rail: 1,
        grouping: 1,
        self_j: 4.0,
        lo_j: Some(3.5),
        hi_j: Some(5.0),
    };
    fixture::changed(folder, "measured", |batch| {
        batch.attribution.kind_energy = vec![
            grouped(prefill, 3.0),
            KindEnergyRow {
                extrapolated_j: 0.5,
                ..grouped(decode, 1.0)
            },
            kind(1, 4, layer, 8.0, Some((7.5, 8.5))),
            KindEnergyRow {
                power_w: Some(5.0),
                ..kind(2, 4, layer, 6.0, None)
            },
        ];
        batch.attribution.kind_groups = vec![group];
    });
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
(other accounts),4000.0,,
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
