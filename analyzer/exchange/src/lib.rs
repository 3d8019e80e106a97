//! Internal to tracing-energy, without a stability promise: exports recordings to other tools,
//! and imports theirs.
//!
//! - [`export`] - a file for each [`export::ExportFormat`], listed in [`export::FORMATS`].
//!   [`export::export`] writes a run to a file or folder.
//! - [`import`] - [`import::import`] reads tables of spans and samples,
//!   [`import::import_chrome`] a trace of `tracing-chrome` with a power recording,
//!   [`import::import_power`] a power recording alone. Each makes a run.
//!
//! Exports read through `energy-query`; its walk gives span entries with their energies.
//! Imports write through `energy-store` and attribute as a recorder does. Neither prints:
//! warnings are part of the results. The feature `parquet` adds that format.

pub mod export;
pub mod import;

use energy_query::{Error, error, format, options, query, walk};
