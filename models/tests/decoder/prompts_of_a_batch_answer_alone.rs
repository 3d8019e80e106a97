//! Prompts of a batch, of any lengths, get the answers that they get alone, and leave the batch
//! when these end.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use energy_models::tiny::TinyConfig;
use energy_models::{
    BatchPrompt, Depth, Error, GenerateOptions, Generation, Model, Statistics, StopReason, generate,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::families_match_their_references::{load, numbers};
use crate::family::{self, error};
use crate::observed::observed;
use crate::tiny_models::tiny_model;

/// Largest difference over the largest logit.
const TOLERANCE: f32 = 1e-4;

/// Lengths of the prompts, one of them longer than the windows and original contexts of all
/// families, and the steps after which they leave.
const PROMPTS: [(u32, usize); 4] = [(5, 8), (1, 3), (40, 8), (17, 5)];

fn prompt(row: usize) -> Vec<u32> {
    let first = 20 + 7 * row as u32;
    (first..first + PROMPTS[row].0).collect()
}

fn step_token(row: usize, step: usize) -> u32 {
    (70 + 13 * step + 5 * row) as u32
}

/// Logits after the prompt and after each step, of one sequence.
fn alone(model: &mut Model, row: usize) -> Vec<Vec<f32>> {
    model.reset();
    let mut all = vec![numbers(&model.forward(&prompt(row)).unwrap())];
    for step in 0..PROMPTS[row].1 {
        let logits = model.forward(&[step_token(row, step)]).unwrap();
        all.push(numbers(&logits));
    }
    all
}

#[test]
fn each_row_computes_what_it_computes_alone() {
    for family in family::all() {
        for depth in [Depth::Module, Depth::Deep] {
            let mut model = load(&family, true, depth);
            let expected: Vec<_> = (0..PROMPTS.len())
                .map(|row| alone(&mut model, row))
                .collect();
            // The comparison would notice a row that saw another row's positions.
            assert!(error(&expected[0][0], &expected[1][0]) > 100.0 * TOLERANCE);
            model.start(PROMPTS.len());
            let prompts: Vec<Vec<u32>> = (0..PROMPTS.len()).map(prompt).collect();
            let mut rows: Vec<usize> = (0..PROMPTS.len()).collect();
            let all: Vec<(usize, &[u32])> = rows
                .iter()
                .map(|row| (*row, prompts[*row].as_slice()))
                .collect();
            let mut logits = model.forward_rows(&all).unwrap();
            let mut largest = 0.0_f32;
            let mut step = 0;
            loop {
                for (at, row) in rows.iter().enumerate() {
                    let found = numbers(&logits.get(at).unwrap());
                    largest = largest.max(error(&expected[*row][step], &found));
                }
                for row in rows.extract_if(.., |row| PROMPTS[*row].1 == step) {
                    model.leave(row);
                }
                if rows.is_empty() {
                    break;
                }
                let tokens: Vec<[u32; 1]> =
                    rows.iter().map(|row| [step_token(*row, step)]).collect();
                let next: Vec<(usize, &[u32])> = rows
                    .iter()
                    .zip(&tokens)
                    .map(|(row, token)| (*row, token.as_slice()))
                    .collect();
                logits = model.forward_rows(&next).unwrap();
                assert_eq!(logits.dims(), [rows.len(), model.info().vocab]);
                step += 1;
            }
            eprintln!("{} {depth}: {largest:.1e}", family.name);
            assert!(largest < TOLERANCE, "{} {depth}: {largest:e}", family.name);
        }
    }
}

#[test]
fn wrong_sequences_are_refused() {
    let mut model = tiny(64);
    model.start(2);
    let forward = |model: &mut Model, rows: &[(usize, &[u32])]| {
        model.forward_rows(rows).unwrap_err().to_string()
    };
    assert!(forward(&mut model, &[(2, &[5])]).contains("was not started"));
    assert!(forward(&mut model, &[(1, &[5]), (1, &[6])]).contains("twice"));
    assert!(forward(&mut model, &[(0, &[5]), (1, &[])]).contains("no tokens"));
    assert!(forward(&mut model, &[]).contains("no tokens"));
    assert!(forward(&mut model, &[(0, &[5]), (1, &[5; 65])]).contains("context of 64"));
}

fn tiny(context_length: usize) -> Model {
    let config = TinyConfig {
        context_length,
        ..Default::default()
    };
    tiny_model(&config, Depth::Module)
}

fn raw(max_tokens: usize) -> GenerateOptions {
    GenerateOptions {
        max_tokens,
        raw: true,
        ..Default::default()
    }
}

fn batch(model: &mut Model, rows: &[(&str, GenerateOptions)]) -> Vec<Generation> {
    let prompts: Vec<BatchPrompt<'_>> = rows
        .iter()
        .map(|(prompt, options)| BatchPrompt { prompt, options })
        .collect();
    model
        .generate_batch(&prompts, |_, _| ControlFlow::Continue(()))
        .unwrap()
}

#[test]
fn answers_and_their_ends_are_those_of_single_prompts() {
    // F32, because quantised products round inputs, which amplifies the order of sums.
    let family = family::find("llama3");
    let mut model = load(&family, true, Depth::Module);
    let context = model.info().context_length;
    let random = |seed| GenerateOptions {
        temperature: 1.2,
        seed,
        repeat_penalty: 1.1,
        ..raw(25)
    };
    let whole = generate(&mut model, "tea", &raw(30), |_| ControlFlow::Continue(())).unwrap();
    let stop: String = whole.text.chars().skip(2).take(3).collect();
    let stopped = GenerateOptions {
        stop: vec![stop],
        ..raw(30)
    };
    let long = "x".repeat(context - 3);
    let rows = [
        ("hello the tea", random(1)),
        ("hello the tea", random(2)),
        ("tea", stopped),
        ("hello", raw(4)),
        (long.as_str(), raw(30)),
        ("the", raw(0)),
    ];
    let together = batch(&mut model, &rows);
    assert_ne!(together[0].tokens, together[1].tokens);
    let mut stops = Vec::new();
    for ((prompt, options), row) in rows.iter().zip(&together) {
        let go_on = |_: energy_models::TokenEvent<'_>| ControlFlow::Continue(());
        let alone = generate(&mut model, prompt, options, go_on).unwrap();
        assert_eq!(alone.tokens, row.tokens, "{prompt}");
        assert_eq!(alone.text, row.text);
        assert_eq!(
            (alone.stop, alone.input_tokens, alone.output_tokens),
            (row.stop, row.input_tokens, row.output_tokens)
        );
        assert_eq!(
            (alone.kv_cache_bytes, alone.positions, alone.context),
            (row.kv_cache_bytes, row.positions, row.context)
        );
        assert!(row.kv_cache_bytes > 0);
        stops.push(row.stop);
    }
    assert_eq!(stops[2], StopReason::StopText);
    assert_eq!(
        stops[3..],
        [
            StopReason::MaxTokens,
            StopReason::ContextFull,
            StopReason::MaxTokens
        ]
    );
    // One prompt at the limit of the context does not end the others.
    assert_eq!(together[4].output_tokens, 3);
    let warning = together[4].warning.as_deref().unwrap();
    assert!(warning.starts_with("prompt 5 of the batch: "), "{warning}");
    assert_eq!(model.position(), 0);
}

#[test]
fn impossible_prompts_of_a_batch_are_named() {
    let mut model = tiny(32);
    let options = raw(4);
    let mut fail = |prompts: &[&str]| {
        let rows: Vec<BatchPrompt<'_>> = prompts
            .iter()
            .map(|prompt| BatchPrompt {
                prompt,
                options: &options,
            })
            .collect();
        let go_on = |_, _: energy_models::TokenEvent<'_>| ControlFlow::Continue(());
        model.generate_batch(&rows, go_on).unwrap_err()
    };
    assert!(matches!(fail(&[]), Error::EmptyBatch));
    assert!(matches!(fail(&[""]), Error::EmptyPrompt));
    let empty = fail(&["hello", "", ""]);
    assert!(matches!(empty, Error::InBatch { row: 1, .. }), "{empty}");
    assert!(
        empty
            .to_string()
            .starts_with("prompt 2 of the batch: the prompt has no tokens")
    );
    let long = fail(&["hello", &"x".repeat(32)]);
    assert!(
        long.to_string()
            .contains("prompt 2 of the batch: the prompt has 32"),
        "{long}"
    );
}

#[test]
fn breaking_ends_one_answer_and_a_flag_ends_all() {
    let mut model = tiny(64);
    let options = raw(6);
    let prompts = ["hello", "the tea"].map(|prompt| BatchPrompt {
        prompt,
        options: &options,
    });
    let stop_first = |row, _: energy_models::TokenEvent<'_>| match row {
        0 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let done = model.generate_batch(&prompts, stop_first).unwrap();
    assert_eq!(
        (done[0].stop, done[0].output_tokens),
        (StopReason::Cancelled, 1)
    );
    assert_eq!(done[1].output_tokens, 6);
    let options = GenerateOptions {
        cancel: Some(Arc::new(true.into())),
        ..raw(6)
    };
    for done in batch(&mut model, &[("hello", options.clone()), ("the", options)]) {
        assert_eq!((done.stop, done.output_tokens), (StopReason::Cancelled, 0));
        assert_eq!(done.input_tokens, 0, "no token of the prompt was processed");
    }
}

/// Cancels at the first forward pass.
struct CancelInPass(Arc<AtomicBool>);

impl<S: tracing::Subscriber> Layer<S> for CancelInPass {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == "layers" {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn tokens_that_a_cancelled_prefill_did_not_process_are_not_counted() {
    let mut model = tiny(2048);
    let cancel = Arc::new(AtomicBool::new(false));
    let options = GenerateOptions {
        cancel: Some(Arc::clone(&cancel)),
        ..raw(6)
    };
    let fields = Fields::default();
    let layer = tracing_subscriber::registry()
        .with(fields.clone())
        .with(CancelInPass(cancel));
    // A pass has 512 positions: all of the first prompt, and some of the second.
    let [short, long] = ["the tea", "hello "].map(|word| word.repeat(100));
    let rows = [
        (short.as_str(), options.clone()),
        (&long, options.clone()),
        ("hello", options),
    ];
    let done = observed(layer, || batch(&mut model, &rows));
    let processed = [0, 1, 2].map(|row: usize| done[row].input_tokens);
    assert_eq!(processed.iter().sum::<usize>(), 512, "{processed:?}");
    assert_eq!(processed[2], 0);
    let all = fields.0.lock().unwrap();
    let is_input = |one: &&Recorded| (one.0, one.1) == ("inference", "input_tokens");
    let last = all.iter().rfind(is_input).map(|(_, _, number)| *number);
    assert_eq!(last, Some(512));
}

#[test]
fn a_batch_of_one_prompt_is_one_as_well() {
    let fields = Fields::default();
    let layer = tracing_subscriber::registry().with(fields.clone());
    observed(layer, || batch(&mut tiny(64), &[("hello", raw(2))]));
    let all = fields.0.lock().unwrap();
    for found in [
        ("inference", "batch", 1),
        ("token", "batch", 1),
        ("event", "row", 0),
    ] {
        assert!(all.contains(&found), "{found:?}: {all:?}");
    }
}

/// A number that a span records: `(span, field, number)`.
type Recorded = (&'static str, &'static str, u64);

/// Numbers that spans record.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<Vec<Recorded>>>);

struct Numbers<'f>(&'f Fields, &'static str);

impl Visit for Numbers<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.0.lock().unwrap().push((self.1, field.name(), value));
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S> Layer<S> for Fields
where
    S: tracing::Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut Numbers(self, attributes.metadata().name()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let name = context.span(id).unwrap().name();
        values.record(&mut Numbers(self, name));
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut Numbers(self, "event"));
    }
}

#[test]
fn spans_count_rows_and_tokens_without_padding() {
    let fields = Fields::default();
    let mut model = tiny(64);
    let rows = [
        ("hello the tea", raw(5)),
        ("hello", raw(2)),
        ("the", raw(3)),
    ];
    let layer = tracing_subscriber::registry().with(fields.clone());
    let done = observed(layer, || batch(&mut model, &rows));
    let all = fields.0.lock().unwrap().clone();
    let of = |span: &str, field: &str| -> Vec<u64> {
        let found = all.iter().filter(|(s, f, _)| (*s, *f) == (span, field));
        found.map(|(_, _, number)| *number).collect()
    };
    assert_eq!(of("token", "batch"), [3, 3, 2, 1, 1]);
    assert_eq!(of("token", "token"), [0, 1, 2, 3, 4]);
    assert!(of("token", "token_id").is_empty());
    let sum = |of: fn(&Generation) -> usize| done.iter().map(of).sum::<usize>() as u64;
    assert_eq!(of("inference", "batch"), [3]);
    assert_eq!(
        of("inference", "input_tokens"),
        [sum(|one| one.input_tokens)]
    );
    assert_eq!(
        of("inference", "output_tokens"),
        [sum(|one| one.output_tokens)]
    );
    assert_eq!(of("event", "row"), [0, 1, 2]);
}

/// Metrics of attention: `(head, row, entropy)` of each event with an entropy.
#[derive(Clone, Default)]
struct Entropies(Arc<Mutex<Vec<HeadEntropy>>>);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct HeadEntropy {
    head: Option<u64>,
    row: Option<u64>,
    entropy: Option<f64>,
}

impl Visit for HeadEntropy {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "head" => self.head = Some(value),
            "row" => self.row = Some(value),
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "entropy" {
            self.entropy = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for Entropies {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut found = HeadEntropy::default();
        event.record(&mut found);
        if found.entropy.is_some() {
            self.0.lock().unwrap().push(found);
        }
    }
}

/// Returns the entropies of attention's heads while these prompts are answered.
fn entropies(rows: &[(&str, GenerateOptions)]) -> Vec<HeadEntropy> {
    let found = Entropies::default();
    let mut model = tiny(64);
    model.set_statistics(Some(Statistics::default()));
    let layer = tracing_subscriber::registry().with(found.clone());
    observed(layer, || batch(&mut model, rows));
    found.0.lock().unwrap().clone()
}

#[test]
fn attention_names_the_sequence_of_its_metrics() {
    let rows = [("hello the tea", raw(4)), ("the", raw(2))];
    let together = entropies(&rows);
    assert!(together.iter().all(|one| one.row.is_some()), "{together:?}");
    for (row, prompt) in (0..).zip(&rows) {
        let alone = entropies(std::slice::from_ref(prompt));
        assert!(alone.iter().all(|one| one.row.is_none()), "{alone:?}");
        let own = together.iter().filter(|one| one.row == Some(row));
        let own: Vec<&HeadEntropy> = own.collect();
        assert_eq!(own.len(), alone.len());
        for (own, alone) in own.iter().zip(&alone) {
            assert_eq!(own.head, alone.head);
            let (own, alone) = (own.entropy.unwrap(), alone.entropy.unwrap());
            assert!((own - alone).abs() < 1e-4, "{own} {alone}");
        }
    }
}
