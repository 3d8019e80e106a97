//! On a device that works on its own time, spans of tensor work have the times at which the
//! device did it, however late they are launched. The device is simulated: it needs a known
//! time between any two marks.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use energy_models::instrument::names::{DEVICE_BEGAN, DEVICE_ENDED, DEVICE_WAIT};
use energy_models::tiny::TinyConfig;
use energy_models::{
    Depth, DeviceStream, DeviceSync, Error, GenerateOptions, Model, Result, generate, instrument,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::observed::observed;
use crate::tiny_models::tiny_model;

/// When the simulated device reaches a mark, in ns since the first.
fn reached_ns(mark: usize) -> u64 {
    (0..mark as u64).map(|at| 1_000 + at * 7_919 % 5_003).sum()
}

/// Calls that a stream received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Calls {
    waits: usize,
    marks: usize,
    passes: usize,
}

#[derive(Debug, Clone, Default)]
struct SimulatedStream {
    calls: Arc<Mutex<Calls>>,
    marks: usize,
    /// The wait that fails, from 1.
    fails_at: Option<usize>,
}

impl DeviceStream for SimulatedStream {
    fn wait(&mut self) -> Result<()> {
        let mut calls = self.calls.lock().unwrap();
        calls.waits += 1;
        match self.fails_at == Some(calls.waits) {
            true => Err(Error::Device("the device is gone".to_owned())),
            false => Ok(()),
        }
    }

    fn has_marks(&self) -> bool {
        true
    }

    fn mark(&mut self) -> Result<()> {
        self.marks += 1;
        self.calls.lock().unwrap().marks += 1;
        Ok(())
    }

    fn take_times(&mut self) -> Result<Vec<u64>> {
        let marks = std::mem::take(&mut self.marks);
        self.calls.lock().unwrap().passes += usize::from(marks > 0);
        Ok((0..marks).map(reached_ns).collect())
    }
}

/// A span, with the numbers of its enter and exit among those of device work in its pass.
#[derive(Debug, Clone, Default)]
struct SeenSpan {
    name: &'static str,
    is_device_work: bool,
    parent: Option<usize>,
    edges: Vec<usize>,
    times: BTreeMap<&'static str, i64>,
    pass: usize,
}

#[derive(Debug, Default)]
struct Seen {
    spans: Vec<SeenSpan>,
    edges: usize,
    pass: usize,
    /// Edges of each pass that has ended.
    passes: Vec<usize>,
}

#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Seen>>);

struct Index(usize);

