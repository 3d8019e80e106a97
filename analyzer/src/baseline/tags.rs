//! Tags of the runs of baselines and checks.

/// Tag of the runs of a baseline, with its name.
pub const TAG: &str = "baseline";
/// Tag of runs that were checked against a baseline.
pub const CHECK_TAG: &str = "check";
/// Tag with a baseline's command as a JSON list of words.
pub(super) const COMMAND_TAG: &str = "baseline-command";
