//! `energy run`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use tracing_energy::Method;

use crate::run::{Depth, Requantize, RunOptions, parse_duration, parse_method, parse_tag};

/// What to run and how to record it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy run \"Why is the sky blue?\"
  energy run --model ./model.gguf --raw \"Once upon a time\" --max-tokens 64
  energy run --source modelled --depth deep --chrome trace.json --flamegraph run.svg
  energy run --source replay:powermetrics.plist --baseline 0s")]
pub struct RunArgs {
    /// What to ask the model
    #[arg(default_value_t = RunOptions::default().prompt)]
    prompt: String,
    /// `smollm2`, fetched once, or the path of a GGUF file
    #[arg(long, value_name = "NAME|PATH", default_value_t = RunOptions::default().model)]
    model: String,
    /// Continue the prompt as it is, without the chat template
    #[arg(long)]
    raw: bool,
    /// Convert weights when the model is loaded
    #[arg(long, value_enum, default_value_t)]
    requantize: Requantize,
    /// Tokens to sample at most
    #[arg(long, value_name = "N", default_value_t = RunOptions::default().max_tokens)]
    max_tokens: usize,
    /// Randomness of sampling; 0 takes the likeliest token
    #[arg(long, value_name = "T", default_value_t = RunOptions::default().temperature)]
    temperature: f32,
    /// Sample among this many of the likeliest tokens
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Sample among the likeliest tokens up to this probability
    #[arg(long, value_name = "P")]
    top_p: Option<f32>,
    /// The same seed gives the same text
    #[arg(long, default_value_t = RunOptions::default().seed)]
    seed: u64,
    /// How finely the work is divided into spans
    #[arg(long, value_enum, default_value_t)]
    depth: Depth,
    /// auto, powermetrics, rapl, modelled, or replay:FILE
    #[arg(long, default_value_t = RunOptions::default().source)]
    source: String,
    /// Time between power samples: 100ms, 1s
    #[arg(long, value_parser = parse_duration, default_value = "100ms")]
    interval: Duration,
    /// Idle power is measured so long before the model is loaded; 0s skips it
    #[arg(long, value_parser = parse_duration, default_value = "2s")]
    baseline: Duration,
    /// How to divide energy: proportional, or fitted; else fitted where power is measured
    #[arg(long, value_parser = parse_method, value_name = "METHOD")]
    method: Option<Method>,
    /// Write a Chrome trace while recording
    #[arg(long, value_name = "FILE")]
    chrome: Option<PathBuf>,
    /// Draw a flamegraph afterwards
    #[arg(long, value_name = "FILE")]
    flamegraph: Option<PathBuf>,
    /// Name of the run
    #[arg(long)]
    name: Option<String>,
    /// A tag, `KEY` or `KEY=VALUE`; may be given several times
    #[arg(long, value_parser = parse_tag, value_name = "KEY=VALUE")]
    tag: Vec<(String, String)>,
    /// The experiment that the run belongs to
    #[arg(long)]
    experiment: Option<String>,
    /// Keep prompt, response and the texts of tokens out of everything that is written
    #[arg(long)]
    no_text: bool,
}

impl RunArgs {
    /// As options of the library.
    pub fn options(self, db: &Path) -> RunOptions {
        RunOptions {
            prompt: self.prompt,
            model: self.model,
            raw: self.raw,
            requantize: self.requantize,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            seed: self.seed,
            depth: self.depth,
            source: self.source,
            interval: self.interval,
            baseline: self.baseline,
            method: self.method,
            database: db.to_owned(),
            chrome: self.chrome,
            flamegraph: self.flamegraph,
            name: self.name,
            tags: self.tag,
            experiment: self.experiment,
            keep_text: !self.no_text,
        }
    }
}

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: RunArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    anyhow::bail!(
        "this build cannot run models; install one that can: cargo install energy-analyzer --features inference"
    )
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, args: RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    use crate::flamegraph::{Graph, Picture, What};

    let options = args.options(db);
    let recorded = crate::run::record(&options, out)?;
    for warning in &recorded.warnings {
        super::warn(warning);
    }
    writeln!(out, "\n")?;
    let which = super::WhichRun {
        which: recorded.uuid,
    };
    super::summary::print(db, &which, out)?;
    let mut written = vec![db];
    written.extend(options.chrome.as_deref());
    if let Some(path) = &options.flamegraph {
        let (recording, run) = super::open(db, &which)?;
        let mut file = std::fs::File::create(path)?;
        Graph::read(&recording, &[run], &What::default())?.draw(&Picture::default(), &mut file)?;
        written.push(path);
    }
    let mut err = std::io::stderr();
    written
        .iter()
        .try_for_each(|path| writeln!(err, "wrote {}", path.display()))?;
    Ok(())
}
