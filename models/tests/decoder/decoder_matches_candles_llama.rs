//! The decoder computes what Candle's own Llama computes, and its decomposed
//! kernels what its fused ones compute.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use candle_core::quantized::{GgmlDType, gguf_file};
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use energy_models::tiny::TinyConfig;
use energy_models::{Depth, GenerateOptions, Model, Requantize, StopReason, TokenEvent, generate};

use crate::tiny_models::{load, tiny_file};

const TOLERANCE: f32 = 1e-4;

struct Reference {
    model: ModelWeights,
    position: usize,
}

impl Reference {
    fn load(path: &Path) -> Self {
        let mut file = File::open(path).unwrap();
        let content = gguf_file::Content::read(&mut file).unwrap();
        let model = ModelWeights::from_gguf(content, &mut file, &Device::Cpu).unwrap();
        Self { model, position: 0 }
    }

    fn forward(&mut self, tokens: &[u32]) -> Vec<f32> {
        let ids = Tensor::new(tokens, &Device::Cpu)
            .unwrap()
            .unsqueeze(0)
            .unwrap();
        let logits = self.model.forward(&ids, self.position).unwrap();
        self.position += tokens.len();
        logits.flatten_all().unwrap().to_vec1().unwrap()
    }
}

fn forward(model: &mut Model, tokens: &[u32]) -> Vec<f32> {
    model.forward(tokens).unwrap().to_vec1().unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    // `f32::max` passes over NaN, which would look like equality.
    assert!(a.iter().chain(b).all(|logit| logit.is_finite()));
    assert!(
        a.iter().any(|logit| *logit != a[0]),
        "all logits are the same"
    );
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// Length of the difference over the length of `exact`.
fn relative(exact: &[f32], other: &[f32]) -> f32 {
    let length =
        |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
    let difference = length(&mut exact.iter().zip(other).map(|(a, b)| a - b));
    difference / length(&mut exact.iter().copied())
}

/// Returns the best token and its margin over the second best.
fn best(logits: &[f32]) -> (u32, f32) {
    let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
    ids.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
    (ids[0], logits[ids[0] as usize] - logits[ids[1] as usize])
}

/// Decodes greedily with both and compares every step; returns the tokens and
/// the largest difference of a logit.
fn compare(
    ours: &mut Model,
    reference: &mut Reference,
    prompt: &[u32],
    steps: usize,
) -> (Vec<u32>, f32) {
    let (mut feed, mut tokens, mut largest) = (prompt.to_vec(), Vec::new(), 0f32);
    for step in 0..steps {
        let (mine, theirs) = (forward(ours, &feed), reference.forward(&feed));
        let difference = largest_difference(&mine, &theirs);
        assert!(
            difference < TOLERANCE,
            "step {step}: logits differ by {difference}"
        );
        largest = largest.max(difference);
        let ((id, _), (expected, gap)) = (best(&mine), best(&theirs));
        if id != expected {
            eprintln!("step {step}: near-tie, the best two are {gap} apart");
            assert!(gap < 1e-3, "step {step}: token {id} instead of {expected}");
        }
        feed = vec![expected];
        tokens.push(expected);
    }
    (tokens, largest)
}

#[test]
fn tiny_models_match_step_by_step() {
    let dir = tempfile::tempdir().unwrap();
    for dtype in [
        GgmlDType::F32,
        GgmlDType::F16,
        GgmlDType::Q8_0,
        GgmlDType::Q4_1,
    ] {
        for tied in [true, false] {
            let path = tiny_file(
                dir.path(),
                &TinyConfig {
                    dtype,
                    tied,
                    layers: 3,
                    ..Default::default()
                },
            );
            let mut ours = load(&path, Requantize::None, Depth::Module);
            let prompt = ours.tokenizer().encode("hello there").unwrap();
            let (_, largest) = compare(&mut ours, &mut Reference::load(&path), &prompt, 24);
            eprintln!("{dtype:?}, tied {tied}: largest difference {largest:e}");
        }
    }
}

#[test]
fn decomposed_kernels_match_fused_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = tiny_file(dir.path(), &TinyConfig::default());
    let mut fused = load(&path, Requantize::None, Depth::Module);
    let mut deep = load(&path, Requantize::None, Depth::Deep);
    let mut feed = fused.tokenizer().encode("hello hello the tea").unwrap();
    for step in 0..40 {
        let (a, b) = (forward(&mut fused, &feed), forward(&mut deep, &feed));
        let difference = largest_difference(&a, &b);
        assert!(difference < TOLERANCE, "step {step}: {difference}");
        feed = vec![best(&a).0];
    }
}

#[test]
fn a_prompt_fed_in_parts_gives_the_same_logits() {
    let dir = tempfile::tempdir().unwrap();
    let path = tiny_file(dir.path(), &TinyConfig::default());
    let mut whole = load(&path, Requantize::None, Depth::Module);
    let mut parts = load(&path, Requantize::None, Depth::Deep);
    let ids: Vec<u32> = (20..60).collect();
    let expected = forward(&mut whole, &ids);
    forward(&mut parts, &ids[..17]);
    let found = forward(&mut parts, &ids[17..]);
    assert!(largest_difference(&expected, &found) < TOLERANCE);
}

