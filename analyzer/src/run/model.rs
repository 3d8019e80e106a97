//! Locates and loads the model of a run.

use std::path::{Path, PathBuf};

use energy_models::{Checkpoint, LoadOptions, Model, Statistics};

use super::event::{OnRunEvent, RunEvent};
use super::hub::HubModel;
use super::{Fetch, RunOptions, SMOLLM2};
use crate::error::Error;
use crate::format;

/// Returns the path of a model; downloads it if necessary.
pub(crate) fn path(model: &str, on_event: &mut OnRunEvent<'_>) -> anyhow::Result<PathBuf> {
    if model == SMOLLM2.name {
        on_event(RunEvent::Step(
            "preparing the model (98 MB, downloaded once)",
        ));
        let path = Fetch::for_user().and_then(|fetch| fetch.path(&SMOLLM2));
        on_event(RunEvent::Done);
        return Ok(path?);
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
        return Err(Error::Request(text).into());
    }
    Ok(path)
}

/// Loads the model. Warns first if it needs more memory than is available.
pub(super) fn load(
    options: &RunOptions,
    path: &Path,
    on_event: &mut OnRunEvent<'_>,
) -> anyhow::Result<Model> {
    let load = LoadOptions {
        depth: options.depth.of_model(),
        requantize: options.requantize.of_model(),
        prefill: options.prefill.of_model(),
        assume: options.assume,
        ..LoadOptions::default()
    };
    let checkpoint = Checkpoint::open_with(path, &load)?;
    let needed = checkpoint.memory(&load).with_positions(options.max_tokens);
    if let Some(text) = free_memory().and_then(|free| too_large(path, needed, free)) {
        on_event(RunEvent::Warning(&text));
    }
    let loaded = checkpoint.load(&load, &mut |progress| {
        on_event(RunEvent::Loading {
            done: progress.done,
            total: progress.total,
            needed,
        });
    });
    on_event(RunEvent::Done);
    let mut model = loaded?;
    let info = model.info();
    if !info.assumed.is_empty() {
        let text = format!(
            "the model of architecture {} runs with assumptions, and its answers are wrong if one \
             does not hold: {}",
            info.architecture,
            info.assumed.join("; "),
        );
        on_event(RunEvent::Warning(&text));
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
