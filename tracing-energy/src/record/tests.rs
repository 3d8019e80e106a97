//! Recordings of real `tracing` calls, printed as trees.
//!
//! A line is a node: its label, activations, instances (`2a 1i`), and span events.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{Instrument, Level, info_span, span};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::prelude::*;

use super::*;
use crate::layer::EnergyLayer;
use energy_data::rows::*;

mod detail;
mod texts;
mod threads;

#[derive(Default)]
struct Drawing {
    nodes: Vec<NodeRow>,
    counts: BTreeMap<u32, (u32, u32)>,
    open: BTreeMap<u64, Activation>,
    spans: BTreeMap<u64, SpanRow>,
    instances: Vec<InstanceRow>,
    fields: BTreeMap<u64, String>,
    links: Vec<LinkRow>,
    span_events: Vec<SpanEventRow>,
    windows: Vec<NodeWindowRow>,
    losses: Vec<Loss>,
}

impl AssemblerOutput for Drawing {
    fn callsite(&mut self, _: CallsiteRow) {}
    fn node(&mut self, row: NodeRow, _: Option<Role>, _: Domain) {
        self.nodes.push(row);
    }
    fn open(&mut self, activation: Activation) {
        self.counts.entry(activation.node).or_default().0 += 1;
        assert!(
            self.open.insert(activation.seq, activation).is_none(),
            "opened twice"
        );
    }
    fn close(&mut self, seq: u64, end_ns: i64) {
        let opened = self
            .open
            .remove(&seq)
            .expect("closed once, after it was opened");
        assert!(end_ns >= opened.start_ns);
    }
    fn first_activation(&mut self, node: u32) {
        self.counts.entry(node).or_default().1 += 1;
    }
    fn span(&mut self, row: SpanRow) {
        self.spans.insert(row.seq, row);
    }
    fn instance(&mut self, row: InstanceRow) {
        self.instances.push(row);
    }
    fn fields(&mut self, first_seq: u64, json: String) {
        self.fields.insert(first_seq, json);
    }
    fn link(&mut self, row: LinkRow) {
        self.links.push(row);
    }
    fn span_event(&mut self, row: SpanEventRow) {
        self.span_events.push(row);
    }
    fn node_window(&mut self, row: NodeWindowRow) {
        self.windows.push(row);
    }
    fn loss(&mut self, loss: Loss) {
        self.losses.push(loss);
    }
}

impl Drawing {
    fn tree(&self) -> String {
        let mut lines = String::new();
        self.draw(None, &mut lines);
        lines
    }

    fn draw(&self, parent: Option<u32>, lines: &mut String) {
        for node in self.nodes.iter().filter(|node| node.parent == parent) {
            let (activations, instances) = self.counts.get(&node.id).copied().unwrap_or_default();
            let indent = "  ".repeat(node.depth as usize);
            lines.push_str(&format!(
                "{indent}{} {activations}a {instances}i\n",
                node.label
            ));
            self.draw(Some(node.id), lines);
        }
    }

    fn fields_of(&self, label: &str) -> Vec<&str> {
        let is_of = |span: &&SpanRow| self.nodes[span.node as usize - 1].label == label;
        self.spans
            .values()
            .filter(is_of)
            .filter_map(|span| Some(self.fields.get(&span.seq)?.as_str()))
            .collect()
    }
}

const EVERYTHING: FieldCapture = FieldCapture {
    capture: Capture::All,
    texts: true,
};

fn recorded(on_full: OnFull, kept: FieldCapture) -> RecorderOptions {
    RecorderOptions {
        on_full,
        kept,
        edge_clock: EdgeClock::Auto,
    }
}

struct Recording {
    shared: Arc<Shared>,
    keys: Arc<[String]>,
    detail: Detail,
}

impl Recording {
    fn new(detail: Detail, on_full: OnFull, bytes: usize) -> Self {
        let keys = ["layer", "name"].map(str::to_owned);
        Self {
            shared: Shared::new(bytes, recorded(on_full, EVERYTHING)),
            keys: Arc::new(keys),
            detail,
        }
    }

    fn keeping(self, kept: FieldCapture) -> Self {
        Self {
            shared: Shared::new(1 << 20, recorded(OnFull::Wait, kept)),
            ..self
        }
    }

    fn layer(&self) -> EnergyLayer {
        EnergyLayer::new(HotPath {
            shared: Arc::clone(&self.shared),
            key_fields: Arc::clone(&self.keys),
        })
    }

