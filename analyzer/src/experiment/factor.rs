//! The factors that experiments can vary.
//!
//! A new factor is a field of [`TrialConfig`] and an entry of [`FACTORS`]: the command line, its
//! help, plans, labels and tables follow.

use std::ops::RangeInclusive;
use std::path::Path;

use clap::ValueEnum;

use super::config::TrialConfig;
use super::values;
use crate::run::options::{parse_device, value_name};
use crate::run::{CacheNumbers, LARGEST_BATCH, SpanDepth, WeightConversion};

/// Kind of a factor's values.
#[derive(Debug, Clone)]
pub(super) enum FactorValues {
    /// Whole numbers; lists and ranges are permitted.
    Numbers(RangeInclusive<u64>),
    /// Texts without commas.
    Texts,
    /// Paths or names; a path can contain commas.
    Paths,
    /// A key and its values: each key is a factor of its own.
    Labels,
}

/// A factor: an option of the command line that can have several values.
#[derive(Debug)]
pub(super) struct Factor {
    /// Name of the option.
    pub(super) name: &'static str,
    /// Placeholder of its value.
    pub(super) placeholder: &'static str,
    /// Help without the default.
    pub(super) help: &'static str,
    /// Kind of its values.
    pub(super) values: FactorValues,
    /// Whether `energy run` has the option.
    pub(super) is_of_run: bool,
    /// Arguments that contradict it.
    pub(super) excludes: &'static [&'static str],
    /// Sets one value.
    pub(super) set: fn(&mut TrialConfig, &str) -> Result<(), String>,
    /// Returns the value as text; `None` if there is none.
    pub(super) get: fn(&TrialConfig) -> Option<String>,
}

/// Largest number of tokens of a prompt or an answer.
const MOST_TOKENS: u64 = 10_000_000;
/// Largest number of threads.
const MOST_THREADS: u64 = 4096;

/// All factors, in the order of help and labels.
pub(super) const FACTORS: &[Factor] = &[
    Factor {
        name: "engine",
        placeholder: "ENGINE",
        help: "Program that generates the text: candle, http (a server) or command",
        values: FactorValues::Texts,
        is_of_run: false,
        excludes: &[],
        set: |config, text| {
            text.clone_into(&mut config.engine);
            Ok(())
        },
        get: |config| Some(config.engine.clone()),
    },
    Factor {
        name: "model",
        placeholder: "MODEL",
        help: "Model: smollm2 (downloaded once), hf:OWNER/REPO[/FILE], a GGUF file, or a folder \
               with safetensors",
        values: FactorValues::Paths,
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            text.clone_into(&mut config.model);
            Ok(())
        },
        get: |config| Some(config.model.clone()),
    },
    Factor {
        name: "requantize",
        placeholder: "FORMAT",
        help: "Number format to convert weights to when the model is loaded: auto (formats \
               without fast kernels to q8_0), none, q8_0 or f32",
        values: FactorValues::Texts,
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.requantize = one_of::<WeightConversion>(text)?;
            Ok(())
        },
        get: |config| Some(value_name(&config.requantize)),
    },
    Factor {
        name: "prompt-tokens",
        placeholder: "N",
        help: "Number of prompt tokens, chat template included; the prompt is then made from a \
               built-in text",
        values: FactorValues::Numbers(1..=MOST_TOKENS),
        is_of_run: true,
        excludes: &["prompt", "prompt_file"],
        set: |config, text| {
            config.prompt_tokens = Some(number(text)?);
            Ok(())
        },
        get: |config| config.prompt_tokens.map(|number| number.to_string()),
    },
    Factor {
        name: "max-tokens",
        placeholder: "N",
        help: "Maximum number of generated tokens",
        values: FactorValues::Numbers(0..=MOST_TOKENS),
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.max_tokens = number(text)?;
            Ok(())
        },
        get: |config| Some(config.max_tokens.to_string()),
    },
    Factor {
        name: "batch",
        placeholder: "N",
        help: "Sequences that are decoded together: N lines at a time with --each-line; otherwise N \
               answers to the prompt, with the seeds --seed, --seed + 1, ... (equal at temperature 0)",
        values: FactorValues::Numbers(1..=LARGEST_BATCH),
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.batch = number(text)?;
            Ok(())
        },
        get: |config| Some(config.batch.to_string()),
    },
    Factor {
        name: "depth",
        placeholder: "DEPTH",
        help: "Granularity of spans: phase (the run, its phases and tokens), layer (also sections \
               and layers), module (also norms, projections, attention and MLP of each layer) or \
               deep (single operations, with fused kernels replaced by separate ones)",
        values: FactorValues::Texts,
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.depth = one_of::<SpanDepth>(text)?;
            Ok(())
        },
        get: |config| Some(value_name(&config.depth)),
    },
    Factor {
        name: "threads",
        placeholder: "N",
        help: "Number of compute threads",
        values: FactorValues::Numbers(1..=MOST_THREADS),
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.threads = Some(number(text)?);
            Ok(())
        },
        get: |config| config.threads.map(|number| number.to_string()),
    },
    Factor {
        name: "device",
        placeholder: "DEVICE",
        help: "Device of the tensors: cpu, cuda, cuda:N (its number from 0) or metal",
        values: FactorValues::Texts,
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.device = parse_device(text)?;
            Ok(())
        },
        get: |config| Some(config.device.clone()),
    },
    Factor {
        name: "cache",
        placeholder: "FORMAT",
        help: "Number format of the key-value cache: f32 (exact), f16 or q8_0",
        values: FactorValues::Texts,
        is_of_run: true,
        excludes: &[],
        set: |config, text| {
            config.cache = one_of::<CacheNumbers>(text)?;
            Ok(())
        },
        get: |config| Some(value_name(&config.cache)),
    },
    Factor {
        name: "endpoint",
        placeholder: "URL",
        help: "Address of a server on this machine, for engines that use one",
        values: FactorValues::Texts,
        is_of_run: false,
        excludes: &[],
        set: |config, text| {
            config.endpoint = Some(text.to_owned());
            Ok(())
        },
        get: |config| config.endpoint.clone(),
    },
    Factor {
        name: "label",
        placeholder: "KEY=V1,V2",
        help: "Values with a name of your own, for command lines of engines, e.g. tp=1,2 \
               (repeatable: each key is a factor)",
        values: FactorValues::Labels,
        is_of_run: false,
        excludes: &[],
        set: |config, text| {
            let (key, value) = text.split_once('=').ok_or("use KEY=VALUE")?;
            config.labels.insert(key.to_owned(), value.to_owned());
            Ok(())
        },
        get: |_| None,
    },
];

