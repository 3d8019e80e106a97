//! Rows read back as they were written, whatever their values.

use crate::store_support::{attributed, recording};
use energy_data::rows::{FieldsRow, SampleRow, SpanRow};
use energy_store::{SqliteSink, Store};
use proptest::prelude::*;
use tracing_energy::{Batch, Sink};

fn written(batches: &[Batch]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    for batch in batches {
        sink.write(batch).expect("written");
    }
    sink.finish().expect("finished");
    let store = Store::open(&path).expect("readable");
    (folder, store)
}

macro_rules! same {
    ($store:expr, $batch:expr, $($table:ident),*) => {$(
        let read = $store.$table(1).and_then(|rows| rows.all()).expect("readable");
        assert_eq!(read, $batch.$table, stringify!($table));
    )*};
}

/// Operations of the nodes of the recording: paths of span names, except one that it names.
const KINDS: [&str; 8] = [
    "inference",
    "inference > prefill",
    "inference > prefill > layer",
    "inference > decode",
    "inference > decode > token",
    "inference > decode > token > layer",
    "inference > decode > token > layer",
    "inner layer",
];

#[test]
fn every_table_reads_back() {
    let mut batch = attributed("a");
    batch.cpu.sort_by_key(|row| match row.scope {
        energy_data::rows::CpuScope::Machine => 1,
        energy_data::rows::CpuScope::Process => 2,
        energy_data::rows::CpuScope::Sensor => 3,
        energy_data::rows::CpuScope::Thread(_) => 4,
        energy_data::rows::CpuScope::Child(_) => 0,
    });
    let (_folder, store) = written(std::slice::from_ref(&batch));
    for (node, kind) in batch.nodes.iter_mut().zip(KINDS) {
        node.kind = Some(kind.to_owned());
    }
    same!(
        store,
        batch,
        rails,
        sensor_metrics,
        processes,
        threads,
        callsites,
        nodes,
        baselines,
        conditions,
        instances,
        spans,
        fields,
        node_windows,
        links,
        span_events,
        cpu,
        samples,
        events
    );
    macro_rules! same_kinds {
        ($($table:ident),*) => {$(
            let read = store.$table(1, 1).and_then(|rows| rows.all()).expect("readable");
            assert_eq!(read, batch.attribution.$table, stringify!($table));
            let none = store.$table(1, 2).and_then(|rows| rows.all()).expect("readable");
            assert!(none.is_empty(), "there is no attribution 2");
        )*};
    }
    same_kinds!(kind_energy, kind_groups, kind_fits);
    let run = store.find_run("last").expect("a run");
    assert_eq!(Some(run.row), batch.run);
}

#[test]
fn open_rows_are_replaced() {
    let mut first = recording("a");
    first.spans[0].end_ns = None;
    let closed = Batch {
        spans: vec![SpanRow {
            end_ns: Some(77),
            ..first.spans[0]
        }],
        ..Batch::default()
    };
    let (_folder, store) = written(&[first.clone(), closed]);
    let spans = store
        .spans(1)
        .and_then(|rows| rows.all())
        .expect("readable");
    assert_eq!(spans.len(), first.spans.len());
    assert_eq!(spans[0].end_ns, Some(77));
}

fn any_span() -> impl Strategy<Value = SpanRow> {
    let times = (any::<i64>(), any::<Option<i64>>(), any::<Option<i64>>());
    let ids = (
        any::<u32>(),
        0..1_u64 << 40,
        any::<Option<u32>>(),
        any::<u32>(),
    );
    (ids, times).prop_map(
        |((node, parent, instance, thread), (start_ns, end_ns, token))| SpanRow {
            seq: 0,
            node,
            instance: instance.map(u64::from),
            parent: Some(parent),
            thread,
            start_ns,
            end_ns,
            token,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_rows_read_back(
        mut spans in prop::collection::vec(any_span(), 0..90),
        texts in prop::collection::vec("\\PC*", 0..5),
        energies in prop::collection::vec(prop::option::of(-1e300..1e300_f64), 0..20),
    ) {
        (1..).zip(&mut spans).for_each(|(seq, span)| span.seq = seq);
        let fields = (1..).zip(texts).map(|(span, json)| FieldsRow { span, json }).collect();
        let samples = (0..).zip(energies).map(|(i, energy_j)| SampleRow {
            rail: 1, start_ns: i, end_ns: i + 1, energy_j,
        }).collect();
        let batch = Batch { spans, fields, samples, ..Batch { run: recording("a").run, ..Batch::default() } };
        let (_folder, store) = written(std::slice::from_ref(&batch));
        same!(store, batch, spans, fields, samples);
    }
}
