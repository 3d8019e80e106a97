//! Reads recordings of `tracing-energy` and reports their energies: summaries, lists,
//! joule-weighted flamegraphs. The command `energy` is a thin wrapper around it.
//!
//! [`query`] reads the database into plain structs, which all other modules use. `run`
//! (feature `inference`) records a language model.

pub mod attribute;
pub mod baseline;
pub mod calibrate;
pub mod charts;
pub mod checksum;
pub mod cli;
pub mod compare;
mod conditions;
pub mod doctor;
pub mod efficiency;
mod error;
pub mod export;
pub mod flamegraph;
pub mod format;
pub mod import;
pub mod ops;
pub mod plausibility;
pub mod program;
pub mod query;
pub mod record;
pub mod repeat;
pub mod report;
pub mod run;
pub mod runs;
mod schema;
pub mod show;
pub mod summary;
pub mod upkeep;
pub mod views;
pub mod walk;

pub use error::{Error, ErrorClass, Result};
pub use schema::{schema, schema_names};

/// Default database of commands.
pub const DATABASE: &str = "energy.db";
