//! Sends recordings to a collector of OpenTelemetry: whole runs ([`push`]), or runs while they are
//! recorded ([`follow`]).

mod follow;
mod follow_fields;
mod options;
mod push;

pub use follow::{FollowOptions, follow};
pub use options::CollectorOptions;
pub use push::{PushOptions, PushedRun, push};

pub use energy_telemetry::otlp::DeliveryCounts;
