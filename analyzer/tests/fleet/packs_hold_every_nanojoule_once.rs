//! A pack has the totals of its run, to the nanojoule, and identities hold within it.

use crate::fixture::command::{energy, errors, text};
use crate::fixture::{UUID, changed, recording};
use crate::lake::{self, by_rail, recorded, rows, whole};
use energy_data::rows::BalanceRow;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

#[test]
fn a_pack_has_the_balance_of_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let db = recording(folder.path(), "measured");
    let root = folder.path().join("lake");
    let push = ["fleet", "push", "lake", "--nodes", "--requests", "--spans"];
    let sent = text(&energy(folder.path(), &push));
    assert!(sent.starts_with("1 pack sent to "), "{sent}");
    lake::check(&root);
    let accounts = rows(&root, "accounts");
    for (column, name) in [("measured_j", "measured_nj"), ("spans_j", "spans_nj")] {
        assert_eq!(by_rail(&accounts, name), recorded(&db, UUID, column));
    }
    let run = &rows(&root, "runs")[0];
    assert_eq!(whole(run, "measured_nj"), 20_000_000_000);
    assert_eq!(whole(run, "active_nj"), 16_000_000_000);
    assert_eq!(
        (&run["model"], &run["host"]),
        (&json!("smollm2"), &json!("box"))
    );
    let kinds = rows(&root, "kinds");
    let layer = kinds
        .iter()
        .find(|row| row["role"] == json!("layer") && row["root"] == json!(true));
    assert_eq!(whole(layer.unwrap(), "self_nj"), 8_000_000_000);
    let object = lake::objects(&root)
        .into_keys()
        .find(|name| name.contains("/packs/"));
    let expected = format!("v1/packs/date=2026-11-24/unknown.{UUID}.0.a1.parquet");
    assert_eq!(object.as_deref(), Some(expected.as_str()));
    assert!(text(&energy(folder.path(), &push)).starts_with("nothing to send"));
}

#[test]
fn prompts_and_responses_are_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    changed(folder.path(), "measured", |batch| {
        let run = batch.run.as_mut().unwrap();
        run.metadata.prompt = Some("a secret question".into());
        run.metadata.tags = vec![
            ("service".into(), "search".into()),
            ("team".into(), "x".into()),
        ];
    });
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let root = folder.path().join("lake");
    let run = &rows(&root, "runs")[0];
    assert!(!format!("{run:?}").contains("secret"));
    assert_eq!(run["service"], json!("search"));
    assert_eq!(run["tags"], json!(r#"{"service":"search","team":"x"}"#));
}

#[test]
fn an_energy_that_is_no_number_is_refused_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let db = recording(folder.path(), "measured");
    let wrong = "UPDATE balance SET measured_j = 9e999 WHERE rail = 1";
    Connection::open(&db).unwrap().execute_batch(wrong).unwrap();
    let output = energy(folder.path(), &["fleet", "push", "lake"]);
    assert!(output.status.success());
    let warning = errors(&output);
    assert!(
        warning.contains("rail rapl/package") && warning.contains("is not sent"),
        "{warning}"
    );
    assert!(lake::objects(&folder.path().join("lake")).is_empty());
}

#[test]
fn negative_active_energies_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    changed(folder.path(), "modelled", |batch| {
        let rows = &mut batch.attribution;
        rows.balance[0].accounts.idle_j = Some(21.0);
        rows.balance[0].accounts.spans_j = -5.0;
        rows.node_energy[3].self_j = -9.0;
    });
    text(&energy(folder.path(), &["fleet", "push", "lake"]));
    let root = folder.path().join("lake");
    lake::check(&root);
    let run = &rows(&root, "runs")[0];
    assert_eq!(whole(run, "active_nj"), -1_000_000_000);
    assert_eq!(rows(&root, "packs")[0]["provenance"], json!("modelled"));
}

#[test]
fn a_missing_recording_or_a_file_as_destination_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let missing = energy(folder.path(), &["fleet", "push", "lake"]);
    assert_eq!(missing.status.code(), Some(2), "{}", errors(&missing));
    recording(folder.path(), "measured");
    for destination in ["energy.db", "ftp://x", "s3://"] {
        let output = energy(folder.path(), &["fleet", "push", destination]);
        assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_energies_sum_exactly(
        nodes in prop::collection::vec(-0.5..40.0_f64, 4),
        parts in prop::collection::vec(-0.5..9.0_f64, 5),
        known in prop::collection::vec(any::<bool>(), 3),
    ) {
        use energy_fleet::destination::destination;
        use energy_fleet::push::{PushOptions, PushReport, Pusher};
        let folder = tempfile::tempdir().unwrap();
        let db = changed(folder.path(), "measured", |batch| {
            let rows = &mut batch.attribution;
            let optional = |at: usize| known[at].then_some(parts[at]);
            let BalanceRow { accounts, .. } = &mut rows.balance[0];
            accounts.spans_j = nodes.iter().sum();
            accounts.idle_j = optional(0);
            accounts.unattributed_j = optional(1);
            accounts.other_processes_j = optional(2);
            (accounts.profiler_j, accounts.residual_j) = (Some(parts[3]), parts[4]);
            accounts.measured_j = accounts.spans_j + parts[3] + parts[4]
                + (0..3).filter_map(optional).sum::<f64>();
            for (row, self_j) in rows.node_energy.iter_mut().zip(&nodes) {
                row.self_j = *self_j;
            }
        });
        let root = folder.path().join("lake");
        let to = destination(root.to_str().unwrap()).unwrap();
        let mut options = PushOptions::default();
        options.contents.nodes = true;
        let mut report = PushReport::default();
        let mut pusher = Pusher::open(&db, to, &options).unwrap();
        pusher.pass(&mut report, &mut |_| ()).unwrap();
        prop_assert_eq!(report.packs, 1);
        lake::check(&root);
        let measured = by_rail(&rows(&root, "accounts"), "measured_nj");
        prop_assert_eq!(measured, recorded(&db, UUID, "measured_j"));
    }
}
