//! `energy run`.

#[cfg(feature = "inference")]
mod indicator;
#[cfg(feature = "inference")]
mod repeats;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use tracing_energy::Method;

use crate::run::options::name;
use crate::run::{Depth, Prefill, Requantize, RunOptions, parse_duration, parse_method, parse_tag};

/// Options of `energy run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy run \"Why is the sky blue?\"
  energy run --model hf:Qwen/Qwen2.5-0.5B-Instruct \"Why is the sky blue?\"
  energy run --model ./model.gguf --raw \"Once upon a time\" --max-tokens 64
  energy run --each-line \"$(cat prompts.txt)\" --stats
  energy run --source modelled --depth deep --chrome trace.json --flamegraph run.svg
  energy run --source replay:powermetrics.plist --baseline 0s
  energy run --repeat 5 --requantize none,q8_0 --warmup 1 --cooldown 5s
  energy run --resume run-20261125-093212-417")]
pub struct RunArgs {
    /// Prompt for the model
    #[arg(default_value_t = RunOptions::default().prompt)]
    prompt: String,
    /// `smollm2` (downloaded once), hf:OWNER/REPO[/FILE], or the path of a GGUF file or of a
    /// folder with safetensors; several are compared
    #[arg(long, value_name = "NAME|PATH", default_values_t = [RunOptions::default().model])]
    model: Vec<String>,
    /// Treat each line as a separate prompt, processed one after the other in one run
    #[arg(long)]
    each_line: bool,
    /// Continue the prompt without the chat template
    #[arg(long)]
    raw: bool,
    /// Number format to convert weights to when the model is loaded; several, separated by
    /// commas, are compared
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Requantize::default()])]
    requantize: Vec<Requantize>,
    /// Weights used for the prompt
    #[arg(long, value_enum, default_value_t)]
    prefill: Prefill,
    /// Maximum number of generated tokens; several, separated by commas, are compared
    #[arg(long, value_name = "N", value_delimiter = ',',
          default_values_t = [RunOptions::default().max_tokens])]
    max_tokens: Vec<usize>,
    /// Sampling temperature (0 selects the most likely token)
    #[arg(long, value_name = "T", default_value_t = RunOptions::default().temperature)]
    temperature: f32,
    /// Sample from this many of the most likely tokens
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Sample from the most likely tokens up to this cumulative probability
    #[arg(long, value_name = "P")]
    top_p: Option<f32>,
    /// Seed of sampling
    #[arg(long, default_value_t = RunOptions::default().seed)]
    seed: u64,
    /// Penalty for repeating one of the last 64 tokens, e.g. 1.1 (1 disables it)
    #[arg(long, value_name = "X", default_value_t = RunOptions::default().repeat_penalty)]
    repeat_penalty: f32,
    /// Granularity of spans; several, separated by commas, are compared
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Depth::default()])]
    depth: Vec<Depth>,
    /// Record statistics of activation tensors and attention as metrics of their spans;
    /// values below the threshold count as zero
    #[arg(long, value_name = "THRESHOLD", num_args = 0..=1, require_equals = true,
          default_missing_value = "0.01")]
    stats: Option<f32>,
    /// Power source: auto, powermetrics, rapl, modelled, or replay:FILE
    #[arg(long, default_value_t = RunOptions::default().source)]
    source: String,
    /// Time between power samples, e.g. 100ms, 1s
    #[arg(long, value_parser = parse_duration, default_value = "100ms")]
    interval: Duration,
    /// Duration of the idle baseline before the model is loaded (0s disables it)
    #[arg(long, value_parser = parse_duration, default_value = "2s")]
    baseline: Duration,
    /// Attribution method: proportional or fitted (default: fitted if power is measured)
    #[arg(long, value_parser = parse_method, value_name = "METHOD")]
    method: Option<Method>,
    /// Write a Chrome trace to this file while recording
    #[arg(long, value_name = "FILE")]
    chrome: Option<PathBuf>,
    /// Draw a flamegraph to this file afterwards
    #[arg(long, value_name = "FILE")]
    flamegraph: Option<PathBuf>,
    /// Name of the run
    #[arg(long)]
    name: Option<String>,
    /// Tag of the run, `KEY` or `KEY=VALUE` (repeatable)
    #[arg(long, value_parser = parse_tag, value_name = "KEY=VALUE")]
    tag: Vec<(String, String)>,
    /// Experiment that the run belongs to
    #[arg(long)]
    experiment: Option<String>,
    /// Do not store the prompt, the response and the texts of tokens
    #[arg(long)]
    no_text: bool,
    /// Number of runs of each configuration, each in its own process, in shuffled rounds
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: usize,
    /// Number of unrecorded generations before the first run of each configuration
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup: usize,
    /// Pause between two runs, e.g. 5s
    #[arg(long, value_parser = parse_duration, default_value = "0s")]
    cooldown: Duration,
    /// Name of the group of all repeats (default: run- and the time)
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Seed of the shuffled order of configurations
    #[arg(long, value_name = "N", default_value_t = 0)]
    order_seed: u64,
    /// Resume the interrupted repeats of a group
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["repeat", "warmup", "group"])]
    resume: Option<String>,
    /// Resume even if the model file has changed
    #[arg(long, requires = "resume")]
    force: bool,
    /// Plan that this run is one repeat of
    #[arg(long, hide = true)]
    plan: Option<String>,
}