    fn finish(self) -> Drawing {
        let naming = Naming {
            key_fields: self.keys,
            ..Naming::default()
        };
        let mut assembler = SpanAssembler::new(naming, self.detail, 64);
        let mut merge = LogMerge::default();
        let mut drawing = Drawing::default();
        let mut threads = 0;
        self.shared.gate.close();
        merge.adopt(&self.shared, |_| {
            threads += 1;
            assembler.add_thread(threads)
        });
        merge.drain(&self.shared, u64::MAX, |thread, time, record, last_try| {
            assembler.take(thread, time as i64, record, last_try, &mut drawing)
        });
        assembler.finish(self.shared.raw_now() as i64, &mut drawing);
        assert!(drawing.open.is_empty(), "everything ends");
        let losses = &self.shared.losses;
        assert_eq!(losses.late.load(std::sync::atomic::Ordering::Relaxed), 0);
        drawing
    }
}

fn record(program: impl FnOnce()) -> Drawing {
    record_with(Detail::Spans, program)
}

fn record_with(detail: Detail, program: impl FnOnce()) -> Drawing {
    record_by(Recording::new(detail, OnFull::Wait, 1 << 20), program)
}

fn record_by(recording: Recording, program: impl FnOnce()) -> Drawing {
    let subscriber = tracing_subscriber::registry().with(recording.layer());
    tracing::subscriber::with_default(subscriber, program);
    recording.finish()
}

#[test]
fn nested_spans_and_key_fields_make_nodes() {
    let drawing = record(|| {
        let _run = info_span!("run").entered();
        for step in 0..3_u64 {
            let _step = info_span!("step", layer = step % 2, size = step).entered();
            info_span!("op").in_scope(|| ());
        }
    });
    let expected = "run 1a 1i\n  step 0 2a 2i\n    op 2a 2i\n  step 1 1a 1i\n    op 1a 1i\n";
    assert_eq!(drawing.tree(), expected);
    assert_eq!(
        drawing.fields_of("step 0"),
        [r#"{"size":0}"#, r#"{"size":2}"#]
    );
    assert!(
        drawing.instances.is_empty(),
        "rows of single activations imply their instances"
    );
}

#[test]
fn a_span_made_once_and_entered_often_is_one_instance() {
    let drawing = record(|| {
        let layer = info_span!("layer", layer = 7);
        for _ in 0..3 {
            let _outer = layer.enter();
            let _inner = layer.enter();
            info_span!("op").in_scope(|| ());
        }
    });
    assert_eq!(drawing.tree(), "layer 7 3a 1i\n  op 3a 3i\n");
    assert_eq!(drawing.instances.len(), 1);
    let of_layer = drawing.spans.values().filter(|span| span.node == 1);
    assert!(of_layer.clone().count() == 3 && of_layer.clone().all(|span| span.instance == Some(1)));
}

#[test]
fn exits_out_of_order_close_that_activation_only() {
    let drawing = record(|| {
        let (first, second) = (info_span!("first"), info_span!("second"));
        let entered = first.enter();
        let inner = second.enter();
        drop(entered);
        info_span!("op").in_scope(|| ());
        drop(inner);
    });
    assert_eq!(
        drawing.tree(),
        "first 1a 1i\n  second 1a 1i\n    op 1a 1i\n"
    );
    let ends: Vec<_> = drawing.spans.values().map(|span| span.end_ns).collect();
    assert!(ends[0] < ends[2] && ends[2] <= ends[1]);
}

#[test]
fn parents_across_threads_and_through_spans_never_entered() {
    let drawing = record(|| {
        let request = info_span!("request");
        let never = info_span!(parent: &request, "never", name = "entered");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let _entered = request.enter();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    info_span!(parent: &never, "work").in_scope(|| ());
                    info_span!(parent: None, "alone").in_scope(|| ());
                });
            });
        });
    });
    assert_eq!(
        drawing.tree(),
        "request 1a 1i\n  never entered 0a 0i\n    work 1a 1i\nalone 1a 1i\n"
    );
    let threads: std::collections::BTreeSet<_> =
        drawing.spans.values().map(|span| span.thread).collect();
    assert_eq!(threads.len(), 2);
}

#[test]
fn the_nearest_recorded_ancestor_stands_in_for_a_filtered_parent() {
    let recording = Recording::new(Detail::Spans, OnFull::Wait, 1 << 20);
    let layer = recording
        .layer()
        .with_filter(filter_fn(|metadata| metadata.name() != "hidden"));
    let other = tracing_subscriber::fmt::layer()
        .with_writer(std::io::sink)
        .with_filter(LevelFilter::TRACE);
    tracing::subscriber::with_default(
        tracing_subscriber::registry().with(layer).with(other),
        || {
            let outer = info_span!("outer");
            let hidden = info_span!(parent: &outer, "hidden");
            let _entered = outer.enter();
            info_span!(parent: &hidden, "inner").in_scope(|| ());
        },
    );
    assert_eq!(recording.finish().tree(), "outer 1a 1i\n  inner 1a 1i\n");
}

