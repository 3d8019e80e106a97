//! `energy run`.

#[cfg(feature = "inference")]
mod indicator;
#[cfg(feature = "inference")]
mod repeats;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::repeat::{RepeatOptions, RunOfPlan};
use crate::run::{RunOptions, RunVariants};

/// Options of `energy run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy run \"Why is the sky blue?\"
  energy run --model hf:Qwen/Qwen2.5-0.5B-Instruct \"Why is the sky blue?\"
  energy run --model ./model.gguf --raw \"Once upon a time\" --max-tokens 64
  energy run --each-line \"$(cat prompts.txt)\" --stats
  energy run --source modelled --depth deep --chrome trace.json
  energy run --source replay:powermetrics.plist --baseline 0s
  energy run --repeat 5 --requantize none,q8_0 --warmup 1 --cooldown 5s
  energy run --resume run-20261125-093212-417")]
pub struct RunArgs {
    /// Options with several values.
    #[command(flatten)]
    pub variants: RunVariants,
    /// Options of each run.
    #[command(flatten)]
    pub options: RunOptions,
    /// Flamegraph to draw afterwards [default: none]
    #[arg(long, value_name = "FILE")]
    flamegraph: Option<PathBuf>,
    /// Number and order of runs.
    #[command(flatten, next_help_heading = "Repeats")]
    pub repeats: RepeatOptions,
    /// Resume the interrupted repeats of a group
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["repeat", "warmup", "group"],
          help_heading = "Repeats")]
    resume: Option<String>,
    /// Resume even if the model file has changed
    #[arg(long, requires = "resume", help_heading = "Repeats")]
    force: bool,
    /// Run of a plan to execute
    #[arg(long, hide = true)]
    plan: Option<RunOfPlan>,
}

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: RunArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    Err(super::without_inference())
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, args: RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(planned) = args.plan {
        return once(db, &planned.options(args.options.prompt)?, None, out);
    }
    if let Some(group) = &args.resume {
        return repeats::resume(db, &args, group, out);
    }
    let mut all = args.variants.all(&args.options);
    match all.pop() {
        Some(options)
            if all.is_empty() && args.repeats.repeat <= 1 && args.repeats.group.is_none() =>
        {
            once(db, &options, args.flamegraph.as_deref(), out)
        }
        _ => repeats::begin(db, &args, out),
    }
}

#[cfg(feature = "inference")]
fn once(
    db: &Path,
    options: &RunOptions,
    flamegraph: Option<&Path>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    use crate::flamegraph::{Graph, GraphOptions, Picture};
    use crate::options::RunSelector;

    let mut indicator = indicator::RunIndicator::default();
    let recorded = crate::run::record(db, options, out, &mut |event| indicator.show(event))?;
    drop(indicator);
    // The generated text may not end with a newline.
    writeln!(out)?;
    out.flush()?;
    for warning in &recorded.warnings {
        super::warn(warning);
    }
    writeln!(out)?;
    let selector = RunSelector::from(recorded.uuid);
    super::print_summary(db, &selector, out)?;
    let mut written = vec![db];
    written.extend(options.chrome.as_deref());
    if let Some(path) = flamegraph {
        let (recording, run) = super::open(db, &selector)?;
        let mut file = super::file::create(path)?;
        let graph = Graph::read(&recording, &run.into(), &GraphOptions::default())?;
        graph.draw(&Picture::default(), &mut file)?;
        written.push(path);
    }
    let mut err = std::io::stderr();
    written
        .iter()
        .try_for_each(|path| writeln!(err, "wrote {}", path.display()))?;
    Ok(())
}
