//! Compares the decoder with reference logits for each GGUF file of a folder.
//!
//! ```text
//! cargo run --release -p energy-models --example compare_logits -- FOLDER [--assume]
//! ```
//!
//! `NAME.gguf` is compared with `NAME.safetensors`, which holds `tokens` (u32, n) and
//! `logits` (f32, n x vocabulary): those of every position. Any program can write
//! them. Each file that loads runs token by token and as one prompt, with fused and with
//! decomposed kernels. Error is the largest difference over the largest logit. The exit code
//! is 1 if a file runs with an error above 1e-4, or has no reference.

#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use energy_models::{Depth, Error, LoadOptions, Model, Requantize};

/// Largest error that counts as equal.
const TOLERANCE: f32 = 1e-4;

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// Result for one file.
enum Outcome {
    /// Runs with this error.
    Runs(f32),
    /// Refused when it is loaded.
    Refused(Error),
    /// Loads, but fails.
    Fails(String),
}

fn main() -> AnyResult<ExitCode> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let assume = arguments.iter().any(|argument| argument == "--assume");
    arguments.retain(|argument| argument != "--assume");
    let [folder] = arguments.as_slice() else {
        return Err("usage: compare_logits FOLDER [--assume]".into());
    };
    let mut files = files(Path::new(folder))?;
    files.sort();
    let (mut equal, mut wrong, mut refused) = (0, 0, 0);
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        match compare(&file, assume) {
            Outcome::Runs(error) if error <= TOLERANCE => {
                equal += 1;
                println!("equal    {error:.1e}  {name}");
            }
            Outcome::Runs(error) => {
                wrong += 1;
                println!("WRONG    {error:.1e}  {name}");
            }
            Outcome::Fails(why) => {
                wrong += 1;
                println!("FAILS             {name}: {why}");
            }
            Outcome::Refused(error) => {
                refused += 1;
                println!("refused           {name}: {}", brief(&error, &file));
            }
        }
    }
    println!("{equal} equal, {wrong} wrong, {refused} refused");
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "gguf") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Returns the message without the path and the list of families.
fn brief(error: &Error, file: &Path) -> String {
    let text = error
        .to_string()
        .replace(&format!("{}: ", file.display()), "");
    let end = text.find("; supported are").unwrap_or(text.len());
    text[..end].to_owned()
}

fn compare(file: &Path, assume: bool) -> Outcome {
    let mut largest = 0.0_f32;
    for depth in [Depth::Module, Depth::Deep] {
        let options = LoadOptions {
            requantize: Requantize::None,
            depth,
            assume,
            ..LoadOptions::default()
        };
        let mut model = match Model::load(file, &options) {
            Ok(model) => model,
            Err(error) => return Outcome::Refused(error),
        };
        match error_of(&mut model, file) {
            Ok(error) => largest = largest.max(error),
            Err(error) => return Outcome::Fails(error.to_string()),
        }
    }
    Outcome::Runs(largest)
}

fn error_of(model: &mut Model, file: &Path) -> AnyResult<f32> {
    let path = file.with_extension("safetensors");
    let stored = candle_core::safetensors::load(&path, &Device::Cpu);
    let stored: HashMap<String, Tensor> =
        stored.map_err(|error| format!("{}: {error}", path.display()))?;
    let get = |name: &str| {
        stored
            .get(name)
            .ok_or(format!("{} has no `{name}`", path.display()))
    };
    let tokens: Vec<u32> = get("tokens")?.to_vec1()?;
    let expected: Vec<Vec<f32>> = get("logits")?.to_vec2()?;
    let mut found = Vec::new();
    for token in &tokens {
        found.push(model.forward(&[*token])?.to_vec1()?);
    }
    model.reset();
    let last = model.forward(&tokens)?.to_vec1()?;
    let prompt = difference(&expected[expected.len() - 1..], &[last])?;
    Ok(prompt.max(difference(&expected, &found)?))
}

/// Returns the largest difference over the largest logit; infinite for logits that are no
/// numbers.
fn difference(expected: &[Vec<f32>], found: &[Vec<f32>]) -> AnyResult<f32> {
    let [expected, found] = [expected, found].map(|rows| rows.concat());
    if expected.len() != found.len() {
        return Err(format!("{} logits, not {}", found.len(), expected.len()).into());
    }
    let largest = expected
        .iter()
        .fold(0.0_f32, |most, logit| most.max(logit.abs()));
    let pairs = expected.iter().zip(&found);
    let differences = pairs.map(|(a, b)| (a - b).abs());
    let most = differences.fold(0.0_f32, |most, one| match one.is_finite() {
        true => most.max(one),
        false => f32::INFINITY,
    });
    Ok(most / largest)
}
