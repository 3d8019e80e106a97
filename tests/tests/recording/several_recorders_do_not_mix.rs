//! Several recorders of one process: each has its own spans, all of them and no
//! other, in files of their own and in one file that they share.

use std::path::Path;

use energy_data::rows::RunMetadata;
use energy_tests::{StoredRun, modelled, record, record_with, tokens};
use tracing::info_span;
use tracing_energy::EnergyLayerBuilder;
use tracing_subscriber::prelude::*;

const COUNTS: [u64; 2] = [40, 70];

fn spans(count: u64) -> usize {
    2 + 3 * count as usize
}

fn named(path: &Path, name: &str) -> EnergyLayerBuilder {
    let metadata = RunMetadata {
        name: Some(name.to_owned()),
        ..RunMetadata::default()
    };
    modelled(path).metadata(metadata)
}

#[test]
fn two_threads_with_a_recorder_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["a.db", "b.db"].map(|name| folder.path().join(name));
    let (first, second) = std::thread::scope(|scope| {
        let threads = [0, 1].map(|at| {
            let path = &paths[at];
            scope.spawn(move || record(path, || tokens(COUNTS[at])))
        });
        let [first, second] = threads.map(|thread| thread.join().expect("recorded"));
        (first, second)
    });
    assert_ne!(first.uuid, second.uuid);
    for (path, count) in paths.iter().zip(COUNTS) {
        StoredRun::open(path, "last").assert_whole(spans(count));
    }
}

#[test]
fn two_recorders_write_to_one_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shared.db");
    std::thread::scope(|scope| {
        for (name, count) in ["first", "second"].into_iter().zip(COUNTS) {
            let builder = named(&path, name).flush_interval(std::time::Duration::ZERO);
            scope.spawn(move || record_with(builder, || tokens(count)));
        }
    });
    for (name, count) in ["first", "second"].into_iter().zip(COUNTS) {
        StoredRun::open(&path, name).assert_whole(spans(count));
    }
}

#[test]
fn two_layers_of_one_subscriber_both_have_all_spans() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shared.db");
    let (first, first_guard) = named(&path, "first").build().expect("a recording");
    let (second, second_guard) = named(&path, "second").build().expect("a recording");
    let both = tracing_subscriber::registry().with(first).with(second);
    tracing::subscriber::with_default(both, || {
        tokens(COUNTS[0]);
        first_guard.finish();
        info_span!("one more").in_scope(|| tokens(1));
    });
    second_guard.finish();
    StoredRun::open(&path, "first").assert_whole(spans(COUNTS[0]));
    let second = StoredRun::open(&path, "second");
    second.assert_whole(spans(COUNTS[0]) + 1 + spans(1));
}
