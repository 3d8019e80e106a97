//! Options of a run. Their defaults are the command line's.

use std::path::PathBuf;
use std::time::Duration;

use tracing_energy::Method;

/// How finely the work is divided into spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, clap::ValueEnum)]
pub enum Depth {
    /// The run, its phases and tokens.
    Phase,
    /// Sections and layers, too.
    Layer,
    /// Norms, projections, attention and MLP of each layer, too.
    #[default]
    Module,
    /// Single operations, with fused kernels taken apart.
    Deep,
}

/// What becomes of weights when they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Requantize {
    /// Formats without fast kernels become q8_0.
    #[default]
    Auto,
    /// They stay as they are in the file.
    None,
    /// All become q8_0.
    #[value(name = "q8_0")]
    Q8_0,
    /// All become f32.
    F32,
}

/// Weights of passes of several positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Prefill {
    /// Those of decode.
    #[default]
    Same,
    /// In f32, beside them: faster and more exact, for more memory.
    F32,
}

/// What to run and how to record it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOptions {
    /// What to ask the model.
    pub prompt: String,
    /// Whether each line of it is a prompt of its own.
    pub each_line: bool,
    /// `smollm2` or the path of a GGUF file.
    pub model: String,
    /// Without the chat template.
    pub raw: bool,
    /// Conversion of weights.
    pub requantize: Requantize,
    /// Weights of prefill.
    pub prefill: Prefill,
    /// Tokens to sample at most.
    pub max_tokens: usize,
    /// Randomness of sampling; 0 is greedy.
    pub temperature: f32,
    /// Sample among this many of the likeliest tokens.
    pub top_k: Option<usize>,
    /// Sample among the likeliest tokens up to this probability.
    pub top_p: Option<f32>,
    /// Seed of sampling.
    pub seed: u64,
    /// Divides what speaks for tokens that were there before; 1 is none.
    pub repeat_penalty: f32,
    /// Depth of the spans.
    pub depth: Depth,
    /// Threshold of statistics of activations and attention, if they are taken.
    pub stats: Option<f32>,
    /// `auto`, `powermetrics`, `rapl`, `modelled` or `replay:FILE`.
    pub source: String,
    /// Wished-for time between power samples.
    pub interval: Duration,
    /// Time for which idle power is measured first.
    pub baseline: Duration,
    /// Method of attribution; none is `fitted` where power was measured, else
    /// `proportional`.
    pub method: Option<Method>,
    /// The recording.
    pub database: PathBuf,
    /// A Chrome trace beside it.
    pub chrome: Option<PathBuf>,
    /// A flamegraph to draw afterwards.
    pub flamegraph: Option<PathBuf>,
    /// Name of the run.
    pub name: Option<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// The experiment that it belongs to.
    pub experiment: Option<String>,
    /// Whether prompt, response and the texts of tokens are recorded.
    pub keep_text: bool,
    /// Generations without recording before the run.
    pub warmup: usize,
    /// The plan of which the run is one repeat, as JSON.
    pub plan: Option<String>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            prompt: "Explain in a few sentences why the sky is blue.".to_owned(),
            each_line: false,
            model: "smollm2".to_owned(),
            raw: false,
            requantize: Requantize::default(),
            prefill: Prefill::default(),
            max_tokens: 128,
            temperature: 0.0,
            top_k: None,
            top_p: None,
            seed: 0,
            repeat_penalty: 1.0,
            depth: Depth::default(),
            stats: None,
            source: "auto".to_owned(),
            interval: Duration::from_millis(100),
            baseline: Duration::from_secs(2),
            method: None,
            database: crate::DATABASE.into(),
            chrome: None,
            flamegraph: None,
            name: None,
            tags: Vec::new(),
            experiment: None,
            keep_text: true,
            warmup: 0,
            plan: None,
        }
    }
}

impl RunOptions {
    /// What is asked, one after the other.
    pub fn prompts(&self) -> Vec<&str> {
        let lines = || self.prompt.lines().filter(|line| !line.trim().is_empty());
        match self.each_line {
            true => lines().collect(),
            false => vec![&self.prompt],
        }
    }

    /// The options of `energy run` that mean the same; without the prompt, which stands
    /// by itself, the recording, the warm-up and the plan.
    pub fn words(&self) -> Vec<String> {
        let mut words = Words::default();
        words.value("--model", &self.model);
        words.flag("--each-line", self.each_line);
        words.flag("--raw", self.raw);
        words.value("--requantize", name(&self.requantize));
        words.value("--prefill", name(&self.prefill));
        words.value("--max-tokens", self.max_tokens);
        words.value("--temperature", self.temperature);
        words.option("--top-k", self.top_k.as_ref());
        words.option("--top-p", self.top_p.as_ref());
        words.value("--seed", self.seed);
        words.value("--repeat-penalty", self.repeat_penalty);
        words.value("--depth", name(&self.depth));
        words.option("--stats", self.stats.as_ref());
        words.value("--source", &self.source);
        words.value("--interval", micros(self.interval));
        words.value("--baseline", micros(self.baseline));
        words.option("--method", self.method.as_ref());
        words.option("--name", self.name.as_ref());
        for (key, value) in &self.tags {
            words.value("--tag", format!("{key}={value}"));
        }
        words.option("--experiment", self.experiment.as_ref());
        words.flag("--no-text", !self.keep_text);
        words.0
    }
}

/// Words of a command line: a value stands with its option, so that it may begin with
/// a dash.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn value(&mut self, option: &str, value: impl std::fmt::Display) {
        self.0.push(format!("{option}={value}"));
    }

    fn option<T: std::fmt::Display>(&mut self, option: &str, value: Option<T>) {
        if let Some(value) = value {
            self.value(option, value);
        }
    }

    fn flag(&mut self, option: &str, is_set: bool) {
        if is_set {
            self.0.push(option.to_owned());
        }
    }
}

fn micros(time: Duration) -> String {
    format!("{}us", time.as_micros())
}

/// The name of a value on the command line.
pub(crate) fn name(value: &impl clap::ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Reads the name of a method that needs nothing but the run.
///
/// # Errors
/// Says what is accepted, or what to do instead.
pub fn parse_method(text: &str) -> Result<Method, String> {
    match text.parse()? {
        Method::Calibrated => {
            Err("record first, then use `energy attribute --method calibrated`".to_owned())
        }
        method => Ok(method),
    }
}

/// Reads `100ms`, `2s`, `1.5s`, `1m`, `250us`.
///
/// # Errors
/// When the unit is missing or unknown, or the number is none.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = || format!("`{text}` is no time; write it like 100ms, 2s or 1m");
    let at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(advice)?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(advice()),
    };
    let number: f64 = number.trim().parse().map_err(|_| advice())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| advice())
}

/// Reads `KEY=VALUE`, or `KEY` with an empty value.
///
/// # Errors
/// When there is no key.
pub fn parse_tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err(format!("`{text}` has no key; write KEY=VALUE"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "5", "ms", "-1s", "1h2", "1e999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tags_are_keys_with_or_without_value() {
        assert_eq!(parse_tag("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_tag("a"), Ok(("a".into(), String::new())));
        assert!(parse_tag("=b").is_err());
    }
}
