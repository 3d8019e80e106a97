//! Options of the evaluation.

use clap::Args;

use crate::run::{CacheNumbers, RunOptions, WeightConversion};

/// What to evaluate.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct QualityOptions {
    /// Model: smollm2 (downloaded once), hf:OWNER/REPO[/FILE], a GGUF file, or a folder with
    /// safetensors
    #[arg(long, value_name = "MODEL", default_value_t = Self::default().model)]
    pub model: String,
    /// Number formats to convert weights to, separated by commas: auto, none, q8_0 or f32
    #[arg(long, value_name = "FORMATS", value_enum, value_delimiter = ',',
          default_values_t = Self::default().requantize)]
    pub requantize: Vec<WeightConversion>,
    /// Number format of the key-value cache
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub cache: CacheNumbers,
}

impl Default for QualityOptions {
    fn default() -> Self {
        Self {
            model: RunOptions::default().model,
            requantize: vec![WeightConversion::Auto],
            cache: CacheNumbers::default(),
        }
    }
}
