//! Internal to tracing-energy, without a stability promise: reads recordings into plain structs,
//! and formats answers.
//!
//! - [`query`] - all SQL of the analyzer, one file for each query. [`query::Recording`] is an
//!   open file, [`query::Run`] one of its runs.
//! - [`walk`] - visits span entries in time order, each with its energy.
//! - [`mod@format`] - [`format::Answer`]: columns and rows, printed as table, Markdown, CSV or JSON.
//! - [`options`] - values of options that several commands share.
//! - [`plausibility`], [`efficiency`] - checks of a recording; energy per token, cost, CO2.
//! - [`Error`] - its [`ErrorClass`] decides the exit code of a command.
//!
//! ```text
//! options <- error, checksum <- format <- query <- walk, plausibility, efficiency
//! ```
//!
//! The crate reads files through `energy-store`. It does not depend on `tracing-energy`, and
//! prints nothing.

pub mod checksum;
pub mod efficiency;
pub mod error;
pub mod format;
pub mod options;
pub mod plausibility;
pub mod query;
pub mod walk;

pub use error::{Error, ErrorClass, Result};
