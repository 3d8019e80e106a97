//! Options of a run. Defaults are the command line's.

use std::path::PathBuf;
use std::time::Duration;

use tracing_energy::Method;

/// Granularity of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, clap::ValueEnum)]
pub enum Depth {
    /// The run, its phases and tokens
    Phase,
    /// Also sections and layers
    Layer,
    /// Also norms, projections, attention and MLP of each layer
    #[default]
    Module,
    /// Single operations, with fused kernels replaced by separate ones
    Deep,
}

/// Conversion of weights when they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Requantize {
    /// Convert formats without fast kernels to q8_0
    #[default]
    Auto,
    /// Keep the format of the file
    None,
    /// Convert all to q8_0
    #[value(name = "q8_0")]
    Q8_0,
    /// Convert all to f32
    F32,
}

/// Weights used for passes over several positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Prefill {
    /// Those of decode
    #[default]
    Same,
    /// Additional f32 weights: faster and more accurate, but more memory
    F32,
}

/// Options of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOptions {
    /// Prompt for the model.
    pub prompt: String,
    /// Whether each line of it is a separate prompt.
    pub each_line: bool,
    /// `smollm2` or the path of a GGUF file.
    pub model: String,
    /// Whether to skip the chat template.
    pub raw: bool,
    /// Conversion of weights.
    pub requantize: Requantize,
    /// Weights for the prompt.
    pub prefill: Prefill,
    /// Maximum number of generated tokens.
    pub max_tokens: usize,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f32,
    /// Number of most likely tokens to sample from.
    pub top_k: Option<usize>,
    /// Cumulative probability of the most likely tokens to sample from.
    pub top_p: Option<f32>,
    /// Seed of sampling.
    pub seed: u64,
    /// Penalty for repeated tokens; 1 disables it.
    pub repeat_penalty: f32,
    /// Depth of the spans.
    pub depth: Depth,
    /// Threshold of statistics of activation tensors and attention, if recorded.
    pub stats: Option<f32>,
    /// `auto`, `powermetrics`, `rapl`, `modelled` or `replay:FILE`.
    pub source: String,
    /// Requested time between power samples.
    pub interval: Duration,
    /// Duration of the idle baseline.
    pub baseline: Duration,
    /// Attribution method; `None` is `fitted` if power is measured, else `proportional`.
    pub method: Option<Method>,
    /// The database.
    pub database: PathBuf,
    /// Chrome trace to write.
    pub chrome: Option<PathBuf>,
    /// Flamegraph to draw afterwards.
    pub flamegraph: Option<PathBuf>,
    /// Name of the run.
    pub name: Option<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Experiment that the run belongs to.
    pub experiment: Option<String>,
    /// Whether to store prompt, response and the texts of tokens.
    pub keep_text: bool,
    /// Number of unrecorded generations before the run.
    pub warmup: usize,
    /// Plan that the run is one repeat of, as JSON.
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
    /// Returns the prompts in order.
    pub fn prompts(&self) -> Vec<&str> {
        let lines = || self.prompt.lines().filter(|line| !line.trim().is_empty());
        match self.each_line {
            true => lines().collect(),
            false => vec![&self.prompt],
        }
    }

    /// Returns the equivalent options of `energy run`, without the prompt, the database, the
    /// warm-up and the plan.
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

/// Words of a command line. Values are written as `--option=value`, so that they may start
/// with a dash.
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

/// Returns the name of a value on the command line.
pub(crate) fn name(value: &impl clap::ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Parses the name of a method that needs no input other than the run.
///
/// # Errors
/// Describes the accepted values, or the alternative.
pub fn parse_method(text: &str) -> Result<Method, String> {
    match text.parse()? {
        Method::Calibrated => {
            Err("record first, then use `energy attribute --method calibrated`".to_owned())
        }
        method => Ok(method),
    }
}

/// Parses `100ms`, `2s`, `1.5s`, `1m`, `250us`.
///
/// # Errors
/// If the unit is missing or unknown, or the number is invalid.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = || format!("`{text}` is not a duration; write 100ms, 2s or 1m");
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

/// Parses `KEY=VALUE`, or `KEY` with an empty value.
///
/// # Errors
/// If there is no key.
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
