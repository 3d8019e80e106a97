//! Options of a calibration.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum as _};

use crate::options::{SourceOptions, duration_text, parse_duration};
use crate::run::options::{cpu, parse_device};
use crate::run::{RunOptions, SpanDepth, WeightConversion};

/// Depths at which operations can be calibrated: spans of others have children.
const DEPTHS: [&str; 2] = ["module", "deep"];

/// Options of a calibration.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CalibrateOptions {
    /// Model: smollm2 (downloaded once), hf:OWNER/REPO[/FILE], a GGUF file, or a folder with
    /// safetensors
    #[arg(long, value_name = "MODEL", default_value_t = Self::default().model)]
    pub model: String,
    /// Number format to convert weights to when the model is loaded
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub requantize: WeightConversion,
    /// Device of the tensors: cpu, cuda, cuda:N (its number from 0) or metal. The calibration is
    /// valid for runs with the same --device
    #[arg(long, value_name = "DEVICE", value_parser = parse_device, default_value_t = cpu())]
    pub device: String,
    /// Operations to measure: those of each layer (module), or all single ones (deep). The
    /// calibration is valid for runs with the same --depth
    #[arg(long, value_name = "DEPTH", value_parser = depth_parser(), default_value = DEPTHS[0])]
    pub depth: SpanDepth,
    /// Power source and its sampling.
    #[command(flatten)]
    pub power: SourceOptions,
    /// Duration of the measurement, e.g. 90s, 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().budget))]
    pub budget: Duration,
}

impl Default for CalibrateOptions {
    fn default() -> Self {
        let RunOptions {
            model,
            requantize,
            device,
            ..
        } = RunOptions::default();
        Self {
            model,
            requantize,
            device,
            depth: SpanDepth::Module,
            power: SourceOptions::default(),
            budget: Duration::from_secs(180),
        }
    }
}

fn depth_parser() -> impl TypedValueParser<Value = SpanDepth> {
    PossibleValuesParser::new(DEPTHS).try_map(|name| SpanDepth::from_str(&name, false))
}
