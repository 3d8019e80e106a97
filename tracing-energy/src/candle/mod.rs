//! Layers and components of models of `candle-transformers`, without changes to their code.
//!
//! These models create spans (`attn`, `mlp`, `rms-norm`, `qmatmul`, ...) while they are loaded and
//! enter them in each pass, at the level TRACE. They have no numbers of layers, and most models
//! have no span around a layer. [`CandleLayers`] adds one, `layer{layer}`, and [`ROLES`] has the
//! roles of all of these names. Phases and tokens are spans of the program:
//!
//! ```
//! use tracing::info_span;
//! use tracing_energy::candle::{CandleLayers, ROLES};
//! use tracing_energy::{EnergyLayer, MemorySink};
//! use tracing_subscriber::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # struct ModelWeights;
//! # impl ModelWeights {
//! #     fn from_gguf() -> Self { Self }
//! #     fn forward(&mut self, _: &[u32], _: usize) -> u32 { 0 }
//! # }
//! let (layer, guard) = EnergyLayer::builder()
//!     .roles(ROLES)
//!     .sink(MemorySink::new()) // or a database
//! #   .source(tracing_energy::SourceChoice::Modelled)
//!     .build()?;
//! // `CandleLayers` comes first, so that a layer begins before its first span.
//! let subscriber = tracing_subscriber::registry()
//!     .with(CandleLayers::new())
//!     .with(layer);
//! tracing::subscriber::with_default(subscriber, || {
//!     // A model's spans exist only if the subscriber was there when it was loaded.
//!     let mut model = info_span!("model_loading").in_scope(ModelWeights::from_gguf);
//!     let _inference = info_span!("inference").entered();
//!     let prompt = [1, 2, 3];
//!     let mut next = info_span!("prefill").in_scope(|| model.forward(&prompt, 0));
//!     let _decode = info_span!("decode").entered();
//!     for token in 1..4_usize {
//!         let _token = info_span!("token", token).entered();
//!         next = model.forward(&[next], prompt.len() + token - 1);
//!     }
//! });
//! guard.finish();
//! # Ok(())
//! # }
//! ```

mod layers;
mod loading;
mod part;
mod position;
mod roles;

pub use layers::CandleLayers;
pub use roles::ROLES;
