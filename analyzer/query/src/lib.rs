//! Internal to tracing-energy, without a stability promise: reads recordings into plain structs,
//! and formats answers.
//!
//! ```text
//! options <- error, checksum <- format <- query <- walk, plausibility, efficiency        stats (pure)
//! ```

pub mod checksum;
pub mod efficiency;
pub mod error;
pub mod format;
pub mod options;
pub mod plausibility;
pub mod query;
pub mod stats;
pub mod walk;

pub use error::{Error, ErrorClass, Result};
