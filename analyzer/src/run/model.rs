//! Locates and loads the model of a run.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use energy_models::{Checkpoint, LoadOptions, Model, Statistics};
use indicatif::{ProgressBar, ProgressStyle};

use super::hub::HubModel;
use super::{Fetch, RunOptions, SMOLLM2};
use crate::error::Error;
use crate::format;
use crate::warn::warn;

/// Returns the path of a model; downloads it if necessary.
pub(crate) fn path(model: &str) -> anyhow::Result<PathBuf> {
    if model == SMOLLM2.name {
        let _waiting = spinner("preparing the model (98 MB, downloaded once)");
        return Ok(Fetch::for_user()?.path(&SMOLLM2)?);
    }
    if let Some(of_hub) = HubModel::parse(model) {
        return Ok(of_hub?.path()?);
    }
    let path = PathBuf::from(model);
    if !path.exists() {
        let text = format!(
            "model {model}: no such file; give the path of a GGUF file or of a folder, \
             hf:OWNER/REPO, or --model {}",
            SMOLLM2.name
        );
        return Err(Error::Usage(text).into());
    }
    Ok(path)
}

/// Loads the model. Warns first if it needs more memory than is available.
pub(super) fn load(options: &RunOptions, path: &Path) -> anyhow::Result<Model> {
    let load = LoadOptions {
        depth: options.depth.of_model(),
        requantize: options.requantize.of_model(),
        prefill: options.prefill.of_model(),
        ..LoadOptions::default()
    };
    let checkpoint = Checkpoint::open(path)?;
    let needed = checkpoint.memory(&load).with_positions(options.max_tokens);
    if let Some(text) = free_memory().and_then(|free| too_large(path, needed, free)) {
        warn(&text);
    }
    let bar = bar(needed);
    let mut model = checkpoint.load(&load, &mut |progress| {
        bar.0.set_length(progress.total);
        bar.0.set_position(progress.done);
    })?;
    let info = model.info();
    if !info.assumed.is_empty() {
        warn(&format!(
            "architecture {} is unknown; it is inferred from its tensors, assuming that {}",
            info.architecture,
            info.assumed.join("; "),
        ));
    }
    model.set_statistics(options.stats.map(|threshold| Statistics { threshold }));
    Ok(model)
}

fn too_large(path: &Path, needed: u64, free: u64) -> Option<String> {
    let [needs, available] = [needed, free].map(|bytes| format::bytes(Some(bytes)));
    let text = || {
        format!(
            "{} needs up to {needs} of memory, but {available} are available: it may be slow or \
             be killed; use --requantize q8_0, or a smaller model",
            path.display(),
        )
    };
    (free < needed).then(text)
}

/// Returns the available memory in bytes, if the system reports it.
fn free_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    Some(system.available_memory()).filter(|free| *free > 0)
}

/// A progress indicator on stderr, only on a terminal. Dropping it removes it.
pub(super) struct Indicator(ProgressBar);

impl Drop for Indicator {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows a spinner with a message.
pub(super) fn spinner(what: &'static str) -> Indicator {
    if !std::io::stderr().is_terminal() {
        return Indicator(ProgressBar::hidden());
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    Indicator(bar)
}

fn bar(needed: u64) -> Indicator {
    if !std::io::stderr().is_terminal() {
        return Indicator(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("loading {bar:20} {bytes}/{total_bytes} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    bar.set_message(format!("(needs {} of memory)", format::bytes(Some(needed))));
    Indicator(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_exceeds_memory_causes_a_warning() {
        let path = Path::new("large.gguf");
        assert_eq!(too_large(path, 4_000, 4_000), None);
        let text = too_large(path, 8_000_000_000, 2_000_000_000).expect("a warning");
        assert!(text.contains("large.gguf needs up to 8.000 GB"), "{text}");
        assert!(free_memory().expect("available memory") > 1 << 20);
    }
}