impl RunArgs {
    /// Returns every combination of the options that were given several values.
    pub fn all_options(&self, db: &Path) -> Vec<RunOptions> {
        let first = self.clone().options(db);
        let mut all = vec![first];
        all = vary(&all, &self.model, |options, model| options.model = model);
        all = vary(&all, &self.requantize, |options, one| {
            options.requantize = one
        });
        all = vary(&all, &self.depth, |options, depth| options.depth = depth);
        vary(&all, &self.max_tokens, |options, tokens| {
            options.max_tokens = tokens
        })
    }

    /// Returns the values that distinguish a configuration from the others.
    pub fn label(&self, options: &RunOptions) -> String {
        let model = Path::new(&options.model)
            .file_name()
            .map(|name| name.to_string_lossy());
        let parts = [
            (self.model.len() > 1).then(|| model.unwrap_or_default().into_owned()),
            (self.requantize.len() > 1).then(|| name(&options.requantize)),
            (self.depth.len() > 1).then(|| name(&options.depth)),
            (self.max_tokens.len() > 1).then(|| options.max_tokens.to_string()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(" ")
    }

    /// Converts to the library's options.
    pub fn options(self, db: &Path) -> RunOptions {
        RunOptions {
            prompt: self.prompt,
            model: first(self.model),
            raw: self.raw,
            each_line: self.each_line,
            requantize: first(self.requantize),
            prefill: self.prefill,
            max_tokens: first(self.max_tokens),
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            seed: self.seed,
            repeat_penalty: self.repeat_penalty,
            depth: first(self.depth),
            stats: self.stats,
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
            warmup: self.warmup,
            plan: self.plan,
        }
    }
}

/// Returns the product of `all` and `values`.
fn vary<T: Clone>(
    all: &[RunOptions],
    values: &[T],
    set: impl Fn(&mut RunOptions, T),
) -> Vec<RunOptions> {
    let with = |options: &RunOptions, value: &T| {
        let mut options = options.clone();
        set(&mut options, value.clone());
        options
    };
    let each = all.iter();
    each.flat_map(|options| values.iter().map(move |value| (options, value)))
        .map(|(options, value)| with(options, value))
        .collect()
}

/// Returns the first value; such options have a default, so there is at least one.
fn first<T: Default>(values: Vec<T>) -> T {
    values.into_iter().next().unwrap_or_default()
}

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: RunArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    anyhow::bail!(
        "this build cannot run models; install one that can: cargo install energy-analyzer --features inference"
    )
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, args: RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(group) = &args.resume {
        return repeats::resume(db, &args, group, out);
    }
    let all = args.all_options(db);
    if args.repeat > 1 || all.len() > 1 || args.group.is_some() {
        return repeats::begin(db, &args, &all, out);
    }
    once(db, &args.options(db), out)
}

#[cfg(feature = "inference")]
fn once(db: &Path, options: &RunOptions, out: &mut dyn Write) -> anyhow::Result<()> {
    use crate::flamegraph::{Graph, GraphOptions, Picture};

    let mut indicator = indicator::RunIndicator::default();
    let recorded = crate::run::record(options, out, &mut |event| indicator.show(event))?;
    drop(indicator);
    // The generated text may not end with a newline.
    writeln!(out)?;
    out.flush()?;
    for warning in &recorded.warnings {
        super::warn(warning);
    }
    writeln!(out)?;
    let selector = super::RunSelector {
        selector: recorded.uuid,
    };
    super::summary::print(db, &selector, out)?;
    let mut written = vec![db];
    written.extend(options.chrome.as_deref());
    if let Some(path) = &options.flamegraph {
        let (recording, run) = super::open(db, &selector)?;
        let mut file = super::file::create(path)?;
        let graph = Graph::read(&recording, &run.into(), &GraphOptions::default())?;
        graph.draw(&Picture::default(), &mut file)?;
        written.push(path);
    }
    let mut err = std::io::stderr();
    written
        .iter()
        .try_for_each(|path| writeln!(err, "wrote {}", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn parsed(words: &[&str]) -> RunArgs {
        match Cli::try_parse_from([&["energy", "run"], words].concat()) {
            Ok(Cli {
                command: Command::Run(args),
                ..
            }) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_round_trip_through_their_words() {
        for words in [
            &[][..],
            &[
                "--raw",
                "--requantize",
                "q8_0",
                "--top-k",
                "5",
                "--top-p",
                "0.5",
                "--depth=deep",
            ],
            &[
                "--temperature=0.7",
                "--seed",
                "9",
                "--interval",
                "20ms",
                "--baseline",
                "0s",
            ],
            &[
                "--source",
                "replay:a b.plist",
                "--method",
                "proportional",
                "--name=-odd name",
            ],
            &[
                "--tag",
                "a=b=c",
                "--tag",
                "d",
                "--experiment",
                "x",
                "--no-text",
                "--model=a,b",
            ],
        ] {
            let options = parsed(words).options(Path::new("x.db"));
            let again = options.words();
            let again: Vec<&str> = again.iter().map(String::as_str).collect();
            assert_eq!(
                parsed(&again).options(Path::new("x.db")),
                options,
                "{words:?}"
            );
        }
    }

    #[test]
    fn every_combination_is_a_configuration_with_a_unique_label() {
        let args = parsed(&[
            "--requantize",
            "none,q8_0",
            "--max-tokens=8,16",
            "--model=m.gguf",
        ]);
        let all = args.all_options(Path::new("x.db"));
        let labels: Vec<String> = all.iter().map(|options| args.label(options)).collect();
        assert_eq!(labels, ["none 8", "none 16", "q8_0 8", "q8_0 16"]);
        let one = parsed(&[]);
        let all = one.all_options(Path::new("x.db"));
        assert_eq!((all.len(), one.label(&all[0]).as_str()), (1, ""));
    }
}
