//! Measures the energy of the phases of a language model's inference.
//!
//! ```text
//! cargo run --release --example llm -- [MODEL.gguf] [llm.db]
//! ```
//!
//! Without a model it creates a small one with random weights, which generates nonsense
//! but runs the same code.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use energy_models::tiny::{TinyConfig, write_gguf};
use energy_models::{GenerateOptions, Generation, LoadOptions, Model, generate, instrument};
use tracing_energy::Store;
use tracing_energy::{EnergyGuard, EnergyLayer};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

const PROMPT: &str = "The capital of France is";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut model = match arguments.next() {
        Some(path) => Model::load(path, &LoadOptions::default())?,
        None => random_model()?,
    };
    let path = arguments.next().unwrap_or_else(|| "llm.db".to_owned());

    // `build` blocks while it measures idle power (unless power is modelled);
    // a short inference needs short samples.
    let (layer, guard) = EnergyLayer::builder()
        .database(&path)
        .roles(instrument::ROLES)
        .interval(Duration::from_millis(20))
        .baseline(Duration::from_secs(1))
        .build()?;
    // The filter selects the depth: deeper levels have more spans.
    let level = LevelFilter::from_level(model.depth().level());
    tracing_subscriber::registry()
        .with(layer.with_filter(level))
        .init();

    let options = GenerateOptions {
        max_tokens: 16,
        raw: true,
        ..GenerateOptions::default()
    };
    let answer = generate(&mut model, PROMPT, &options, |_| ControlFlow::Continue(()))?;

    describe(&guard, &model, &answer);
    let summary = guard.finish();
    println!("{PROMPT}{}", answer.text);
    print_phases(Path::new(&path), &summary.uuid, answer.output_tokens)?;
    println!("more: cargo energy summary --db {path}");
    Ok(())
}

fn random_model() -> anyhow::Result<Model> {
    let config = TinyConfig {
        layers: 4,
        width: 256,
        hidden: 768,
        ..TinyConfig::default()
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("random.gguf");
    write_gguf(&path, &config)?;
    Ok(Model::load(&path, &LoadOptions::default())?)
}

/// Adds metadata to the run: analyses divide by the number of tokens.
fn describe(guard: &EnergyGuard, model: &Model, answer: &Generation) {
    let info = model.info();
    guard.update_metadata(|run| {
        run.name = Some("llm example".to_owned());
        run.model = Some(info.name.clone());
        run.engine = Some("candle".to_owned());
        run.precision = Some(info.precision.clone());
        run.prompt = Some(PROMPT.to_owned());
        run.response = Some(answer.text.clone());
        run.input_tokens = i64::try_from(answer.input_tokens).ok();
        run.output_tokens = i64::try_from(answer.output_tokens).ok();
    });
}

fn print_phases(path: &Path, uuid: &str, tokens: usize) -> anyhow::Result<()> {
    let store = Store::open(path)?;
    let mut statement = store.connection().prepare(
        "SELECT phase, v_phases.duration_ns / 1e6, v_phases.energy_j
         FROM v_phases JOIN v_runs USING (run) WHERE uuid = ?1 AND phase <> '(remainder)'",
    )?;
    let mut rows = statement.query([uuid])?;
    println!("\n{:<16} {:>10} {:>10}", "phase", "ms", "J");
    while let Some(row) = rows.next()? {
        let (phase, millis): (String, f64) = (row.get(0)?, row.get(1)?);
        let energy = joules(row.get(2)?);
        println!("{phase:<16} {millis:>10.2} {energy:>10}");
    }
    println!("{tokens} tokens generated");
    Ok(())
}

/// Formats joules; unknown energy is not zero.
fn joules(energy_j: Option<f64>) -> String {
    energy_j.map_or_else(|| "?".to_owned(), |energy_j| format!("{energy_j:.4}"))
}
