//! Internal to tracing-energy, without a stability promise: totals of many hosts in a folder or an
//! object store.
//!
//! - [`push`] - writes the totals of a recording's runs as packs: [`push::Pusher`].
//! - [`pull`] - makes a local recording from packs.
//! - [`compact`] - merges the packs of a day into one sorted object for each table.
//! - [`columns`] - the tables of packs with their columns.
//! - [`destination`] - folders and object stores behind one trait.
//! - [`questions`] - SQL over packs, for Spark, DuckDB and ClickHouse. No engine is embedded: scripts
//!   are built for a program that is installed, and its rows are read.
//!
//! ```text
//! recording --read--> totals --round--> nanojoules --difference--> rows --encode--> objects --put-->
//!                     (joules)          (cumulative)  to the last bucket  (Parquet)
//! ```
//!
//! A pack is one bucket of time of one attribution of a run. Its totals are differences of rounded
//! cumulative totals, so that the buckets of a run sum to its totals exactly. Nothing here prints.

pub mod columns;
pub mod compact;
pub mod cumulative;
pub mod destination;
pub mod encode;
pub mod nanojoules;
pub mod pack;
pub mod pull;
pub mod push;
pub mod questions;
mod read;

use energy_query::{error, format, options, query, walk};
