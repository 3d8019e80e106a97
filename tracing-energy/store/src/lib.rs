//! Internal to tracing-energy, without a stability promise: the recording file. It is an SQLite
//! database that holds many runs.
//!
//! - [`SqliteSink`] writes the rows of a recording.
//! - [`Store`] reads, edits, merges and deletes runs. [`RowReader`] reads one table of a run.
//! - [`reattribute`] and [`attribute_stored`] attribute a stored run again from its file.
//! - [`repair_dead_runs`] completes runs of dead processes; [`show_unended`] shows them
//!   complete without writing.
//! - [`Follower`] reports what other processes write to a file.
//! - [`CallPath`] - joules of one call path, for programs that read their own recording.
//!
//! `schema.sql` defines the tables and views, `migrations.rs` leads from each version to the next.
//! Only this crate writes to them; `energy-query` reads them by its own queries.
//!
//! The crate depends on `energy-data`, `energy-host` and `energy-attribution`, not on the layer
//! or on power sources. The feature `fit` enables the methods `fitted` and `calibrated`.
//!
//! ```text
//! spans.id   = run << 40 | seq           a range of ids is a run
//! run 1      = [1 << 40, 2 << 40)
//! ```

mod attribute;
mod calibrations;
mod call_paths;
mod chunked_transaction;
mod connection;
mod edit;
mod error;
mod experiments;
mod file_id;
mod find;
mod follow;
mod foreign_log;
mod frozen_file;
mod insert;
mod insert_attribution;
mod kinds;
mod lease;
mod merge;
mod merge_joined;
mod migrations;
mod overlay;
mod readable_row;
mod reader;
mod reattribute;
mod recording;
mod remove;
mod repair;
mod row_move;
mod shipments;
mod space;
mod span_energy;
mod span_ids;
mod store;
mod tables;
mod unwritten;
mod writer;

pub use attribute::AttributionWriter;
pub use calibrations::{FoundCalibration, StoredCalibration};
pub use call_paths::CallPath;
pub use error::Error;
pub use experiments::{NameUser, RunExclusion, TrialEnd};
pub use file_id::{FileId, file_id_of};
pub use follow::{FollowFrom, Follower};
pub use foreign_log::foreign_log;
pub use frozen_file::wal_of;
pub use merge::{Merge, MergeSource};
pub use merge_joined::JoinedSummary;
pub use migrations::SCHEMA_VERSION;
pub use overlay::ShownEnd;
pub use reader::{StoredRun, UnusualRuns, is_bad_value};
#[cfg(feature = "fit")]
pub use reattribute::{EstimatedKinds, estimate_kinds};
pub use reattribute::{
    attribute_joined, attribute_stored, complete, reattribute, repair_dead_runs, show_unended,
    show_unended_among, silent_unended,
};
pub use recording::RowReader;
pub use repair::{Patience, RunLiveness, liveness};
pub use shipments::{DestinationRow, ShipmentRow};
pub use space::{RunSpace, Space, TableSpace};
pub use span_energy::register_functions;
pub use span_ids::{span_id, span_ids, split_span_id};
pub use store::Store;
pub use writer::SqliteSink;
