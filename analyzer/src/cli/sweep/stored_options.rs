//! Options that a plan stores.

use clap::Arg;

/// Options that can be given with `--resume`. The others are those of the stored plan.
const NOT_STORED: [&str; 8] = [
    "resume",
    "retry_failed",
    "force",
    "prompt",
    "prompt_file",
    "system",
    "format",
    "json",
];

/// Refuses an option together with `--resume` if its value would be ignored.
pub(crate) fn refused_with_resume(option: Arg) -> Arg {
    match NOT_STORED.contains(&option.get_id().as_str()) {
        true => option,
        false => option.conflicts_with("resume"),
    }
}
