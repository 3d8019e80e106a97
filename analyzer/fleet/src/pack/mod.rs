//! Packs: what a bucket of a run consists of.

mod name;
mod plan;
mod rows;

pub(crate) use name::UNKNOWN_HOST;
pub use name::{object_path, utc_date};
pub use plan::{PackContents, PackPlan, PackedRun, parse_spans};
pub use rows::{keys, manifest_row, table_rows};
