//! `energy run --repeat`, with several configurations, and `--resume`: experiments of
//! `energy sweep`.

use std::io::Write;
use std::path::Path;

use super::super::exit::UsageError;
use super::super::sweep::{self, Resumption, Start};
use super::args::RunArgs;
use crate::engine::EngineOptions;
use crate::experiment::GivenTexts;
use crate::format::{Format, stamp};

/// Runs the repeats of all configurations.
pub(super) fn begin(db: &Path, args: &RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.options.chrome.is_some() || args.flamegraph.is_some() {
        let text = "--chrome and --flamegraph need a single run; draw repeats with \
                    `energy flamegraph GROUP`";
        return Err(UsageError(text.to_owned()).into());
    }
    let group = args.group.clone();
    let start = Start {
        name: group.unwrap_or_else(|| format!("run-{}", stamp())),
        options: &args.options,
        factors: &args.factors.0,
        engine: &EngineOptions::default(),
        sweep: &args.repeats,
    };
    sweep::begin(db, &start, Format::Table, out)
}

/// Resumes the interrupted repeats of a group.
pub(super) fn resume(
    db: &Path,
    args: &RunArgs,
    group: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let resumption = Resumption {
        name: Some(group),
        given: GivenTexts {
            prompt: Some(args.options.prompt.clone()),
            system: args.options.system.clone(),
        },
        force: args.force,
        retry_failed: false,
    };
    sweep::resume(db, resumption, Format::Table, out)
}
