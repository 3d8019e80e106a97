//! Measures the energy of each layer of a model of `candle-transformers`, whose code is
//! unchanged.
//!
//! ```text
//! cargo run --release --example candle_transformers -- [MODEL.gguf] [candle.db]
//! ```
//!
//! The model is a GGUF file of the architecture `llama`. Without one, the example creates a
//! small file with random weights, which generates nonsense but runs the same code.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::generation::LogitsProcessor;
use candle_transformers::models::quantized_llama::ModelWeights;
use energy_models::tiny::{TinyConfig, write_gguf};
use energy_models::{Checkpoint, Tokenizer};
use tracing::info_span;
use tracing_energy::candle::{CandleLayers, ROLES};
use tracing_energy::{EnergyLayer, Store};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

const PROMPT: &str = "The capital of France is";
const TOKENS: usize = 16;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let model = match arguments.next() {
        Some(path) => PathBuf::from(path),
        None => random_model(folder.path())?,
    };
    let database = arguments.next().unwrap_or_else(|| "candle.db".to_owned());

    let (layer, guard) = EnergyLayer::builder()
        .database(&database)
        .roles(ROLES)
        .interval(Duration::from_millis(20))
        .baseline(Duration::from_secs(1))
        .build()?;
    // `CandleLayers` comes first. The level TRACE has the models' spans; DEBUG has layers only.
    tracing_subscriber::registry()
        .with(CandleLayers::new())
        .with(layer.with_filter(LevelFilter::TRACE))
        .init();

    // The model creates its spans here, so the subscriber must be there already.
    let mut weights = info_span!("model_loading").in_scope(|| load(&model))?;
    let checkpoint = Checkpoint::open(&model)?;
    let tokenizer = checkpoint.tokenizer();
    let (input, output) = generate(&mut weights, tokenizer)?;

    let text = tokenizer.decode(&output);
    guard.update_metadata(|run| {
        run.name = Some("candle_transformers example".to_owned());
        run.engine = Some("candle-transformers".to_owned());
        run.prompt = Some(PROMPT.to_owned());
        run.response = Some(text.clone());
        run.input_tokens = i64::try_from(input).ok();
        run.output_tokens = i64::try_from(output.len()).ok();
    });
    let summary = guard.finish();
    println!("{PROMPT}{text}");
    print_layers(Path::new(&database), &summary.uuid)?;
    println!("more: cargo energy layers --db {database}, cargo energy ops --db {database}");
    Ok(())
}

fn random_model(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("random.gguf");
    let config = TinyConfig {
        layers: 4,
        width: 256,
        hidden: 768,
        ..TinyConfig::default()
    };
    write_gguf(&path, &config)?;
    Ok(path)
}

fn load(path: &Path) -> anyhow::Result<ModelWeights> {
    let mut file = File::open(path)?;
    let content = Content::read(&mut file)?;
    Ok(ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?)
}

/// Generates tokens in the phases that analyses know; returns the number of tokens of the
/// prompt, and those of the answer.
fn generate(
    weights: &mut ModelWeights,
    tokenizer: &Tokenizer,
) -> anyhow::Result<(usize, Vec<u32>)> {
    let _inference = info_span!("inference").entered();
    let prompt = info_span!("pre_inference").in_scope(|| tokenizer.encode(PROMPT))?;
    let mut sampler = LogitsProcessor::new(0, None, None);
    let mut step = |tokens: &[u32], position: usize| -> anyhow::Result<u32> {
        let ids = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        let logits = weights.forward(&ids, position)?.squeeze(0)?;
        Ok(info_span!("sampling").in_scope(|| sampler.sample(&logits))?)
    };
    let mut output = vec![info_span!("prefill").in_scope(|| step(&prompt, 0))?];
    let _decode = info_span!("decode").entered();
    for token in 1..TOKENS {
        let _token = info_span!("token", token).entered();
        let last = output[token - 1];
        if tokenizer.is_stop(last) {
            break;
        }
        output.push(step(&[last], prompt.len() + token - 1)?);
    }
    Ok((prompt.len(), output))
}

fn print_layers(path: &Path, uuid: &str) -> anyhow::Result<()> {
    let store = Store::open(path)?;
    let mut statement = store.connection().prepare(
        "SELECT l.layer, l.activations, l.subtree_ns / 1e6, l.energy_j
         FROM v_layers l JOIN runs r ON r.no = l.run WHERE r.uuid = ?1",
    )?;
    let mut rows = statement.query([uuid])?;
    println!("\n{:<16} {:>8} {:>10} {:>10}", "layer", "passes", "ms", "J");
    while let Some(row) = rows.next()? {
        let (layer, millis): (String, f64) = (row.get(0)?, row.get(2)?);
        let passes: Option<i64> = row.get(1)?;
        let passes = passes.map_or_else(String::new, |passes| passes.to_string());
        let energy: Option<f64> = row.get(3)?;
        let energy = energy.map_or_else(|| "?".to_owned(), |joules| format!("{joules:.4}"));
        println!("{layer:<16} {passes:>8} {millis:>10.2} {energy:>10}");
    }
    Ok(())
}
