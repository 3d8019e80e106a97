//! `energy run`.

mod args;
#[cfg(feature = "inference")]
mod indicator;
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
};
#[cfg(feature = "inference")]
use crate::run::RunOptions;

pub use args::RunArgs;

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: RunArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    Err(without_inference())
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, mut args: RunArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(path) = &args.prompt_file {
        args.options.prompt = super::prompt::read(path)?;
    }
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
            let run_id = std::env::var(crate::program::RUN_ID).ok();
            let options = RunOptions { run_id, ..options };
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
        warn(warning);
    }
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
