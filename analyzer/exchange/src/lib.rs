//! Internal to tracing-energy, without a stability promise: exports recordings to other tools,
//! and imports theirs.

pub mod export;
pub mod import;

use energy_query::{Error, error, format, options, query, walk};
