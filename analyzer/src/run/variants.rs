//! Options of runs that may have several values. The runs of each value are compared.

use std::path::Path;

use clap::Args;

use super::options::name;
use super::{RunOptions, SpanDepth, WeightConversion};

/// Values of the options that distinguish configurations.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunVariants {
    /// Model: smollm2 (downloaded once), hf:OWNER/REPO[/FILE], a GGUF file, or a folder with
    /// safetensors (repeatable: models are compared)
    #[arg(long = "model", value_name = "MODEL", default_values_t = Self::default().models)]
    pub models: Vec<String>,
    /// Number format to convert weights to when the model is loaded (several, separated by
    /// commas, are compared)
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',',
          default_values_t = Self::default().requantize)]
    pub requantize: Vec<WeightConversion>,
    /// Granularity of spans (several, separated by commas, are compared)
    #[arg(long = "depth", value_name = "DEPTH", value_enum, value_delimiter = ',',
          default_values_t = Self::default().depths)]
    pub depths: Vec<SpanDepth>,
    /// Maximum number of generated tokens (several, separated by commas, are compared)
    #[arg(long, value_name = "N", value_delimiter = ',',
          default_values_t = Self::default().max_tokens)]
    pub max_tokens: Vec<usize>,
}

impl Default for RunVariants {
    fn default() -> Self {
        let RunOptions {
            model,
            requantize,
            depth,
            max_tokens,
            ..
        } = RunOptions::default();
        Self {
            models: vec![model],
            requantize: vec![requantize],
            depths: vec![depth],
            max_tokens: vec![max_tokens],
        }
    }
}

impl RunVariants {
    /// Returns `options` with every combination of values.
    pub fn all(&self, options: &RunOptions) -> Vec<RunOptions> {
        let all = vec![options.clone()];
        let all = vary(&all, &self.models, |options, model| options.model = model);
        let all = vary(&all, &self.requantize, |options, format| {
            options.requantize = format
        });
        let all = vary(&all, &self.depths, |options, depth| options.depth = depth);
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
            (self.models.len() > 1).then(|| model.unwrap_or_default().into_owned()),
            (self.requantize.len() > 1).then(|| name(&options.requantize)),
            (self.depths.len() > 1).then(|| name(&options.depth)),
            (self.max_tokens.len() > 1).then(|| options.max_tokens.to_string()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(" ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_a_configuration_with_a_unique_label() {
        let variants = RunVariants {
            requantize: vec![WeightConversion::None, WeightConversion::Q8_0],
            max_tokens: vec![8, 16],
            ..RunVariants::default()
        };
        let all = variants.all(&RunOptions::default());
        let labels: Vec<String> = all.iter().map(|options| variants.label(options)).collect();
        assert_eq!(labels, ["none 8", "none 16", "q8_0 8", "q8_0 16"]);
        let one = RunVariants::default();
        let all = one.all(&RunOptions::default());
        assert_eq!(all, [RunOptions::default()]);
        assert_eq!(one.label(&all[0]), "");
    }
}
