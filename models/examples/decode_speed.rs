//! Decode speed compared with `candle-transformers`, in one process on the same file.
//!
//! ```text
//! CANDLE_NUM_THREADS=1 cargo run --release -p energy-models --example decode_speed -- \
//!     ~/.cache/tracing-energy/SmolLM2-135M-Instruct.Q4_1.gguf [rounds] [tokens] [prompt]
//! ```
//!
//! Both decode the same tokens with the same kernels and threads, alternating
//! round by round so that a slow moment of the machine affects both. The file's
//! matrices are first written as `Q8_0` to a temporary file, which both load.
//! Prints tokens per second of each (best and median round) and the ratio of ours to
//! theirs; then ours at each depth with a subscriber that records nothing, as a lower
//! bound of the cost of spans; then the speed of our prefill with a prompt of `[prompt]`
//! tokens.
//!
//! Wall time is not meaningful on a busy machine: set `DECODE_SPEED_CLOCK=cpu` and both
//! thread counts to 1, and speeds are per second of CPU time.
//!
//! Candle reads `CANDLE_NUM_THREADS` for quantised products (spinning workers)
//! and `RAYON_NUM_THREADS` for the rest; the first defaults to the second.

#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::quantized::gguf_file::{self, Content};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use energy_models::{Depth, LoadOptions, Model, Prefill, Requantize};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: decode_speed MODEL.gguf [rounds] [tokens] [prompt]")?;
    let rounds = arguments.next().map_or(Ok(7), |text| text.parse())?;
    let tokens = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let length = arguments.next().map_or(Ok(128), |text| text.parse())?;
    let path = requantized(Path::new(&path))?;
    let options = LoadOptions {
        requantize: Requantize::None,
        ..Default::default()
    };
    let mut ours = Model::load(&path, &options)?;
    let mut theirs = reference(&path)?;
    let prompt: Vec<u32> = (0..length).map(|at| 1000 + at).collect();
    eprintln!(
        "{} | {rounds} rounds of {tokens} tokens behind {length}",
        ours.info().precision,
    );
    alternate(&mut ours, &mut theirs, &prompt, rounds, tokens)?;
    depths(&mut ours, &prompt, rounds, tokens)?;
    drop((ours, theirs));
    for prefill in [Prefill::Same, Prefill::F32] {
        read(&path, prefill, &prompt, rounds)?;
    }
    std::fs::remove_file(path)?;
    Ok(())
}

/// Measures the speed of prefill.
fn read(path: &Path, prefill: Prefill, prompt: &[u32], rounds: usize) -> Outcome<()> {
    let options = LoadOptions {
        requantize: Requantize::None,
        prefill,
        ..Default::default()
    };
    let mut model = Model::load(path, &options)?;
    let mut speeds = Vec::new();
    for _ in 0..rounds {
        model.reset();
        let start = Clock::start();
        black_box(model.forward(prompt)?);
        speeds.push(prompt.len() as f64 / start.seconds());
    }
    let additional = model.info().prefill_bytes as f64 / 1e6;
    show(
        &format!("prefill {prefill:?} (+{additional:.0} MB)"),
        best_and_median(speeds),
    );
    Ok(())
}

/// A copy of the file with every matrix as `Q8_0`.
fn requantized(path: &Path) -> Outcome<PathBuf> {
    let mut reader = BufReader::new(File::open(path)?);
    let content = Content::read(&mut reader)?;
    let mut tensors = Vec::new();
    for name in content.tensor_infos.keys() {
        let tensor = content.tensor(&mut reader, name, &Device::Cpu)?;
        let tensor = match tensor.rank() {
            2 => QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?,
            _ => tensor,
        };
        tensors.push((name.as_str(), tensor));
    }
    let target = std::env::temp_dir().join(format!("decode_speed.{}.gguf", std::process::id()));
    let metadata: Vec<_> = content
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (*name, tensor))
        .collect();
    gguf_file::write(
        &mut BufWriter::new(File::create(&target)?),
        &metadata,
        &tensors,
    )?;
    Ok(target)
}

fn reference(path: &Path) -> Outcome<ModelWeights> {
    let mut reader = BufReader::new(File::open(path)?);
    let content = Content::read(&mut reader)?;
    Ok(ModelWeights::from_gguf(content, &mut reader, &Device::Cpu)?)
}

