//! The program: a tiny language model that answers prompts of many lengths.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use energy_models::tiny::{self, TinyConfig};
use energy_models::{Depth, GenerateOptions, LoadOptions, Model, generate};
use rand::RngExt;
use rand::rngs::ChaCha12Rng;

/// Lengths of prompts, and of answers, in tokens.
const PROMPT: (f64, f64) = (4.0, 400.0);
const ANSWER: (f64, f64) = (4.0, 80.0);

/// Limits Candle to one thread, so that CPU time equals the time of spans.
///
/// # Safety
/// No other thread may read or write the environment concurrently.
pub unsafe fn use_one_thread() {
    for variable in energy_models::device::THREAD_VARIABLES {
        // SAFETY: guaranteed by the caller.
        unsafe { std::env::set_var(variable, "1") };
    }
}

/// Makes the model in `folder` and loads it.
pub(super) fn model(folder: &Path, depth: Depth) -> Result<Model, energy_models::Error> {
    let path = folder.join("tiny.gguf");
    let config = TinyConfig {
        layers: 4,
        width: 256,
        hidden: 512,
        context_length: 1024,
        ..TinyConfig::default()
    };
    tiny::write_gguf(&path, &config)?;
    let options = LoadOptions {
        depth,
        ..LoadOptions::default()
    };
    Model::load(&path, &options)
}

/// Answers prompts for `time`; the last answer is given to its end.
pub(super) fn work(
    model: &mut Model,
    time: Duration,
    random: &mut ChaCha12Rng,
) -> Result<(), energy_models::Error> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        let prompt: String = (0..length(random, PROMPT))
            .map(|_| char::from(random.random_range(b'a'..=b'z')))
            .collect();
        let options = GenerateOptions {
            max_tokens: length(random, ANSWER),
            raw: true,
            seed: random.random(),
            temperature: 1.0,
            ..GenerateOptions::default()
        };
        generate(model, &prompt, &options, |_| ControlFlow::Continue(()))?;
    }
    Ok(())
}

/// As many short ones as long ones, by their logarithm.
fn length(random: &mut ChaCha12Rng, (least, most): (f64, f64)) -> usize {
    let part: f64 = random.random();
    (least * (most / least).powf(part)) as usize
}
