//! Tables of configurations for papers and other tools: model, batch, context and precision, with
//! the energy per token of each phase.
//!
//! The columns are those that benchmarks of the energy of inference print: J/token of prefill, of
//! decode and of all tokens, tokens/s, peak power. JSON has a versioned schema of its own,
//! [`SCHEMA`].

mod format;
mod json;
mod latex;
mod row;
mod sheet;

pub use format::TableFormat;
pub use json::SCHEMA;
pub use row::{ConfigurationRow, PlusMinus};
pub use sheet::ConfigurationTable;