/// Returns the factor with that name.
pub(super) fn find(name: &str) -> Option<&'static Factor> {
    FACTORS.iter().find(|factor| factor.name == name)
}

impl Factor {
    /// Expands a text of the command line into values, and checks each.
    ///
    /// # Errors
    /// Names the value and the accepted ones.
    pub(super) fn expand(&self, text: &str) -> Result<Vec<String>, String> {
        let values = match &self.values {
            FactorValues::Numbers(allowed) => {
                let numbers = values::numbers(text, allowed)?;
                numbers.iter().map(u64::to_string).collect()
            }
            FactorValues::Paths if Path::new(text).exists() => vec![text.to_owned()],
            FactorValues::Texts | FactorValues::Paths => values::texts(text)?,
            FactorValues::Labels => labels(text)?,
        };
        let mut scratch = TrialConfig::default();
        for value in &values {
            (self.set)(&mut scratch, value)?;
        }
        Ok(values)
    }

    /// Returns the help with the default.
    pub(super) fn full_help(&self) -> String {
        let default = (self.get)(&TrialConfig::default());
        let default = default.unwrap_or_else(|| "none".to_owned());
        format!("{} [default: {default}]", self.help)
    }
}

/// Returns `KEY=VALUE` for each value of a label.
fn labels(text: &str) -> Result<Vec<String>, String> {
    let (key, list) = text
        .split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .ok_or_else(|| format!("`{text}` is no label; write KEY=V1,V2, e.g. tp=1,2"))?;
    let values = values::texts(list)?;
    Ok(values
        .iter()
        .map(|value| format!("{}={value}", key.trim()))
        .collect())
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// Parses a value of an enumeration.
fn one_of<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let names: Vec<String> = T::value_variants().iter().map(value_name).collect();
        format!("`{text}` is unknown; use {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_was_set() {
        let examples = [
            ("engine", "http"),
            ("model", "a.gguf"),
            ("requantize", "q8_0"),
            ("prompt-tokens", "64"),
            ("max-tokens", "8"),
            ("batch", "4"),
            ("depth", "layer"),
            ("threads", "2"),
            ("device", "cuda:1"),
            ("cache", "f16"),
            ("endpoint", "http://127.0.0.1:8080"),
        ];
        for (name, value) in examples {
            let factor = find(name).unwrap();
            let mut config = TrialConfig::default();
            (factor.set)(&mut config, value).unwrap();
            assert_eq!((factor.get)(&config).as_deref(), Some(value), "{name}");
            assert_eq!(factor.expand(value), Ok(vec![value.to_owned()]), "{name}");
        }
        assert_eq!(examples.len() + 1, FACTORS.len(), "labels are tested below");
        let labels = find("label").unwrap();
        let values = labels.expand("tp=1,2").unwrap();
        assert_eq!(values, ["tp=1", "tp=2"]);
    }

    #[test]
    fn faults_name_the_accepted_values() {
        for (name, value, accepted) in [
            ("requantize", "q5", "use auto, none, q8_0, f32"),
            ("depth", "all", "use phase, layer, module, deep"),
            ("batch", "0", "use numbers from 1 to 256"),
            ("batch", "many", "write lists such as 1,2,4"),
            ("device", "tpu", "use cpu, cuda, cuda:N"),
            ("cache", "int4", "use f32, f16, q8_0"),
            ("label", "tp", "write KEY=V1,V2"),
            ("label", "=1", "write KEY=V1,V2"),
            ("model", "a,,b", "empty value"),
        ] {
            let error = find(name).unwrap().expand(value).unwrap_err();
            assert!(error.contains(accepted), "{name} {value}: {error}");
        }
    }
}
