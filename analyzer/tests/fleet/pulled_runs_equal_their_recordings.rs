//! A pulled recording answers as the recording that was pushed.

use crate::fixture::command::{energy, errors, json, text};
use crate::fixture::{UUID, recording, summed, write};
use crate::lake::recorded;
use serde_json::Value;

const PULL: [&str; 6] = ["fleet", "pull", "--from", "lake", "--db", "pulled.db"];

fn nanojoules(value: &Value) -> Option<i64> {
    value.as_f64().map(|joules| (joules * 1e9).round() as i64)
}

#[test]
fn balance_and_summary_are_equal_to_the_nanojoule() {
    for push in [
        &["fleet", "push", "lake"][..],
        &["fleet", "push", "lake", "--nodes"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let db = recording(folder.path(), "measured");
        text(&energy(folder.path(), push));
        text(&energy(folder.path(), &PULL));
        let pulled = folder.path().join("pulled.db");
        for column in [
            "measured_j",
            "idle_j",
            "spans_j",
            "unattributed_j",
            "residual_j",
        ] {
            assert_eq!(
                recorded(&pulled, UUID, column),
                recorded(&db, UUID, column),
                "{column}"
            );
        }
        let [own, other] = ["energy.db", "pulled.db"]
            .map(|db| json(folder.path(), &["summary", UUID, "--db", db]));
        for key in ["energy_j", "active_j", "idle_j", "j_per_token"] {
            let [own, other] = [&own, &other].map(|one| nanojoules(&one["totals"][key]));
            assert!(own.is_some() && own == other, "{key}: {own:?} {other:?}");
        }
        let [own, other] = [&own, &other].map(|one| one["phases"].as_array().unwrap());
        assert_eq!(own.len(), other.len());
        for (own, other) in own.iter().zip(other) {
            assert_eq!(own["phase"], other["phase"]);
            for key in ["energy_j", "active_j", "spans_j"] {
                assert_eq!(
                    nanojoules(&own[key]),
                    nanojoules(&other[key]),
                    "{key}: {own}"
                );
            }
        }
        text(&energy(
            folder.path(),
            &["report", UUID, "--db", "pulled.db", "-o", "r.html"],
        ));
        text(&energy(folder.path(), &["ops", UUID, "--db", "pulled.db"]));
        text(&energy(folder.path(), &["runs", "--db", "pulled.db"]));
    }
}

#[test]
fn filters_select_runs_and_pulling_again_replaces_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = |no: u8, service: &str, model: &str| {
        let mut batch = summed("measured");
        let row = batch.run.as_mut().unwrap();
        row.uuid = format!("{no:08x}-0000-4000-8000-000000000000");
        row.metadata.model = Some(model.into());
        row.metadata.tags = vec![("service".into(), service.into())];
        batch
    };
    let runs = [
        run(1, "search", "a"),
        run(2, "search", "b"),
        run(3, "chat", "a"),
    ];
    write(&folder.path().join("energy.db"), &runs);
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let count = |filter: &[&str]| {
        let pulled = text(&energy(folder.path(), &[&PULL[..], filter].concat()));
        pulled.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(count(&["service=search"]), "2");
    assert_eq!(count(&["service=search", "model=a"]), "1");
    assert_eq!(count(&["service=none"]), "no");
    assert_eq!(count(&["until=2026-11-23"]), "no");
    assert_eq!(count(&["since=2026-11-24"]), "3");
    let listed = json(folder.path(), &["runs", "--db", "pulled.db"]);
    assert_eq!(listed["total"], 3);
    let compared = [
        "compare",
        "service=search",
        "service=chat",
        "--db",
        "pulled.db",
    ];
    let output = energy(folder.path(), &compared);
    assert!(!errors(&output).contains("panicked"), "{}", errors(&output));
    // The recording itself is not replaced.
    let own = ["fleet", "pull", "--from", "lake", "--db", "energy.db"];
    let output = energy(folder.path(), &own);
    assert!(
        errors(&output).contains("holds the recording itself"),
        "{}",
        errors(&output)
    );
    let unknown = energy(folder.path(), &[&PULL[..], &["colour=red"]].concat());
    assert_eq!(unknown.status.code(), Some(2));
    assert!(errors(&unknown).contains("choose one of"));
}

#[test]
fn an_object_that_is_not_that_of_the_manifest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), "measured");
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let object = folder.path().join(format!(
        "lake/v1/accounts/date=2026-11-24/unknown.{UUID}.0.a1.parquet"
    ));
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let fault = || {
        let output = energy(folder.path(), &PULL);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert_eq!(output.stdout, b"no run pulled\n");
        errors(&output)
    };
    let message = fault();
    assert!(
        message.contains("v1/accounts") && message.contains("energy attribute"),
        "{message}"
    );
    std::fs::remove_file(&object).unwrap();
    let message = fault();
    assert!(
        message.contains("is missing") && message.contains("v1/accounts"),
        "{message}"
    );
    // The next step of these messages.
    text(&energy(folder.path(), &["attribute", UUID]));
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    text(&energy(folder.path(), &PULL));
}
