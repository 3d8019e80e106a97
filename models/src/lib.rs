//! Language models in Candle, with a `tracing` span around each phase, token, layer and
//! operation.
//!
//! One decoder runs the families in [`architecture`] from GGUF files and Hugging Face
//! folders. The crate depends on Candle and `tracing` only, so any subscriber can observe
//! an inference.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use energy_models::{Depth, GenerateOptions, LoadOptions, Model, generate, tiny};
//! use tracing_subscriber::fmt::format::FmtSpan;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A model with random weights; `Model::load` accepts any supported file or folder.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("tiny.gguf");
//! tiny::write_gguf(&path, &tiny::TinyConfig::default())?;
//! let mut model = Model::load(&path, &LoadOptions::default())?;
//!
//! // Prints a line with the duration of each span when it closes.
//! let subscriber = tracing_subscriber::fmt()
//!     .with_max_level(Depth::Layer.level())
//!     .with_span_events(FmtSpan::CLOSE)
//!     .finish();
//! let options = GenerateOptions { max_tokens: 4, raw: true, ..Default::default() };
//! let answer = tracing::subscriber::with_default(subscriber, || {
//!     generate(&mut model, "hello", &options, |token| {
//!         eprint!("{}", token.text);
//!         ControlFlow::Continue(())
//!     })
//! })?;
//! assert_eq!((answer.input_tokens, answer.output_tokens), (1, 4));
//! # Ok(())
//! # }
//! ```
//!
//! # Spans
//!
//! The target of all spans is [`instrument::TARGET`]. The subscriber's filter selects them
//! by level; below it, a span costs one atomic load. [`instrument`] shows the whole tree.
//!
//! | [`Depth`] | level | spans |
//! |---|---|---|
//! | `Phase` | INFO | `inference`; in it `pre_inference`, `prefill`, `decode`, `post_inference`; `token` |
//! | `Layer` | DEBUG | `tokenization`, `embedding`, `layers`, `layer`, `lm_head`, `sampling`, ... |
//! | `Module` | TRACE | norms, `attention`, `mlp`, and their projections |
//! | `Deep` | TRACE | single operations such as `softmax`; fused kernels run decomposed |
//!
//! [`Model::set_statistics`] adds events with [`statistics`] of activations and attention.
//! [`capture`](mod@capture) keeps single operations so that they can be run again.
//!
//! # Features and limits
//!
//! - `cuda` and `metal` build Candle's kernels for these devices. Neither is a default, and
//!   [`device::parse`] never falls back to the CPU. Both are type-checked, but not verified on
//!   hardware.
//! - Spans of work on such a device declare the fields of [`instrument::names::DEVICE_BEGAN`] and
//!   [`instrument::names::DEVICE_ENDED`]; [`LoadOptions::sync`] selects the spans that wait for it.
//! - A [`Model`] runs one generation at a time, of one prompt or of several
//!   ([`Model::generate_batch`]).
//! - Unknown architectures and settings, and tensors without a place in the decoder, are refused
//!   unless [`LoadOptions::assume`] is set.
//! - Candle rounds activations to 8 bits in every product with quantised weights;
//!   [`Requantize::F32`] avoids it and needs more memory.

pub mod architecture;
pub mod capture;
mod checkpoint;
mod config;
mod decoder;
pub mod device;
mod device_work;
mod error;
mod folder;
mod generate;
mod info;
pub mod instrument;
mod json_file;
mod layers;
mod loader;
mod memory;
mod model;
mod quality;
mod random;
mod sampling;
pub mod statistics;
mod summary;
mod tape;
mod text;
pub mod tiny;
mod weights;

pub use candle_core::{Device, Tensor};
pub use checkpoint::{Checkpoint, LoadProgress};
pub use device_work::{DeviceStream, DeviceSync};
pub use error::{Error, Result};
pub use generate::batch_row::BatchPrompt;
pub use generate::generation::{Generation, StopReason, TokenEvent};
pub use generate::generator::generate;
pub use generate::options::GenerateOptions;
pub use info::{ExpertInfo, LoadOptions, ModelInfo, Parameters};
pub use instrument::depth::Depth;
pub use layers::cache_format::CacheFormat;
pub use memory::Memory;
pub use model::Model;
pub use quality::TextScores;
pub use sampling::{REPEAT_WINDOW, Sampler, SamplingOptions};
pub use statistics::{MetricSets, Statistics};
pub use summary::ModelSummary;
pub use text::chat::options::ChatOptions;
pub use text::chat::template::ChatTemplate;
pub use text::detokenizer::Detokenizer;
pub use text::tokenizer::Tokenizer;
pub use weights::gguf_parts::parts;
pub use weights::precision::{Prefill, Requantize};
