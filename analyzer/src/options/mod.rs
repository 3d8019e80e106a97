//! Options that several commands share.
//!
//! A command and the library function behind it take the same struct: its fields are the
//! options of the command line, and their doc comments are the help.
//!
//! ```text
//! options  <-  RunOptions, CompareOptions, ... (in their modules)  <-  cli
//! ```

mod output;
mod recording;
mod selection;
mod serialize;

pub use energy_query::options::{
    IMPORT_NAME_HELP, KERNEL_HELP, duration_text, parse_duration, parse_fraction, parse_kernel,
    parse_offset, parse_tag, percent_text,
};
pub use output::OutputFormat;
pub use recording::{RecordingOptions, SourceOptions};
pub use selection::{AttributedRun, RunSelector};
pub(crate) use serialize::{as_optional_text, as_text};

/// Help of `--rail`.
pub const RAIL_HELP: &str = "Only use this rail [default: the sum of root rails]";
/// Help of `--phase`.
pub const PHASE_HELP: &str = "Only use this phase, e.g. decode [default: all]";
/// Help of `--allow-different`.
pub const ALLOW_DIFFERENT_HELP: &str = "Compare runs although their configurations differ";
/// Help of `--limit` of a table.
pub const LIMIT_HELP: &str = "Maximum number of rows in a table (0 lists all)";

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;

    /// Parses an empty command line.
    fn parsed<T: Args>() -> T {
        let command = T::augment_args(clap::Command::new("test"));
        T::from_arg_matches(&command.get_matches_from(["test"])).unwrap()
    }

    #[test]
    fn shared_options_have_the_defaults_of_the_library() {
        assert_eq!(parsed::<RecordingOptions>(), RecordingOptions::default());
        assert_eq!(parsed::<OutputFormat>(), OutputFormat::default());
        assert_eq!(parsed::<RunSelector>(), RunSelector::default());
    }
}
