//! Overhead of spans in a real model: decode speed under the recorder compared with the
//! bare model, at every depth, in one run.
//!
//! ```text
//! cargo bench -p energy-tests --bench decode_overhead -- MODEL.gguf [rounds] [tokens]
//! ```
//!
//! Each round decodes the same tokens bare and recorded (SQLite, power modelled
//! every 100 ms) alternately, at every depth. It prints the median over rounds of their
//! ratio and its interquartile range, and the share of the decomposed kernels in the cost
//! of depth `deep`. Set `CANDLE_NUM_THREADS` and `RAYON_NUM_THREADS` below the number of
//! processors to see the cost on the traced threads alone; otherwise the recorder's
//! threads compete with the model.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use energy_models::{Depth, LoadOptions, Model, Requantize};
use energy_power::SourceChoice;
use tracing_energy::EnergyLayer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Returns the token of a step; all rounds are fed the same.
const PROMPT: [u32; 5] = [504, 3575, 282, 4649, 314];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(path) = arguments.next() else {
        eprintln!("SKIPPED: give the path of a GGUF model to decode with");
        return Ok(());
    };
    let rounds = arguments.next().map_or(Ok(11), |text| text.parse())?;
    let tokens = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let options = LoadOptions {
        requantize: Requantize::Q8_0,
        ..Default::default()
    };
    let mut model = Model::load(Path::new(&path), &options)?;
    decode(&mut model, tokens)?;
    eprintln!("{rounds} rounds of {tokens} tokens, Q8_0");
    eprintln!(
        "{:<8} {:>9} {:>12} {:>9} {:>8} {:>18}",
        "depth", "bare t/s", "recorded t/s", "spans/s", "slower", "middle half"
    );
    let mut measured = vec![Vec::new(); Depth::ALL.len()];
    for _ in 0..rounds {
        for (depth, rounds) in Depth::ALL.into_iter().zip(&mut measured) {
            model.set_depth(depth);
            rounds.push(pair(&mut model, depth, tokens)?);
        }
    }
    for (depth, rounds) in Depth::ALL.into_iter().zip(&measured) {
        show(depth, rounds);
    }
    let [.., module, deep] = measured.as_slice() else {
        return Ok(());
    };
    let pairs = module.iter().zip(deep);
    let decomposed = pairs.map(|(module, deep)| (module.bare / deep.bare - 1.0) * 100.0);
    let recorded = deep
        .iter()
        .map(|round| (round.bare / round.recorded - 1.0) * 100.0);
    eprintln!(
        "deep: decomposed kernels {:.1} %, their recording {:.1} %",
        middle(decomposed),
        middle(recorded)
    );
    Ok(())
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One round: speeds in tokens/s and the spans of the recorded one per second.
#[derive(Debug, Clone, Copy)]
struct Round {
    bare: f64,
    recorded: f64,
    spans_per_s: f64,
}

fn pair(model: &mut Model, depth: Depth, tokens: usize) -> Outcome<Round> {
    let bare = decode(model, tokens)?;
    let folder = tempfile::tempdir()?;
    let (layer, guard) = EnergyLayer::builder()
        .database(folder.path().join("energy.db"))
        .source(SourceChoice::Modelled)
        .build()?;
    let filter = LevelFilter::from_level(depth.level());
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    let begin = Instant::now();
    let recorded = tracing::subscriber::with_default(subscriber, || decode(model, tokens))?;
    let seconds = begin.elapsed().as_secs_f64();
    let summary = guard.finish();
    assert_eq!(summary.lost, 0, "spans were lost");
    Ok(Round {
        bare,
        recorded,
        spans_per_s: summary.activations as f64 / seconds,
    })
}

/// Tokens per second of single-token passes behind the prompt.
fn decode(model: &mut Model, tokens: usize) -> Outcome<f64> {
    model.reset();
    model.forward(&PROMPT)?;
    let begin = Instant::now();
    for token in 0..tokens {
        black_box(model.forward(&[1000 + token as u32])?);
    }
    Ok(tokens as f64 / begin.elapsed().as_secs_f64())
}

fn show(depth: Depth, rounds: &[Round]) {
    let sorted = |value: fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let median = |value| {
        let values = sorted(value);
        values[values.len() / 2]
    };
    let slower = sorted(|round| (round.bare / round.recorded - 1.0) * 100.0);
    let (low, high) = (slower[slower.len() / 4], slower[slower.len() * 3 / 4]);
    eprintln!(
        "{:<8} {:>9.1} {:>12.1} {:>9.0} {:>6.1} % {:>7.1} .. {:.1} %",
        depth.to_string(),
        median(|round| round.bare),
        median(|round| round.recorded),
        median(|round| round.spans_per_s),
        slower[slower.len() / 2],
        low,
        high
    );
}
