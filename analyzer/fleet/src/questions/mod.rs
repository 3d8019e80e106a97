//! Questions about a fleet: SQL over its packs, executed by programs that people already have.
//!
//! - [`QUESTIONS`], [`CHECKS`] - one SQL file each, the same for all engines.
//! - [`Session`] - an engine on the packs of a root: tables, functions, views and parameters.
//! - [`EngineProgram`] - `spark-sql`, `duckdb`, `clickhouse local`, or Python with their packages.
//! - [`QuestionRows`], [`CheckResult`] - what a program answered.
//!
//! ```text
//! columns <- engine <- location, parameters (side) <- script (views, queries)
//! rows, script <- program <- execution <- answers
//! ```
//!
//! Views apply the rule of which packs count, so that no question repeats it. Their energies and
//! durations are decimals of 38 digits (128-bit integers in ClickHouse), because sums over a fleet
//! exceed 64 bits.

mod answers;
mod checks;
mod columns;
mod engine;
mod execution;
mod list;
mod location;
mod parameters;
mod program;
mod rows;
mod script;
mod side;

pub use answers::{CheckResult, QuestionRows, Timing};
pub use checks::{CHECKS, Check};
pub use engine::Engine;
pub use list::{QUESTIONS, Question, question};
pub use location::Location;
pub use parameters::Parameters;
pub use program::EngineProgram;
pub use script::Session;
pub use side::{DateRange, Side, parse_date, parse_side};
