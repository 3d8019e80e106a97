//! Transformer inference in Candle, instrumented with `tracing` spans.
//!
//! Loads models of the families in [`architecture`] from GGUF files or Hugging Face's
//! folders and generates text. Each phase, token, layer and operation runs in its own
//! span, so any subscriber can time it. This crate depends on Candle and `tracing` only.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use energy_models::{GenerateOptions, LoadOptions, Model, generate};
//!
//! # fn main() -> Result<(), energy_models::Error> {
//! let mut model = Model::load("model.gguf", &LoadOptions::default())?;
//! let options = GenerateOptions { max_tokens: 64, ..Default::default() };
//! let answer = generate(&mut model, "Why is the sky blue?", &options, |token| {
//!     eprint!("{}", token.text);
//!     ControlFlow::Continue(())
//! })?;
//! assert!(answer.output_tokens <= 64);
//! # Ok(())
//! # }
//! ```
//!
//! Install the subscriber's filter at [`Depth::level`]; below it, a span costs
//! one atomic load.

pub mod architecture;
pub mod capture;
mod checkpoint;
mod config;
mod decoder;
pub mod device;
mod error;
mod folder;
mod generate;
mod info;
pub mod instrument;
mod json_file;
mod layers;
mod loader;
mod model;
mod random;
mod sampling;
pub mod statistics;
mod tape;
mod text;
pub mod tiny;
mod weights;

pub use candle_core::{Device, Tensor};
pub use checkpoint::{Checkpoint, LoadProgress, Memory};
pub use error::{Error, Result};
pub use generate::generation::{Generation, StopReason, TokenEvent};
pub use generate::generator::generate;
pub use generate::options::GenerateOptions;
pub use info::{LoadOptions, ModelInfo, Parameters};
pub use instrument::depth::Depth;
pub use model::Model;
pub use sampling::{REPEAT_WINDOW, Sampler, SamplingOptions};
pub use statistics::Statistics;
pub use text::detokenizer::Detokenizer;
pub use text::tokenizer::Tokenizer;
pub use weights::precision::{Prefill, Requantize};
