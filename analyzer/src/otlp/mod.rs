//! Sends recordings to a collector of OpenTelemetry: whole runs ([`push`]), or runs while they are
//! recorded ([`follow`]).

mod follow;
mod follow_fields;
mod followed;
mod options;
mod push;
mod waiting_outbox;

pub use follow::{FollowOptions, follow};
pub use options::{CollectorOptions, HeaderText};
pub use push::{PushOptions, PushedRun, push};

pub use energy_telemetry::otlp::DeliveryCounts;
