//! Reads recordings of `tracing-energy` and reports their energies: summaries, lists,
//! joule-weighted flamegraphs. The command `energy` is a thin wrapper around it.
//!
//! [`query`] reads the database into plain structs, which all other modules use. `run`
//! (feature `inference`) records a language model.

pub mod attribute;
pub mod baseline;
pub mod calibrate;
pub mod charts;
pub mod cli;
pub mod compare;
mod conditions;
pub mod doctor;
pub mod flamegraph;
pub mod ops;
pub mod options;
pub mod priors;
pub mod program;
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

pub use energy_exchange::{export, import};
pub use energy_query::{
    Error, ErrorClass, Result, checksum, efficiency, error, format, plausibility, query, walk,
};
pub use schema::{schema, schema_names};

/// Default database of commands.
pub const DATABASE: &str = "energy.db";
