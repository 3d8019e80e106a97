//! `energy run`.

#[cfg(feature = "inference")]
mod repeats;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use tracing_energy::Method;

use crate::run::options::name;
use crate::run::{Depth, Prefill, Requantize, RunOptions, parse_duration, parse_method, parse_tag};

/// What to run and how to record it.
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
    /// What to ask the model
    #[arg(default_value_t = RunOptions::default().prompt)]
    prompt: String,
    /// `smollm2`, fetched once, hf:OWNER/REPO[/FILE], or the path of a GGUF file or of a
    /// folder with safetensors; several are compared
    #[arg(long, value_name = "NAME|PATH", default_values_t = [RunOptions::default().model])]
    model: Vec<String>,
    /// Each line of the prompt is a prompt of its own, asked one after the other in one run
    #[arg(long)]
    each_line: bool,
    /// Continue the prompt as it is, without the chat template
    #[arg(long)]
    raw: bool,
    /// Convert weights when the model is loaded; several, with commas, are compared
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Requantize::default()])]
    requantize: Vec<Requantize>,
    /// Weights that the prompt is read with
    #[arg(long, value_enum, default_value_t)]
    prefill: Prefill,
    /// Tokens to sample at most; several, with commas, are compared
    #[arg(long, value_name = "N", value_delimiter = ',',
          default_values_t = [RunOptions::default().max_tokens])]
    max_tokens: Vec<usize>,
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
    /// Makes tokens of the last 64 less likely: 1.1; 1 does not
    #[arg(long, value_name = "X", default_value_t = RunOptions::default().repeat_penalty)]
    repeat_penalty: f32,
    /// How finely the work is divided into spans; several, with commas, are compared
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Depth::default()])]
    depth: Vec<Depth>,
    /// Statistics of activations and attention, as metrics of their spans; smaller than
    /// the threshold counts as nothing
    #[arg(long, value_name = "THRESHOLD", num_args = 0..=1, require_equals = true,
          default_missing_value = "0.01")]
    stats: Option<f32>,
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
    /// Runs of each configuration, each a process of its own, in shuffled rounds
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: usize,
    /// Generations without recording before the first run of each configuration
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup: usize,
    /// Rest between two runs: 5s
    #[arg(long, value_parser = parse_duration, default_value = "0s")]
    cooldown: Duration,
    /// Name of the group of all repeats, in place of one made of the time
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Seed of the order of configurations
    #[arg(long, value_name = "N", default_value_t = 0)]
    order_seed: u64,
    /// Go on with the repeats of a group that were interrupted
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["repeat", "warmup", "group"])]
    resume: Option<String>,
    /// Go on though the model's file has changed
    #[arg(long, requires = "resume")]
    force: bool,
    /// The plan of which this is one repeat
    #[arg(long, hide = true)]
    plan: Option<String>,
}

impl RunArgs {
    /// Every combination of what was given several times.
    pub fn all_options(&self, db: &Path) -> Vec<RunOptions> {
        let first = self.clone().options(db);
        let mut all = vec![first];
        all = vary(&all, &self.model, |options, model| options.model = model);
        all = vary(&all, &self.requantize, |options, one| {
            options.requantize = one
        });
        all = vary(&all, &self.depth, |options, depth| options.depth = depth);
        vary(&all, &self.max_tokens, |options, most| {
            options.max_tokens = most
        })
    }

    /// What tells one of several configurations from the others.
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

    /// As options of the library.
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

/// Each of `all` with each of `values`.
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

/// Options that may be given several times have a default, so that there is one.
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
    use crate::flamegraph::{Graph, Picture, What};

    let recorded = crate::run::record(options, out)?;
    // The text ends where it ends; a warning is not to stand in its last line.
    writeln!(out)?;
    out.flush()?;
    for warning in &recorded.warnings {
        super::warn(warning);
    }
    writeln!(out)?;
    let which = super::WhichRun {
        which: recorded.uuid,
    };
    super::summary::print(db, &which, out)?;
    let mut written = vec![db];
    written.extend(options.chrome.as_deref());
    if let Some(path) = &options.flamegraph {
        let (recording, run) = super::open(db, &which)?;
        let mut file = super::file::create(path)?;
        let graph = Graph::read(&recording, &run.into(), &What::default())?;
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
    fn options_and_their_words_mean_the_same() {
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
    fn every_combination_is_a_configuration_with_a_label_of_its_own() {
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
