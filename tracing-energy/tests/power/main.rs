//! Power sources on fakes and recordings.

#[path = "../waiting/mod.rs"]
mod waiting;

mod detect_prefers_measured_sources;
mod fake;
mod powermetrics_child_is_restarted_and_ended;
mod powermetrics_documents;
mod rapl_reads_a_powercap_tree;
mod recordings_never_panic;
mod replay_keeps_power_and_length;
mod sampler_survives_failing_sources;
