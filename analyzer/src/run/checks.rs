//! Checks of options before a model is loaded.

use super::sampling::sampling;
use super::{RunOptions, SpanDepth, device};
use crate::error::Error;

/// Refuses options that cannot be used together, or are out of range.
///
/// # Errors
/// Names the option and the next step.
pub(super) fn check(options: &RunOptions) -> anyhow::Result<()> {
    if options.stats.is_enabled() && options.depth < SpanDepth::Module {
        let text = format!(
            "--stats needs the spans of modules, which --depth {} does not record; use --depth \
             module or deep",
            super::options::name(&options.depth)
        );
        return Err(Error::Request(text).into());
    }
    device::check(options)?;
    if options.prompts().is_empty() {
        let text = "the prompt is empty; give at least one non-blank line";
        return Err(Error::Request(text.to_owned()).into());
    }
    let checked = sampling(options).check();
    checked.map_err(|error| Error::Request(error.to_string()).into())
}

/// Returns a warning if all answers of a batch are the same.
pub(super) fn equal_answers(options: &RunOptions) -> Option<String> {
    let is_equal = options.batch > 1 && !options.each_line && options.temperature == 0.0;
    is_equal.then(|| {
        format!(
            "all {} answers are equal at temperature 0; give --temperature, or several prompts \
             with --each-line",
            options.batch
        )
    })
}
