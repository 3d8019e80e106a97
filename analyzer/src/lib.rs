//! Reads recordings of `tracing-energy` and tells what they hold: summaries,
//! lists, joule-weighted flamegraphs. The command `energy` is a thin shell
//! around it.
//!
//! [`query`] reads the database into plain structs; everything else is a view of
//! those. `run` (feature `inference`) makes a recording of a language model.

pub mod ask;
pub mod attribute;
pub mod baseline;
pub mod calibrate;
pub mod cli;
pub mod compare;
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
pub mod show;
pub mod summary;
pub mod upkeep;
mod warn;

pub use error::{Error, Result};

/// The recording that commands use unless told otherwise.
pub const DATABASE: &str = "energy.db";
