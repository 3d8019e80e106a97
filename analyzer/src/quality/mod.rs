//! Quality of a model with converted weights: perplexity on a short text, and how often its most
//! likely token is that of the same model in f32.
//!
//! A proxy: the text has some hundred tokens. It shows whether a conversion damages a model, but not how
//! answers differ.

mod answer;
mod evaluate;
mod options;
mod store;

pub use answer::ModelQuality;
pub use evaluate::{EvaluatedWeights, QualityStep, evaluate};
pub use options::QualityOptions;
pub use store::store_quality;
