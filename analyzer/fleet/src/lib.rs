//! Internal to tracing-energy, without a stability promise: energies of many hosts.
//!
//! - [`questions`] - SQL over the packs of a fleet, for Spark, DuckDB and ClickHouse.
//!
//! No engine is embedded: the crate builds scripts, runs a program that is installed, and reads
//! its rows.

pub mod questions;
