//! A calibration is found by its key only.

use crate::store_support::{calibration, calibration_key as key};
use energy_data::rows::{CalibrationKey, CalibrationKindRow, CalibrationRow};
use energy_store::Store;

/// Two kinds of that power.
fn row(key: CalibrationKey, watts: f64) -> CalibrationRow {
    let mut row = CalibrationRow {
        key,
        ..calibration(watts, 17)
    };
    row.kinds.push(CalibrationKindRow {
        kind: "softmax".into(),
        ..row.kinds[0].clone()
    });
    row
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::create(folder.path().join("energy.db")).expect("made");
    (folder, store)
}

#[test]
fn the_latest_with_the_key_is_found() {
    let (_folder, store) = store();
    let other = CalibrationKey {
        threads: 8,
        ..key()
    };
    let rows = [row(key(), 1.0), row(key(), 2.0), row(other, 3.0)];
    for row in &rows {
        store.insert_calibration(row).expect("written");
    }
    let found = store.find_calibration(&key(), false).expect("found");
    assert_eq!(found.calibration.row, rows[1]);
    assert!(found.differences.is_empty());
    let all = store.calibrations().expect("read");
    assert_eq!(
        all.iter().map(|c| &c.row).collect::<Vec<_>>(),
        rows.iter().collect::<Vec<_>>()
    );
    let reopened = Store::open(store.path()).expect("opens");
    assert_eq!(reopened.calibrations().expect("read"), all);
    let priors = found.calibration.row.priors();
    assert_eq!((priors.len(), priors[0].watts), (2, 2.0));
}

#[test]
fn another_key_is_refused_unless_forced() {
    let (_folder, store) = store();
    let none = store.find_calibration(&key(), true).expect_err("none");
    assert!(none.to_string().contains("energy calibrate"), "{none}");
    let (mut near, mut far) = (key(), key());
    near.threads = 8;
    far.threads = 4;
    far.depth = "deep".into();
    for stored in [near, far] {
        store
            .insert_calibration(&row(stored, 5.0))
            .expect("written");
    }
    let refused = store.find_calibration(&key(), false).expect_err("refused");
    let text = refused.to_string();
    assert!(text.contains("threads (8 calibrated, 2 here)"), "{text}");
    assert!(text.contains("--force") && !text.contains("deep"), "{text}");
    let forced = store.find_calibration(&key(), true).expect("forced");
    assert_eq!(forced.calibration.id, 1);
    assert_eq!(forced.differences, ["threads (8 calibrated, 2 here)"]);
}

#[test]
fn a_calibration_with_a_duplicate_kind_is_not_stored() {
    let (_folder, store) = store();
    let mut twice = row(key(), 1.0);
    twice.kinds.push(twice.kinds[0].clone());
    assert!(store.insert_calibration(&twice).is_err());
    assert!(store.calibrations().expect("read").is_empty());
}