fn alternate(
    ours: &mut Model,
    theirs: &mut ModelWeights,
    prompt: &[u32],
    rounds: usize,
    tokens: usize,
) -> Outcome<()> {
    decode_ours(ours, prompt, tokens)?;
    decode_theirs(theirs, prompt, tokens)?;
    let mut speeds = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        speeds[0].push(decode_ours(ours, prompt, tokens)?);
        speeds[1].push(decode_theirs(theirs, prompt, tokens)?);
    }
    let [mine, reference] = speeds.map(best_and_median);
    show("energy-models, no subscriber", mine);
    show("candle-transformers", reference);
    println!(
        "ratio: best {:.3}, median {:.3}",
        mine.0 / reference.0,
        mine.1 / reference.1
    );
    Ok(())
}

/// A layer that accepts every span and does nothing.
struct Nothing;

impl<S: tracing::Subscriber> Layer<S> for Nothing {}

/// Measures all depths interleaved within each round, the bare model included.
fn depths(model: &mut Model, prompt: &[u32], rounds: usize, tokens: usize) -> Outcome<()> {
    let mut speeds = vec![Vec::new(); 1 + 2 * Depth::ALL.len()];
    for _ in 0..rounds {
        model.set_depth(Depth::Module);
        speeds[0].push(decode_ours(model, prompt, tokens)?);
        for (i, depth) in Depth::ALL.into_iter().enumerate() {
            model.set_depth(depth);
            speeds[1 + 2 * i].push(decode_ours(model, prompt, tokens)?);
            let filter = LevelFilter::from_level(depth.level());
            let subscriber = tracing_subscriber::registry().with(filter).with(Nothing);
            let decode = || decode_ours(model, prompt, tokens);
            speeds[2 + 2 * i].push(tracing::subscriber::with_default(subscriber, decode)?);
        }
    }
    let results: Vec<_> = speeds.into_iter().map(best_and_median).collect();
    for (i, depth) in Depth::ALL.into_iter().enumerate() {
        let (silent, recorded) = (results[1 + 2 * i], results[2 + 2 * i]);
        show(&format!("{depth}, no subscriber"), silent);
        show(&format!("{depth}, registry and empty layer"), recorded);
        println!(
            "  cost of spans: best {:.1} %, median {:.1} %",
            cost(silent.0, recorded.0),
            cost(silent.1, recorded.1)
        );
    }
    Ok(())
}

fn cost(without: f64, with: f64) -> f64 {
    (without / with - 1.0) * 100.0
}

/// Tokens per second of single-token passes behind the prompt.
fn decode_ours(model: &mut Model, prompt: &[u32], tokens: usize) -> Outcome<f64> {
    model.reset();
    model.forward(prompt)?;
    let start = Clock::start();
    for i in 0..tokens {
        black_box(model.forward(&[fed(i)])?);
    }
    Ok(tokens as f64 / start.seconds())
}

fn decode_theirs(model: &mut ModelWeights, prompt: &[u32], tokens: usize) -> Outcome<f64> {
    model.clear_kv_cache();
    model.forward(&Tensor::new(prompt, &Device::Cpu)?.unsqueeze(0)?, 0)?;
    let start = Clock::start();
    for i in 0..tokens {
        let ids = Tensor::new(&[fed(i)], &Device::Cpu)?.unsqueeze(0)?;
        black_box(model.forward(&ids, prompt.len() + i)?);
    }
    Ok(tokens as f64 / start.seconds())
}

/// Wall time, or with `DECODE_SPEED_CLOCK=cpu` the time that this process's
/// threads were on a CPU (Linux).
enum Clock {
    Wall(Instant),
    Cpu(u64),
}

impl Clock {
    fn start() -> Self {
        match std::env::var_os("DECODE_SPEED_CLOCK") {
            Some(clock) if clock == "cpu" => Self::Cpu(on_cpu_ns()),
            _ => Self::Wall(Instant::now()),
        }
    }

    fn seconds(&self) -> f64 {
        match self {
            Self::Wall(start) => start.elapsed().as_secs_f64(),
            Self::Cpu(start) => (on_cpu_ns() - start) as f64 * 1e-9,
        }
    }
}

/// Sum over all threads of this process, in nanoseconds.
fn on_cpu_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let schedstat =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("schedstat")).ok();
    let first = |text: String| text.split(' ').next()?.parse::<u64>().ok();
    tasks.filter_map(schedstat).filter_map(first).sum()
}

/// Returns the token of a step; both models are fed the same.
fn fed(i: usize) -> u32 {
    2000 + i as u32
}

fn best_and_median(mut speeds: Vec<f64>) -> (f64, f64) {
    speeds.sort_by(f64::total_cmp);
    (speeds[speeds.len() - 1], speeds[speeds.len() / 2])
}

fn show(name: &str, (best, median): (f64, f64)) {
    println!("{name:34} best {best:6.1} tok/s, median {median:6.1} tok/s");
}
