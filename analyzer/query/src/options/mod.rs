//! Values of options that several commands share, and their help.

mod duration;
mod parse;

pub use duration::{duration_text, parse_duration};
pub use parse::{parse_fraction, parse_kernel, parse_offset, parse_tag, percent_text};

/// Help of `--name` of imported runs.
pub const IMPORT_NAME_HELP: &str = "Name of the run [default: the file name]";
/// Help of `--kernel`.
pub const KERNEL_HELP: &str = "Averaging window of a rail's sensor: box, trailing:100ms or \
                               lowpass:60ms (repeatable) [default: box]";
