//! The model of a run: where its files are, and how they are loaded.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use energy_models::{Checkpoint, LoadOptions, Model, Statistics};
use indicatif::{ProgressBar, ProgressStyle};

use super::hub::HubModel;
use super::{Fetch, RunOptions, SMOLLM2};
use crate::format;
use crate::warn::warn;

/// The file or folder of a model that is named or fetched.
pub(crate) fn path(model: &str) -> anyhow::Result<PathBuf> {
    if model == SMOLLM2.name {
        let _waiting = spinner("finding the model (98 MB, fetched once)");
        return Ok(Fetch::for_user()?.path(&SMOLLM2)?);
    }
    if let Some(of_hub) = HubModel::parse(model) {
        return Ok(of_hub?.path()?);
    }
    let path = PathBuf::from(model);
    anyhow::ensure!(
        path.exists(),
        "model {model}: no such file; give the path of a GGUF file or of a folder, hf:OWNER/REPO, or --model {}",
        SMOLLM2.name
    );
    Ok(path)
}

/// Loads it. Says first what it takes, if that is more than the machine has to give.
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
    let mut model = checkpoint.load(&load, &mut |now| {
        bar.0.set_length(now.total);
        bar.0.set_position(now.done);
    })?;
    let info = model.info();
    if !info.assumed.is_empty() {
        warn(&format!(
            "architecture {} is not known; it is run as what its tensors look like, assuming that {}",
            info.architecture,
            info.assumed.join("; "),
        ));
    }
    model.set_statistics(options.stats.map(|threshold| Statistics { threshold }));
    Ok(model)
}

fn too_large(path: &Path, needed: u64, free: u64) -> Option<String> {
    let [takes, left] = [needed, free].map(|bytes| format::bytes(Some(bytes)));
    let text = || {
        format!(
            "{} takes up to {takes} of memory, and {left} are free: it may become slow, or be \
             ended; use --requantize q8_0, or a smaller model",
            path.display(),
        )
    };
    (free < needed).then(text)
}

/// Bytes that programs can still have; none where the system does not say.
fn free_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    Some(system.available_memory()).filter(|free| *free > 0)
}

/// On stderr until it is dropped, on a terminal only.
pub(super) struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Turns, and says what is being waited for.
pub(super) fn spinner(what: &'static str) -> Waiting {
    if !std::io::stderr().is_terminal() {
        return Waiting(ProgressBar::hidden());
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    Waiting(bar)
}

fn bar(needed: u64) -> Waiting {
    if !std::io::stderr().is_terminal() {
        return Waiting(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("loading {bar:20} {bytes}/{total_bytes} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    bar.set_message(format!("(takes {} of memory)", format::bytes(Some(needed))));
    Waiting(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_before() {
        let path = Path::new("large.gguf");
        assert_eq!(too_large(path, 4_000, 4_000), None);
        let text = too_large(path, 8_000_000_000, 2_000_000_000).expect("a warning");
        assert!(text.contains("large.gguf takes up to 8.000 GB"), "{text}");
        assert!(free_memory().expect("a system that says it") > 1 << 20);
    }
}
