//! `energy sweep`.

mod args;
mod indicator;
mod start;
mod stored_options;

use std::io::Write;
use std::path::Path;

pub use args::SweepArgs;
pub(super) use start::{Resumption, Start, begin, resume};
pub(super) use stored_options::refused_with_resume;

use super::exit::UsageError;
use super::prompt;
use crate::experiment::GivenTexts;
use crate::format::stamp;

pub(super) fn run(db: &Path, mut args: SweepArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(path) = &args.prompt_file {
        args.options.prompt = prompt::read(path)?;
    }
    if let Some(name) = &args.resume {
        let resumption = Resumption {
            name: name.as_deref(),
            given: GivenTexts {
                prompt: Some(args.options.prompt.clone()),
                system: args.options.system.clone(),
            },
            force: args.force,
            retry_failed: args.retry_failed,
        };
        return resume(db, resumption, args.output.format(), out);
    }
    if args.options.chrome.is_some() {
        let text = "--chrome needs a single run; omit it, or use `energy run`";
        return Err(UsageError(text.to_owned()).into());
    }
    let name = args.options.recording.experiment.clone();
    let start = Start {
        name: name.unwrap_or_else(|| format!("sweep-{}", stamp())),
        options: &args.options,
        factors: &args.factors.0,
        engine: &args.engine_options,
        sweep: &args.sweep,
    };
    match args.dry_run {
        true => start::describe(db, &start, out),
        false => begin(db, &start, args.output.format(), out),
    }
}