impl Watch {
    fn edge<S>(&self, id: &Id, context: &Context<'_, S>)
    where
        S: tracing::Subscriber + for<'s> LookupSpan<'s>,
    {
        let span = context.span(id).unwrap();
        let index = span.extensions().get::<Index>().unwrap().0;
        let mut seen = self.0.lock().unwrap();
        if seen.spans[index].is_device_work {
            let (edge, pass) = (seen.edges, seen.pass);
            seen.spans[index].edges.push(edge);
            seen.spans[index].pass = pass;
            seen.edges += 1;
        }
    }
}

impl<S: tracing::Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Watch {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let parent = span.parent();
        let parent = parent.map(|parent| parent.extensions().get::<Index>().unwrap().0);
        let mut seen = self.0.lock().unwrap();
        span.extensions_mut().insert(Index(seen.spans.len()));
        seen.spans.push(SeenSpan {
            name: span.name(),
            is_device_work: attributes.metadata().fields().field(DEVICE_BEGAN).is_some(),
            parent,
            ..SeenSpan::default()
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.edge(id, &context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.edge(id, &context);
        if context.span(id).unwrap().name() == DEVICE_WAIT {
            let mut seen = self.0.lock().unwrap();
            let edges = std::mem::take(&mut seen.edges);
            seen.passes.push(edges);
            seen.pass += 1;
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        struct Times<'t>(&'t mut BTreeMap<&'static str, i64>);
        impl Visit for Times<'_> {
            fn record_i64(&mut self, field: &Field, value: i64) {
                self.0.insert(field.name(), value);
            }
            fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
        }
        let span = context.span(id).unwrap();
        let index = span.extensions().get::<Index>().unwrap().0;
        let mut seen = self.0.lock().unwrap();
        values.record(&mut Times(&mut seen.spans[index].times));
    }
}

const PROMPT: [u32; 9] = [3, 14, 15, 9, 26, 5, 35, 8, 9];

/// A model on a simulated device, its stream's calls, and what `work` showed of its spans.
fn watched(
    depth: Depth,
    stream: Option<(SimulatedStream, DeviceSync)>,
    work: impl FnOnce(&mut Model),
) -> Seen {
    let mut model = tiny_model(&TinyConfig::default(), depth);
    if let Some((stream, sync)) = stream {
        model.set_device_stream(Box::new(stream), sync);
    }
    let watch = Watch::default();
    let level = tracing_subscriber::filter::LevelFilter::from_level(depth.level());
    let subscriber = tracing_subscriber::registry()
        .with(level)
        .with(watch.clone());
    observed(subscriber, || work(&mut model));
    std::mem::take(&mut *watch.0.lock().unwrap())
}

/// A prompt and a token.
fn two_passes(model: &mut Model) -> Vec<f32> {
    model.forward(&PROMPT).unwrap();
    model.forward(&[7]).unwrap().to_vec1().unwrap()
}

#[test]
fn each_span_has_the_times_of_its_own_marks() {
    for (depth, sync) in [
        (Depth::Deep, DeviceSync::Token),
        (Depth::Module, DeviceSync::Layer),
        (Depth::Layer, DeviceSync::Token),
    ] {
        let stream = SimulatedStream::default();
        let calls = Arc::clone(&stream.calls);
        let seen = watched(depth, Some((stream, sync)), |model| {
            two_passes(model);
        });
        assert_eq!(seen.passes.len(), 2);
        let mut device_spans = 0;
        for span in seen.spans.iter().filter(|span| span.is_device_work) {
            device_spans += 1;
            let [enter, exit] = span.edges[..] else {
                panic!("{} was not entered once", span.name);
            };
            let last = reached_ns(seen.passes[span.pass]);
            let times = [DEVICE_BEGAN, DEVICE_ENDED].map(|name| span.times[name]);
            let expected = [enter, exit].map(|edge| reached_ns(edge) as i64 - last as i64);
            assert_eq!(times, expected, "{}", span.name);
        }
        let calls = *calls.lock().unwrap();
        // Two marks for each span, and one at the end of each pass.
        assert_eq!(calls.marks, 2 * device_spans + 2);
        assert_eq!(calls.passes, 2);
    }
}

#[test]
fn times_of_operations_sum_to_the_pass() {
    let stream = SimulatedStream::default();
    let sync = DeviceSync::Token;
    let seen = watched(Depth::Deep, Some((stream, sync)), |model| {
        two_passes(model);
    });
    let length = |span: &SeenSpan| (span.times[DEVICE_ENDED] - span.times[DEVICE_BEGAN]) as u64;
    for (pass, edges) in seen.passes.iter().enumerate() {
        let within = |span: &&SeenSpan| span.is_device_work && span.pass == pass;
        let is_inner = |span: &SeenSpan| {
            let parent = span.parent.map(|parent| &seen.spans[parent]);
            parent.is_some_and(|parent| parent.is_device_work)
        };
        let spans = || seen.spans.iter().filter(within);
        let outer: u64 = spans().filter(|span| !is_inner(span)).map(length).sum();
        let all: u64 = spans().map(length).sum();
        let inner: u64 = spans().filter(|span| is_inner(span)).map(length).sum();
        assert_eq!(all - inner, outer, "self times sum to the outermost spans");
        // Between outermost spans and behind the last one, the device has one interval each.
        let count = spans().filter(|span| !is_inner(span)).count();
        let whole = reached_ns(*edges);
        assert!(outer < whole && whole - outer < count as u64 * 6_003);
    }
}

#[test]
fn spans_wait_as_requested() {
    let layers = TinyConfig::default().layers;
    for (sync, waiting) in [
        (DeviceSync::Token, 0),
        // Embedding, position embedding, layers, final norm, output projection.
        (DeviceSync::Layer, 5 + layers),
        (DeviceSync::Op, usize::MAX),
    ] {
        let stream = SimulatedStream::default();
        let calls = Arc::clone(&stream.calls);
        let seen = watched(Depth::Module, Some((stream, sync)), |model| {
            model.forward(&PROMPT).unwrap();
        });
        let device_spans = seen.spans.iter().filter(|span| span.is_device_work);
        let device_spans = device_spans.count();
        let calls = *calls.lock().unwrap();
        assert_eq!(calls.waits, waiting.min(device_spans) + 1, "{sync:?}");
        if sync.is_serialized() {
            assert_eq!(calls.marks, 0, "a serialized span is as long as its work");
        }
    }
}

#[test]
fn only_tensor_work_is_device_work() {
    let options = GenerateOptions {
        max_tokens: 3,
        raw: true,
        ..Default::default()
    };
    let run = |model: &mut Model| {
        let whole = |_: energy_models::TokenEvent<'_>| ControlFlow::Continue(());
        generate(model, "hello", &options, whole).unwrap();
    };
    let stream = SimulatedStream::default();
    let seen = watched(Depth::Deep, Some((stream, DeviceSync::Token)), run);
    let of_cpu = ["run", "phase", "token"];
    let on_cpu = [
        "tokenization",
        "tensor_transfer",
        "kv_cache_init",
        "device_wait",
        "sampling",
        "tensor_to_cpu",
        "detokenization",
        "cleanup",
    ];
    for span in &seen.spans {
        let role = instrument::role(span.name).unwrap();
        let expected = !of_cpu.contains(&role) && !on_cpu.contains(&span.name);
        assert_eq!(span.is_device_work, expected, "{}", span.name);
    }
    let names: Vec<_> = seen.spans.iter().map(|span| span.name).collect();
    for name in ["layer", "softmax", "sampling", "lm_head", "device_wait"] {
        assert!(names.contains(&name), "{name}");
    }
    let on_the_cpu = watched(Depth::Deep, None, run);
    assert!(on_the_cpu.spans.iter().all(|span| !span.is_device_work));
}

#[test]
fn a_device_changes_times_only() {
    let mut logits = Vec::new();
    for sync in [None, Some(DeviceSync::Op), Some(DeviceSync::Token)] {
        let stream = sync.map(|sync| (SimulatedStream::default(), sync));
        watched(Depth::Deep, stream, |model| logits.push(two_passes(model)));
    }
    assert_eq!(logits[0], logits[1]);
    assert_eq!(logits[0], logits[2]);
}

#[test]
fn a_failing_device_fails_its_pass_only() {
    let stream = SimulatedStream {
        fails_at: Some(1),
        ..Default::default()
    };
    let sync = DeviceSync::Token;
    watched(Depth::Module, Some((stream, sync)), |model| {
        let error = model.forward(&PROMPT).unwrap_err();
        assert!(error.to_string().contains("the device is gone"), "{error}");
        model.reset();
        model.forward(&PROMPT).unwrap();
    });
}
