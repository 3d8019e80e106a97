//! Reads recordings of `tracing-energy` and reports their energies. The command `energy` is a
//! thin wrapper around this library.
//!
//! ```no_run
//! use energy_analyzer::query::Recording;
//! use energy_analyzer::summary::{Summary, SummaryOptions};
//!
//! let recording = Recording::open("energy.db")?;
//! let run = recording.run("last")?;
//! let summary = Summary::read(&recording, run, &SummaryOptions::default())?;
//! match summary.totals.energy_j {
//!     Some(joules) => println!("{}: {joules:.3} J", summary.run.title()),
//!     None => println!("{}: energy unknown", summary.run.title()),
//! }
//! # Ok::<(), energy_analyzer::Error>(())
//! ```
//!
//! | modules | what they offer |
//! |---|---|
//! | [`query`], [`walk`] | a recording as plain structs; span entries with their energies |
//! | [`summary`], [`views`], [`ops`], [`requests`](mod@requests), [`show`], [`runs`] | what the commands of these names print |
//! | [`compare`], [`baseline`] | whether the energy of runs differs; regressions |
//! | [`analyse`], [`table`], [`predict`] | experiments: best settings, laws, tables, predictions |
//! | [`charts`], [`plot`], [`report`], [`flamegraph`] | data and drawings |
//! | [`export`], [`import`], `otlp` | other formats, and collectors |
//! | [`record`], [`run`], [`drive`], [`experiment`], [`engine`], [`calibrate`] | new runs |
//! | [`attribute`], [`upkeep`], [`doctor`] | attributing again, maintenance, sensors |
//! | [`cli`] | the command line |
//!
//! A function takes a struct of options, which also defines the options of its command. Views
//! return a [`format::Answer`], which can be written as table, Markdown, CSV or JSON;
//! [`schema`] returns the JSON schema of a command's output. Only [`cli`] prints: warnings are
//! part of results, and progress goes to a callback.
//!
//! [`Recording::open`](query::Recording::open) changes nothing in the file. Commands use
//! [`Recording::open_repaired`](query::Recording::open_repaired), which migrates the file and
//! completes runs without an end. The features are `inference` (`energy run`),
//! `otlp` (`energy otlp`), `serve` (`energy serve`) and `parquet`.

pub mod analyse;
pub mod attribute;
pub mod baseline;
pub mod calibrate;
pub mod charts;
pub mod cli;
pub mod compare;
mod conditions;
pub mod doctor;
pub mod drive;
pub mod engine;
pub mod experiment;
pub mod flamegraph;
#[cfg(feature = "inference")]
pub mod models;
pub mod ops;
pub mod options;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod plot;
pub mod predict;
pub mod priors;
pub mod program;
#[cfg(feature = "inference")]
pub mod quality;
pub mod record;
pub mod report;
pub mod requests;
pub mod run;
pub mod runs;
mod schema;
#[cfg(feature = "serve")]
pub mod serve;
pub mod show;
pub mod summary;
pub mod table;
pub mod upkeep;
pub mod views;

pub use energy_exchange::{export, import};
pub use energy_query::{
    Error, ErrorClass, Result, checksum, efficiency, error, format, plausibility, query, walk,
};
pub use schema::{schema, schema_names};

/// Default database of commands.
pub const DATABASE: &str = "energy.db";
