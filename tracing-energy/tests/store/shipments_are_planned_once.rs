//! Packs are planned once, and their runs are to be sent until the last pack was sent.

use crate::store_support::{attributed, file};
use energy_store::{ShipmentRow, Store};

fn pack(bucket: i64, is_final: bool, plan: &str) -> ShipmentRow {
    ShipmentRow {
        run_uuid: "a".to_owned(),
        attribution: 1,
        bucket,
        start_ns: bucket,
        end_ns: bucket + 1,
        is_final,
        is_sent: false,
        plan: Some(plan.to_owned()),
    }
}

#[test]
fn the_first_plan_of_a_pack_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = file(&path, &[attributed("a"), attributed("b")]);
    let root = store.add_destination("/lake", false, 5).expect("added");
    assert!(store.runs_to_send().expect("read").is_empty());
    let first = store
        .plan_shipment(root.id, &pack(0, false, "1"))
        .expect("planned");
    let second = store
        .plan_shipment(root.id, &pack(0, true, "2"))
        .expect("planned");
    assert_eq!((&first, first.plan.as_deref()), (&second, Some("1")));
    assert_eq!(
        store.planned_shipments(root.id).expect("read"),
        std::slice::from_ref(&first)
    );
    store.mark_sent(root.id, &first, "hash").expect("marked");
    assert!(store.planned_shipments(root.id).expect("read").is_empty());
    let newest = store.newest_shipment(root.id, "a", 1).expect("read");
    let newest = newest.expect("a pack");
    assert_eq!((newest.is_sent, newest.plan.as_deref()), (true, Some("1")));
    // The next pack begins where its plan ends.
    let next = pack(1, true, "2");
    let next = store.plan_shipment(root.id, &next).expect("planned");
    let before = |row| store.shipment_before(root.id, row).expect("read");
    assert_eq!(before(&first), None);
    assert_eq!(before(&next), Some(newest));
    store.mark_sent(root.id, &next, "hash").expect("marked");
    assert_eq!(before(&next).and_then(|row| row.plan), None);
}

#[test]
fn a_run_is_to_be_sent_until_its_last_pack_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = file(&path, &[attributed("a"), attributed("b")]);
    let end = "UPDATE runs SET status = 'complete', end_ns = 9";
    store.connection().execute_batch(end).expect("ended");
    let root = store.add_destination("/lake", true, 5).expect("added");
    assert_eq!(store.runs_to_send().expect("read"), [1, 2]);
    let narrowed = store.add_destination("/lake", false, 6).expect("known");
    assert_eq!(narrowed, root);
    for (bucket, is_final) in [(0, false), (1, true)] {
        let row = store.plan_shipment(root.id, &pack(bucket, is_final, "{}"));
        store
            .mark_sent(root.id, &row.expect("planned"), "hash")
            .expect("marked");
    }
    assert_eq!(store.runs_to_send().expect("read"), [2]);
    let reader = Store::open(&path).expect("readable");
    let refused = reader
        .add_destination("/other", true, 5)
        .expect_err("read only");
    assert!(
        refused.to_string().contains("for reading only"),
        "{refused}"
    );
    store.delete_run(1).expect("deleted");
    assert!(
        store
            .newest_shipment(root.id, "a", 1)
            .expect("read")
            .is_none()
    );
    assert!(store.forget_destination("/lake").expect("forgotten"));
    assert!(!store.forget_destination("/lake").expect("absent"));
    assert!(store.runs_to_send().expect("read").is_empty());
    assert!(store.destinations().expect("read").is_empty());
}

#[test]
fn a_destination_that_was_forgotten_knows_its_packs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = file(&path, &[attributed("a"), attributed("b")]);
    let end = "UPDATE runs SET status = 'complete', end_ns = 9";
    store.connection().execute_batch(end).expect("ended");
    let root = store.add_destination("/lake", true, 5).expect("added");
    let row = store.plan_shipment(root.id, &pack(0, true, "{}"));
    store
        .mark_sent(root.id, &row.expect("planned"), "hash")
        .expect("marked");
    assert!(store.forget_destination("/lake").expect("forgotten"));
    assert!(store.runs_to_send().expect("read").is_empty());
    let again = store.add_destination("/lake", false, 6).expect("added");
    assert_eq!((again.id, again.every_run), (root.id, false));
    store.add_destination("/lake", true, 7).expect("widened");
    assert_eq!(store.runs_to_send().expect("read"), [2]);
}

#[test]
fn pulled_runs_are_sent_by_their_host_and_runs_without_an_attribution_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = file(&path, &[attributed("a"), attributed("b")]);
    let change = "UPDATE runs SET status = 'complete', end_ns = 9;
                  INSERT INTO run_tags VALUES (1, 'pulled', '/lake');
                  DELETE FROM attributions WHERE run = 2";
    store.connection().execute_batch(change).expect("changed");
    let root = store.add_destination("/lake", true, 5).expect("added");
    assert_eq!(store.unsent_runs(root.id).expect("read"), ["b"]);
    assert_eq!(store.runs_to_send().expect("read"), [2]);
}
