//! A layer with a window keeps its window only, other number formats of the cache cost the
//! stated error, and the context is watched.

use std::ops::ControlFlow;

use energy_models::tiny::TinyConfig;
use energy_models::{
    CacheFormat, Checkpoint, Depth, GenerateOptions, LoadOptions, Model, Requantize, generate,
};

use crate::families_match_their_references::{load, numbers};
use crate::family::{self, Family, error};
use crate::real_models_match_llama_cpp::found;
use crate::tiny_models::tiny_model;

const FORMATS: [CacheFormat; 3] = [CacheFormat::F32, CacheFormat::F16, CacheFormat::Q8_0];

fn windowed() -> Vec<Family> {
    let mut all = family::all();
    all.retain(|family| {
        let window = family.config["sliding_window"].as_u64();
        window.is_some() && family.config["use_sliding_window"] != false
    });
    all
}

/// The prompt is fed in parts that are shorter and longer than the windows (8 or 12), before
/// and after these have rolled. One pass over all reads nothing from the cache.
#[test]
fn parts_of_any_length_equal_one_pass() {
    let families = windowed();
    assert!(families.len() >= 5);
    for family in families {
        for depth in [Depth::Module, Depth::Deep] {
            let mut model = load(&family, true, depth);
            let limit = model.info().context_length.min(120) as u32;
            let tokens: Vec<u32> = (0..limit).map(|at| 20 + at * 7 % 90).collect();
            for parts in [
                vec![3, 1, 1, 30],
                vec![40, 1, 1],
                vec![1, 7, 8, 5, 12, 1, 13, 2],
            ] {
                let ends = parts.iter().scan(0, |end, part| {
                    *end += part;
                    Some(*end)
                });
                let ends: Vec<usize> = ends.take_while(|end| *end <= tokens.len()).collect();
                let mut start = 0;
                let mut found = Vec::new();
                for end in &ends {
                    found.push(numbers(&model.forward(&tokens[start..*end]).unwrap()));
                    start = *end;
                }
                for (end, found) in ends.iter().zip(&found) {
                    model.reset();
                    let expected = numbers(&model.forward(&tokens[..*end]).unwrap());
                    let error = error(&expected, found);
                    assert!(error < 1e-5, "{} {parts:?} {end}: {error:e}", family.name);
                }
                model.reset();
            }
        }
    }
}

/// A folder with the family's model, loaded with a cache of this format.
fn with_format(family: &Family, cache: CacheFormat) -> (Model, energy_models::Memory) {
    let folder = tempfile::tempdir().unwrap();
    family::folder::write(family, folder.path(), candle_core::DType::F32, 1);
    let options = LoadOptions {
        requantize: Requantize::None,
        cache,
        ..Default::default()
    };
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let memory = checkpoint.memory(&options);
    (checkpoint.load(&options, &mut |_| ()).unwrap(), memory)
}

#[test]
fn memory_counts_windows_and_the_format() {
    for family in family::all() {
        for cache in FORMATS {
            let (mut model, memory) = with_format(&family, cache);
            let info = model.info().clone();
            let head = match cache {
                CacheFormat::F16 => 2 * info.head_dim,
                CacheFormat::F32 => 4 * info.head_dim,
                // Heads of these families are divided into blocks of all their channels, or 32.
                _ => info.head_dim + 2 * info.head_dim.div_ceil(32),
            };
            let kept = info.context_length.min(256);
            let window = info.window.unwrap_or(kept).min(kept);
            let full = info.layers - info.windowed_layers;
            let positions = full * kept + info.windowed_layers * window;
            let expected = 2 * info.kv_heads * head * positions;
            let options = GenerateOptions {
                max_tokens: 2,
                raw: true,
                ..Default::default()
            };
            let go_on = |_: energy_models::TokenEvent<'_>| ControlFlow::Continue(());
            let done = generate(&mut model, "hello", &options, go_on).unwrap();
            assert_eq!(done.kv_cache_bytes, expected, "{} {cache:?}", family.name);
            assert_eq!(memory.cache_bytes(2), expected as u64);
        }
    }
}