#[test]
fn late_values_change_later_activations_and_the_last_one_wins() {
    let drawing = record(|| {
        let span = info_span!(
            "step",
            layer = tracing::field::Empty,
            size = 1,
            token = tracing::field::Empty
        );
        span.in_scope(|| ());
        span.record("layer", 4)
            .record("size", 2)
            .record("token", 9)
            .record("size", 3);
        span.in_scope(|| ());
    });
    assert_eq!(drawing.tree(), "step 1a 1i\nstep 4 1a 0i\n");
    assert_eq!(
        drawing.fields.values().collect::<Vec<_>>(),
        [r#"{"size":3}"#]
    );
    assert_eq!(drawing.spans[&2].token, Some(9));
}

#[test]
fn values_of_every_type_arrive_as_they_were() {
    let long = "ö".repeat(200);
    let drawing = record(|| {
        info_span!(
            "s",
            small = 7_u64,
            big = u64::MAX,
            minus = -3_i64,
            least = i64::MIN,
            half = 0.5,
            nan = f64::NAN,
            yes = true,
            text = "a\"b\n",
            debug = ?Some(1),
            long = long.as_str(),
        )
        .in_scope(|| ());
    });
    let fields: serde_json::Value = serde_json::from_str(&drawing.fields[&1]).expect("JSON");
    let expected = serde_json::json!({
        "small": 7, "big": u64::MAX, "minus": -3, "least": i64::MIN, "half": 0.5, "nan": "NaN",
        "yes": true, "text": "a\"b\n", "debug": "Some(1)", "long": "ö".repeat(128),
    });
    assert_eq!(fields, expected);
    assert_eq!(drawing.losses, [Loss::CutText]);
}

#[test]
fn async_spans_are_one_instance_with_many_activations() {
    let drawing = record(|| {
        let wait_twice = async {
            for _ in 0..2 {
                let mut waited = false;
                std::future::poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut waited, true) {
                        std::task::Poll::Ready(())
                    } else {
                        std::task::Poll::Pending
                    }
                })
                .await;
            }
        };
        let mut task = std::pin::pin!(wait_twice.instrument(info_span!("task")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while task.as_mut().poll(&mut context).is_pending() {
            info_span!("executor").in_scope(|| ());
        }
    });
    // Three polls, and `Instrumented` enters once more when it is dropped.
    assert!(
        drawing.tree().starts_with("task 4a 1i\n") || drawing.tree().starts_with("task 3a 1i\n")
    );
    assert_eq!(drawing.instances.len(), 1);
}

#[test]
fn events_and_links_belong_to_their_activations() {
    let drawing = record(|| {
        let cause = info_span!("cause");
        cause.in_scope(|| tracing::info!(count = 2, "hello"));
        let effect = info_span!("effect");
        effect.follows_from(&cause);
        effect.in_scope(|| ());
    });
    assert_eq!(
        drawing.links,
        [LinkRow {
            span: 2,
            follows: 1
        }]
    );
    assert_eq!(drawing.span_events.len(), 1);
    assert_eq!(drawing.span_events[0].span, Some(1));
    let fields: serde_json::Value =
        serde_json::from_str(&drawing.span_events[0].json).expect("JSON");
    assert_eq!(fields, serde_json::json!({"message": "hello", "count": 2}));
}

#[test]
fn spans_left_open_end_with_the_run_and_ids_are_reused_safely() {
    let drawing = record(|| {
        std::mem::forget(info_span!("open").entered());
        for _ in 0..20_000 {
            info_span!("short").in_scope(|| ());
        }
    });
    assert_eq!(drawing.tree(), "open 1a 1i\n  short 20000a 20000i\n");
}

#[test]
fn too_many_key_values_are_merged_into_other() {
    let drawing = record(|| {
        for key in 0..1_000_u64 {
            info_span!("step", layer = key).in_scope(|| ());
        }
    });
    assert!(drawing.nodes.len() <= 65);
    assert!(drawing.tree().contains("step (other) "));
    assert_eq!(
        drawing.counts.values().map(|counts| counts.0).sum::<u32>(),
        1_000
    );
}

#[test]
fn whole_records_are_dropped_and_counted_when_memory_is_full() {
    let recording = Recording::new(Detail::Spans, OnFull::Drop, 1);
    let subscriber = tracing_subscriber::registry().with(recording.layer());
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..10_000 {
            span!(Level::INFO, "flood").in_scope(|| ());
        }
    });
    let dropped = recording
        .shared
        .losses
        .dropped
        .load(std::sync::atomic::Ordering::Relaxed);
    let drawing = recording.finish();
    assert!(dropped > 0 && !drawing.spans.is_empty());
}

#[test]
fn a_panicking_field_loses_its_record_only() {
    struct Bad;
    impl std::fmt::Debug for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("bad field")
        }
    }
    let drawing = record(|| {
        let caught = std::panic::catch_unwind(|| info_span!("bad", field = ?Bad).in_scope(|| ()));
        assert!(caught.is_err());
        info_span!("good").in_scope(|| ());
    });
    assert!(drawing.tree().contains("good 1a 1i"));
}
