//! Captured operations are those of the spans, and compute what the model
//! computed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use energy_models::capture::{CaptureOptions, Captured, NOT_KEPT, capture};
use energy_models::tiny::TinyConfig;
use energy_models::{Depth, Error, GenerateOptions, Model, Tensor, generate};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::observed::observed;
use crate::tiny_models::tiny_model;

/// Kinds of all spans: the names on the way, joined by ` > `.
#[derive(Clone, Default)]
struct Kinds(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Kinds {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let names: Vec<_> = span.scope().from_root().map(|span| span.name()).collect();
        self.0.lock().unwrap().insert(names.join(" > "));
    }
}

fn model(depth: Depth) -> Model {
    tiny_model(&TinyConfig::default(), depth)
}

/// Kinds without children in a generation.
fn leaves(model: &mut Model) -> BTreeSet<String> {
    let kinds = Kinds::default();
    let filter = tracing_subscriber::filter::LevelFilter::from_level(model.depth().level());
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(kinds.clone());
    let options = GenerateOptions {
        max_tokens: 3,
        raw: true,
        ..Default::default()
    };
    observed(subscriber, || {
        generate(model, "hello the tea", &options, |_| {
            ControlFlow::Continue(())
        })
        .unwrap()
    });
    let all = kinds.0.lock().unwrap().clone();
    let ours = all.iter().filter(|kind| kind.starts_with("inference"));
    let is_parent = |kind: &str| {
        all.iter()
            .any(|other| other.starts_with(&format!("{kind} > ")))
    };
    ours.filter(|kind| !is_parent(kind)).cloned().collect()
}

fn numbers(tensors: &[Tensor]) -> Vec<(Vec<usize>, Vec<f64>)> {
    let flat = |tensor: &Tensor| {
        let wide = tensor.to_dtype(candle_core::DType::F64).unwrap();
        let numbers = wide.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        (tensor.dims().to_vec(), numbers)
    };
    tensors.iter().map(flat).collect()
}

fn captured(model: &mut Model) -> Captured {
    capture(model, &CaptureOptions::default()).unwrap()
}

#[test]
fn every_span_without_children_has_a_case_or_a_reason() {
    for depth in [Depth::Module, Depth::Deep] {
        let mut model = model(depth);
        let leaves = leaves(&mut model);
        let cases = captured(&mut model).cases;
        let mut known: BTreeSet<String> = cases.iter().map(|case| case.kind.clone()).collect();
        let kept = known.len();
        for (kind, _) in NOT_KEPT {
            assert!(known.insert((*kind).to_owned()), "{kind} is kept after all");
        }
        assert_eq!(known, leaves, "at depth {depth}");
        assert!(kept > 25, "{kept} kinds at depth {depth}");
    }
}

#[test]
fn every_layer_has_its_own_case() {
    let mut model = model(Depth::Deep);
    let mut layers: BTreeMap<String, Vec<Option<usize>>> = BTreeMap::new();
    for case in captured(&mut model).cases {
        layers.entry(case.kind).or_default().push(case.layer);
    }
    for (kind, layers) in layers {
        let expected = match kind.contains(" > layer > ") {
            true => vec![Some(0), Some(1)],
            false => vec![None],
        };
        assert_eq!(layers, expected, "{kind}");
    }
}

#[test]
fn cases_compute_what_the_model_computed() {
    for depth in [Depth::Module, Depth::Deep] {
        let mut model = model(depth);
        let captured = captured(&mut model);
        // Everything twice and with another generation between: nothing a case
        // needs may change by running cases or the model.
        for _ in 0..2 {
            for case in &captured.cases {
                let (now, then) = (case.output().unwrap(), case.captured());
                assert_eq!(now.is_empty(), case.kind.contains("kv_cache"), "{case:?}");
                assert_eq!(numbers(&now), numbers(then), "{case:?}");
                case.run().unwrap();
            }
            leaves(&mut model);
        }
        captured.synchronize().unwrap();
    }
}

#[test]
fn a_capture_changes_nothing_that_follows() {
    let mut model = model(Depth::Module);
    let logits = |model: &mut Model| {
        model.reset();
        numbers(&[model.forward(&[5, 6, 7]).unwrap()])
    };
    let before = logits(&mut model);
    let captured = captured(&mut model);
    assert_eq!((captured.prompt_tokens, captured.context), (128, 256));
    assert_eq!(model.position(), 0);
    assert_eq!(logits(&mut model), before);
}

#[test]
fn decode_steps_see_the_whole_context() {
    let mut model = model(Depth::Deep);
    let options = CaptureOptions {
        prompt_tokens: 8,
        context: 20,
    };
    let captured = capture(&mut model, &options).unwrap();
    let shape = |kind: &str| {
        let mut cases = captured.cases.iter();
        let case = cases.find(|case| case.kind == kind).unwrap();
        case.captured()[0].dims().to_vec()
    };
    let decode = "inference > decode > token > layers > layer > attention > qk_matmul";
    assert_eq!(shape(decode), [1, 2, 2, 20]);
    let prefill = "inference > prefill > layers > layer > attention > qk_matmul";
    assert_eq!(shape(prefill), [1, 2, 16, 8]);
}

#[test]
fn impossible_captures_are_refused() {
    let mut model = model(Depth::Module);
    for (prompt_tokens, context) in [(1, 20), (20, 20), (0, 0)] {
        let options = CaptureOptions {
            prompt_tokens,
            context,
        };
        let refused = capture(&mut model, &options);
        assert!(matches!(refused, Err(Error::Capture { .. })), "{refused:?}");
    }
}