#[test]
fn requantizing_is_described() {
    let dir = tempfile::tempdir().unwrap();
    let path = tiny_file(
        dir.path(),
        &TinyConfig {
            dtype: GgmlDType::Q4_1,
            ..Default::default()
        },
    );
    let precision = |requantize| {
        load(&path, requantize, Depth::Module)
            .info()
            .precision
            .clone()
    };
    assert_eq!(precision(Requantize::Auto), "q4_1->q8_0");
    assert_eq!(precision(Requantize::None), "q4_1");
    assert_eq!(precision(Requantize::Q8_0), "q4_1->q8_0");
    assert_eq!(precision(Requantize::F32), "q4_1->f32");
    let logits = |requantize| forward(&mut load(&path, requantize, Depth::Module), &[30, 40, 50]);
    let exact = logits(Requantize::F32);
    // Kernels round activations to 8 bits whatever the weights are, so the
    // file's own type is the measure of what conversion may add.
    let [own, converted] =
        [Requantize::None, Requantize::Auto].map(|r| relative(&exact, &logits(r)));
    eprintln!("relative error: q4_1 {own:e}, q4_1->q8_0 {converted:e}");
    assert!(own < 0.1 && converted < 2.0 * own, "{own} {converted}");
}

/// The real model, or `None` with a visible line if this machine has none.
fn smollm2() -> Option<PathBuf> {
    let cache = || {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(home)?;
        Some(cache.join("tracing-energy/SmolLM2-135M-Instruct.Q4_1.gguf"))
    };
    let path = std::env::var_os("ENERGY_SMOLLM2_GGUF")
        .map(PathBuf::from)
        .or_else(cache)?;
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: no model at {}; set ENERGY_SMOLLM2_GGUF to its path",
        path.display()
    );
    None
}

#[test]
fn smollm2_matches_and_continues_with_paris() {
    let Some(path) = smollm2() else { return };
    let mut ours = load(&path, Requantize::None, Depth::Module);
    let prompt = ours.tokenizer().encode("The capital of France is").unwrap();
    let (tokens, largest) = compare(&mut ours, &mut Reference::load(&path), &prompt, 32);
    let text = ours.tokenizer().decode(&tokens);
    eprintln!("SmolLM2, 32 steps: largest difference {largest:e}; text {text:?}");
    assert!(text.starts_with(" Paris."), "{text}");
    let sentence = "The United States has a population of approximately 311 million";
    assert!(text.contains(sentence), "{text}");
}

#[test]
fn smollm2_matches_after_a_longer_chat_prompt() {
    let Some(path) = smollm2() else { return };
    let mut ours = load(&path, Requantize::None, Depth::Module);
    let chat = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n";
    let prompt = ours.tokenizer().encode(chat).unwrap();
    let (_, largest) = compare(&mut ours, &mut Reference::load(&path), &prompt, 16);
    eprintln!(
        "SmolLM2, chat prompt of {} tokens: largest difference {largest:e}",
        prompt.len()
    );
}

#[test]
fn smollm2_tokenizer_and_template_follow_its_recipe() {
    let Some(path) = smollm2() else { return };
    let model = load(&path, Requantize::Auto, Depth::Module);
    let tokenizer = model.tokenizer();
    assert_eq!(tokenizer.encode("Hello").unwrap(), [19556]);
    assert_eq!(tokenizer.encode("<|im_start|>").unwrap(), [1]);
    assert_eq!(tokenizer.encode("42").unwrap().len(), 2);
    for text in [
        "naïve café 😀 漢字",
        "  two\n\n\tlines 2024 it's",
        "x = {y: 1}",
    ] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()), text);
    }
    let info = model.info();
    assert_eq!(
        (info.layers, info.width, info.heads, info.kv_heads),
        (30, 576, 9, 3)
    );
    assert_eq!((info.parameters, info.context_length), (134_515_008, 8192));
    let parts = info.parts;
    assert_eq!(parts.embedding, 49_152 * 576);
    assert_eq!(parts.attention, 30 * 2 * 576 * (576 + 192));
    assert_eq!(parts.mlp, 30 * 3 * 576 * 1536);
    assert_eq!(parts.norms, 61 * 576);
    assert_eq!(parts.total(), info.parameters);
    assert_eq!(info.precision, "q4_1->q8_0, q8_0");
    // In f32: with 8-bit activations, Candle's own kernels included, this
    // small model answers the default system turn in broken French.
    let mut exact = load(&path, Requantize::F32, Depth::Module);
    let options = GenerateOptions {
        max_tokens: 40,
        ..Default::default()
    };
    let go_on = |_: TokenEvent<'_>| ControlFlow::Continue(());
    let question = "What is the capital of France?";
    let done = generate(&mut exact, question, &options, go_on).unwrap();
    eprintln!(
        "SmolLM2 answers {:?} after {} tokens",
        done.text, done.input_tokens
    );
    assert_eq!(done.stop, StopReason::EndOfText);
    assert!(done.text.contains("Paris"), "{}", done.text);
}
