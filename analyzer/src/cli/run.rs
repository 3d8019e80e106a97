//! `energy run`.

mod args;
#[cfg(feature = "inference")]
mod repeats;

use std::io::Write;
use std::path::Path;

#[cfg(not(feature = "inference"))]
use super::console::without_inference;
#[cfg(feature = "inference")]
use super::{
    console::warn,
    database::{open, print_summary},
    file::create,
    prompt::read as read_prompt,
    run_indicator::RunIndicator,
};
#[cfg(feature = "inference")]
use crate::experiment::{GivenTexts, Trial, TrialConfig};
#[cfg(feature = "inference")]
use crate::run::{FinishedRun, RunOptions};

pub use args::RunArgs;

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: RunArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    Err(without_inference())
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, mut args: RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(path) = &args.prompt_file {
        args.options.prompt = read_prompt(path)?;
    }
    if let Some(selector) = &args.trial {
        // Nobody reads what a trial prints: the table of its experiment has its energy.
        let options = with_run_id(trial(db, selector, &args)?);
        let recorded = record(db, &options, &mut std::io::sink())?;
        if let Some(signal) = recorded.signal {
            end_by(signal);
        }
        return Ok(());
    }
    if let Some(group) = &args.resume {
        return repeats::resume(db, &args, group, out);
    }
    if args.factors.0.varied().next().is_some() || args.repeats.repeat > 1 || args.group.is_some() {
        return repeats::begin(db, &args, out);
    }
    let configs = args.factors.0.configs(&TrialConfig::of(&args.options))?;
    let config = configs.first().map(|one| one.config.options(&args.options));
    let options = config.unwrap_or(args.options);
    once(db, &with_run_id(options), args.flamegraph.as_deref(), out)
}

/// Returns the options of a trial. Texts that its plan does not hold come from `args`.
#[cfg(feature = "inference")]
fn trial(db: &Path, selector: &str, args: &RunArgs) -> anyhow::Result<RunOptions> {
    let trial = Trial::read(db, selector)?;
    let given = GivenTexts {
        prompt: Some(args.options.prompt.clone()),
        system: args.options.system.clone(),
    };
    Ok(trial.options(&given)?)
}

/// Sets the id that the process which started this one has chosen.
#[cfg(feature = "inference")]
fn with_run_id(options: RunOptions) -> RunOptions {
    RunOptions {
        run_id: std::env::var(crate::program::RUN_ID).ok(),
        ..options
    }
}

/// Records a run with progress and warnings on standard error; its text goes to `out`.
#[cfg(feature = "inference")]
fn record(db: &Path, options: &RunOptions, out: &mut dyn Write) -> anyhow::Result<FinishedRun> {
    let mut indicator = RunIndicator::default();
    let recorded = crate::run::record(db, options, out, &mut |event| indicator.show(event))?;
    drop(indicator);
    // The generated text may not end with a newline.
    writeln!(out)?;
    out.flush()?;
    for warning in &recorded.warnings {
        warn(warning);
    }
    Ok(recorded)
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

    let recorded = record(db, options, out)?;
    writeln!(out)?;
    let selector = RunSelector::from(recorded.uuid);
    print_summary(db, &selector, out)?;
    let mut written = vec![db];
    written.extend(options.chrome.as_deref());
    if let Some(path) = flamegraph {
        let (recording, run) = open(db, &selector)?;
        let mut file = create(path)?;
        let graph = Graph::read(&recording, &run.into(), &GraphOptions::default())?;
        graph.draw(&Picture::default(), &mut file)?;
        written.push(path);
    }
    let mut err = std::io::stderr();
    written
        .iter()
        .try_for_each(|path| writeln!(err, "wrote {}", path.display()))?;
    if let Some(signal) = recorded.signal {
        out.flush()?;
        end_by(signal);
    }
    Ok(())
}

/// Ends the process by a signal, as it would have ended without a recording.
#[cfg(all(unix, feature = "inference"))]
fn end_by(signal: i32) {
    // It fails for signals without a default effect only.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(all(not(unix), feature = "inference"))]
fn end_by(_signal: i32) {}
