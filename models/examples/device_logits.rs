//! Compares the logits of a device with those of the CPU, in f32.
//!
//! ```text
//! cargo run --release -p energy-models --features cuda --example device_logits -- MODEL cuda
//! ```
//!
//! The exit code is 1 if the largest difference exceeds 1e-3 of the largest logit.

#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use energy_models::{Device, LoadOptions, Model, Requantize, device};

const TEXT: &str = "The capital of France is Paris. 1, 2, 3: \u{65e5}\u{672c}\u{8a9e}\n\tend";
const LARGEST_ERROR: f32 = 1e-3;

/// Returns the logits after a prompt, and after each of its last tokens again as decode steps.
fn logits(path: &Path, device: Device) -> Result<Vec<f32>, Box<dyn Error>> {
    let options = LoadOptions {
        requantize: Requantize::F32,
        device,
        ..Default::default()
    };
    let mut model = Model::load(path, &options)?;
    let ids = model.tokenizer().encode(TEXT)?;
    let mut all: Vec<f32> = model.forward(&ids)?.to_vec1()?;
    for id in ids.iter().rev().take(4) {
        all.extend(model.forward(&[*id])?.to_vec1::<f32>()?);
    }
    Ok(all)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, name] = words.as_slice() else {
        return Err("usage: device_logits MODEL DEVICE".into());
    };
    let path = Path::new(path);
    let found = logits(path, device::parse(name)?)?;
    let expected = logits(path, Device::Cpu)?;
    let largest = expected.iter().fold(0_f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(&expected);
    // `max` ignores NaN, which is no small error.
    let error = match found.iter().all(|x| x.is_finite()) {
        true => pairs.fold(0_f32, |max, (a, b)| max.max((a - b).abs())) / largest,
        false => f32::INFINITY,
    };
    println!("{name}: {} logits, largest error {error:.1e}", found.len());
    Ok(ExitCode::from(u8::from(error > LARGEST_ERROR)))
}