/// Largest differences of logits over the largest logit with caches in f16 and q8_0, from those
/// with a cache in f32, after the prompt and each step.
fn cache_errors(answers: impl Fn(CacheFormat) -> Vec<Vec<f32>>) -> [f32; 2] {
    let exact = answers(CacheFormat::F32);
    [CacheFormat::F16, CacheFormat::Q8_0].map(|cache| {
        let found = answers(cache);
        let pairs = exact.iter().zip(&found);
        pairs.map(|(a, b)| error(a, b)).fold(0.0, f32::max)
    })
}

fn answers(model: &mut Model, prompt: &[u32], steps: impl Iterator<Item = u32>) -> Vec<Vec<f32>> {
    let mut all = vec![numbers(&model.forward(prompt).unwrap())];
    for token in steps {
        all.push(numbers(&model.forward(&[token]).unwrap()));
    }
    all
}

/// With `-- --nocapture` it prints the errors.
#[test]
fn errors_of_cache_formats() {
    let mut largest = [0.0_f32; 2];
    for family in family::all() {
        let errors = cache_errors(|cache| {
            let prompt: Vec<u32> = (20..20 + family.prompt).collect();
            let steps = (0..8).map(|step| 70 + 13 * step);
            answers(&mut with_format(&family, cache).0, &prompt, steps)
        });
        eprintln!(
            "{}: f16 {:.1e}, q8_0 {:.1e}",
            family.name, errors[0], errors[1]
        );
        // They are converted, and wrong conversions would be visible.
        assert!(errors[0] > 0.0 && errors[0] < errors[1], "{}", family.name);
        for (largest, error) in largest.iter_mut().zip(errors) {
            *largest = largest.max(error);
        }
    }
    eprintln!("largest: f16 {:.1e}, q8_0 {:.1e}", largest[0], largest[1]);
    // Attention of these models is sharp, and a router may choose another expert.
    assert!(largest[0] < 0.02 && largest[1] < 0.5, "{largest:?}");
}

/// The same for a published model, if it is there.
#[test]
fn errors_of_cache_formats_of_a_real_model() {
    let Some(path) = found("SmolLM2-135M-Instruct.Q4_1.gguf") else {
        return;
    };
    let text = "The sky is blue because molecules of the air scatter blue light more than red \
                light. At sunset the light passes through more air, so that";
    let errors = cache_errors(|cache| {
        let options = LoadOptions {
            requantize: Requantize::F32,
            cache,
            ..Default::default()
        };
        let mut model = Model::load(&path, &options).unwrap();
        let tokens = model.tokenizer().encode(text).unwrap();
        let (prompt, steps) = tokens.split_at(tokens.len() - 8);
        answers(&mut model, prompt, steps.iter().copied())
    });
    eprintln!("SmolLM2: f16 {:.1e}, q8_0 {:.1e}", errors[0], errors[1]);
    assert!(
        0.0 < errors[0] && errors[0] < errors[1] && errors[1] < 0.05,
        "{errors:?}"
    );
}

#[test]
fn a_nearly_full_context_is_a_warning() {
    let config = TinyConfig {
        context_length: 40,
        ..Default::default()
    };
    let mut model = tiny_model(&config, Depth::Module);
    let mut answer = |max_tokens| {
        let options = GenerateOptions {
            max_tokens,
            raw: true,
            ..Default::default()
        };
        let go_on = |_: energy_models::TokenEvent<'_>| ControlFlow::Continue(());
        generate(&mut model, "hello", &options, go_on).unwrap()
    };
    // One token of the prompt, and all generated ones but the last.
    let few = answer(35);
    assert_eq!((few.positions, few.context, few.warning), (35, 40, None));
    let most = answer(36);
    assert_eq!((most.positions, most.context_share()), (36, 0.9));
    let warning = most.warning.unwrap();
    assert!(warning.contains("nearly full: 36 of 40"), "{warning}");
    // Known before the first token: one warning is enough.
    let all = answer(40);
    assert!(all.warning.unwrap().contains("room for 39"));
}
