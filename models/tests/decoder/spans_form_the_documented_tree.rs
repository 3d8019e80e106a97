//! The spans of an inference form the documented tree at every depth.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use energy_models::tiny::TinyConfig;
use energy_models::{Depth, GenerateOptions, Generation, generate, instrument};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::observed::observed;
use crate::tiny_models::tiny_model;

/// One span: its path of names, and its fields as `name=value`.
#[derive(Debug, Clone, Default)]
struct RecordedSpan {
    path: String,
    fields: Vec<String>,
    entered: usize,
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<RecordedSpan>>>);

/// Place of a span in the collector.
struct Index(usize);

struct Fields<'f>(&'f mut Vec<String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push(format!("{}={value:?}", field.name()));
    }
}

impl Collector {
    fn change(
        &self,
        id: &Id,
        context: &Context<'_, impl Registry>,
        change: impl FnOnce(&mut RecordedSpan),
    ) {
        let span = context.span(id).unwrap();
        let index = span.extensions().get::<Index>().unwrap().0;
        change(&mut self.0.lock().unwrap()[index]);
    }
}

trait Registry: tracing::Subscriber + for<'s> LookupSpan<'s> {}
impl<S: tracing::Subscriber + for<'s> LookupSpan<'s>> Registry for S {}

impl<S: Registry> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let names: Vec<_> = span.scope().from_root().map(|span| span.name()).collect();
        let mut recorded = RecordedSpan {
            path: names.join(" > "),
            ..Default::default()
        };
        attributes.record(&mut Fields(&mut recorded.fields));
        let mut all = self.0.lock().unwrap();
        span.extensions_mut().insert(Index(all.len()));
        all.push(recorded);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.change(id, &context, |recorded| {
            values.record(&mut Fields(&mut recorded.fields))
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.change(id, &context, |recorded| recorded.entered += 1);
    }
}

const TOKENS: usize = 3;

/// A generation of three tokens of a two-layer model, with its spans.
fn record(depth: Depth) -> (Vec<RecordedSpan>, Generation) {
    let mut model = tiny_model(&TinyConfig::default(), depth);
    let collector = Collector::default();
    let filter = tracing_subscriber::filter::LevelFilter::from_level(depth.level());
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(collector.clone());
    let options = GenerateOptions {
        max_tokens: TOKENS,
        raw: true,
        ..Default::default()
    };
    let done = observed(subscriber, || {
        generate(&mut model, "hello the tea", &options, |_| {
            ControlFlow::Continue(())
        })
    });
    let spans = collector.0.lock().unwrap().clone();
    let ours = spans
        .into_iter()
        .filter(|recorded| recorded.path.starts_with("inference"));
    (ours.collect(), done.unwrap())
}

/// The tree as text: each path once, indented, in order of first appearance.
fn tree(spans: &[RecordedSpan]) -> String {
    let mut known = BTreeSet::new();
    let mut paths: Vec<_> = spans
        .iter()
        .map(|recorded| recorded.path.as_str())
        .collect();
    paths.retain(|path| known.insert(*path));
    let mut text = String::new();
    paint(&paths, "", 0, &mut text);
    text
}

fn paint(paths: &[&str], parent: &str, depth: usize, text: &mut String) {
    for path in paths {
        let (above, name) = path.rsplit_once(" > ").unwrap_or(("", path));
        if above == parent {
            text.push_str(&format!("{}{name}\n", "  ".repeat(depth)));
            paint(paths, path, depth + 1, text);
        }
    }
}

fn count(spans: &[RecordedSpan], end: &str) -> usize {
    spans
        .iter()
        .filter(|recorded| recorded.path.ends_with(end))
        .count()
}

#[test]
fn phases_show_runs_phases_and_tokens() {
    let (spans, _) = record(Depth::Phase);
    let expected = "\
inference
  pre_inference
  prefill
  decode
    token
  post_inference
";
    assert_eq!(tree(&spans), expected);
}

#[test]
fn layers_show_sections_and_layers() {
    let (spans, _) = record(Depth::Layer);
    let expected = "\
inference
  pre_inference
    tokenization
    tensor_transfer
    kv_cache_init
  prefill
    embedding
    position_embedding
    layers
      layer
        kv_cache_store
    final_norm
    lm_head
  decode
    token
      sampling
      embedding
      position_embedding
      layers
        layer
          kv_cache_append
      final_norm
      lm_head
  post_inference
    tensor_to_cpu
    detokenization
    cleanup
";
    assert_eq!(tree(&spans), expected);
}

#[test]
fn modules_show_each_projection() {
    let (spans, _) = record(Depth::Module);
    let expected = "\
        layer
          input_norm
          attention
            q_proj
            k_proj
            v_proj
            kv_cache_append
            o_proj
          post_attention_norm
          mlp
            gate_proj
            up_proj
            down_proj
";
    assert!(tree(&spans).contains(expected), "{}", tree(&spans));
    assert_eq!(
        count(
            &spans,
            "decode > token > layers > layer > attention > q_proj"
        ),
        2 * (TOKENS - 1)
    );
}

#[test]
fn deep_shows_each_operation() {
    let (spans, _) = record(Depth::Deep);
    let norm =
        "            mean\n            variance\n            normalize\n            scale_shift\n";
    let token = format!(
        "        layer
          input_norm
{norm}          attention
            q_proj
            k_proj
            v_proj
            rope
            kv_cache_append
            qk_matmul
            scale
            softmax
            value_matmul
            o_proj
          post_attention_norm
{norm}          mlp
            gate_proj
            up_proj
            activation
            gate_up_mult
            down_proj
"
    );
    assert!(tree(&spans).contains(&token), "{}", tree(&spans));
    assert_eq!(
        count(&spans, "prefill > layers > layer > attention > mask"),
        2
    );
}

#[test]
fn fields_are_recorded_when_they_are_known() {
    let (spans, done) = record(Depth::Module);
    let fields = |path: &str| -> Vec<Vec<String>> {
        let matching = spans.iter().filter(|recorded| recorded.path == path);
        matching.map(|recorded| recorded.fields.clone()).collect()
    };
    let input = format!("input_tokens={}", done.input_tokens);
    assert_eq!(
        fields("inference"),
        [[input, format!("output_tokens={}", done.output_tokens)]]
    );
    let tokens = fields("inference > decode > token");
    assert_eq!(tokens.len(), done.output_tokens);
    for (i, (fields, id)) in tokens.iter().zip(&done.tokens).enumerate() {
        assert_eq!(
            fields[..2],
            [format!("token={i}"), format!("token_id={id}")]
        );
        assert!(fields[2].starts_with("text="));
    }
    let layers = fields("inference > prefill > layers > layer");
    assert_eq!(layers, [["layer=0"], ["layer=1"]]);
}

#[test]
fn every_span_has_a_role_and_is_entered_once() {
    let (spans, _) = record(Depth::Deep);
    for recorded in &spans {
        let name = recorded.path.rsplit(" > ").next().unwrap();
        assert!(instrument::role(name).is_some(), "{name}");
        assert_eq!(recorded.entered, 1, "{}", recorded.path);
    }
    assert_eq!(
        count(&spans, "inference > decode > token > sampling"),
        TOKENS
    );
}
