//! Tags of repeats.

/// Tag shared by all repeats.
pub(super) const GROUP_TAG: &str = "group";
/// Tag with the number of a repeat, from 1.
pub(super) const REPEAT_TAG: &str = "repeat";
/// Tag of a configuration, if there are several.
pub(super) const CONFIG_TAG: &str = "config";
