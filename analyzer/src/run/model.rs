//! Locates and loads the model of a run.

use std::path::{Path, PathBuf};

use energy_models::{Checkpoint, LoadOptions, Model, instrument};

use super::device;
use super::event::{OnRunEvent, RunEvent};
use super::hub::HubModel;
use super::sampling::sampling;
use super::{
    CacheNumbers, Fetch, PrefillWeights, RunOptions, SMOLLM2, SpanDepth, WeightConversion,
};
use crate::checksum::{sha256, sha256_of_files};
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

/// Returns the checksum of a model: of its file, of all parts of it, or of its folder.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn checksum(path: &Path) -> Result<String, Error> {
    match energy_models::parts(path).as_slice() {
        [] | [_] => sha256(path),
        parts => sha256_of_files(parts),
    }
}

/// Loads the model. Warns first if it needs more memory than is available.
pub(super) fn load(
    options: &RunOptions,
    path: &Path,
    on_event: &mut OnRunEvent<'_>,
) -> anyhow::Result<Model> {
    let load = load_options(options)?;
    let checkpoint = Checkpoint::open_with(path, &load)?;
    let memory = checkpoint.memory(&load);
    let longest = (prompt_tokens(&checkpoint, options), options.max_tokens);
    let needed = memory.peak_of_batch(&vec![longest; largest_batch(options)]);
    let weights = memory.resident_bytes();
    let machine = check_memory(path, &load, weights)?;
    let too_large = |free| too_large(path, (needed, weights), free);
    if let Some(text) = machine.free.and_then(too_large) {
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
    for note in &info.notes {
        on_event(RunEvent::Warning(&format!("{}: {note}", path.display())));
    }
    model.set_statistics(options.stats.of_model());
    Ok(model)
}

fn load_options(options: &RunOptions) -> Result<LoadOptions, Error> {
    Ok(LoadOptions {
        depth: options.depth.of_model(),
        requantize: options.requantize.of_model(),
        prefill: options.prefill.of_model(),
        cache: options.cache.of_model(),
        device: device::open(&options.device)?,
        sync: options.sync.unwrap_or_default().of_model(),
        assume: options.assume,
    })
}

/// Refuses a large model that this machine cannot hold, before all its bytes are read for the
/// checksum. Smaller ones are checked when they are loaded.
///
/// # Errors
/// If it does not fit, or its settings cannot be read.
pub(super) fn refuse_early(options: &RunOptions, path: &Path) -> anyhow::Result<()> {
    if stored_bytes(path) < LARGE {
        return Ok(());
    }
    let load = load_options(options)?;
    let memory = Checkpoint::open_with(path, &load)?.memory(&load);
    check_memory(path, &load, memory.resident_bytes())?;
    Ok(())
}

/// Size from which reading a model takes a second or more.
const LARGE: u64 = 1 << 30;

/// Returns the bytes of a model's files: of all its parts, or of all files in its folder.
fn stored_bytes(path: &Path) -> u64 {
    let files: Vec<PathBuf> = match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => energy_models::parts(path),
    };
    let bytes = files.iter().filter_map(|file| std::fs::metadata(file).ok());
    bytes.map(|file| file.len()).sum()
}

/// Refuses weights that do not fit into the memory of the device, or of the machine.
fn check_memory(path: &Path, load: &LoadOptions, weights: u64) -> Result<MachineMemory, Error> {
    let machine = match load.device.is_cpu() {
        true => MachineMemory::of_this(),
        false => MachineMemory::default(),
    };
    device::check_memory(&load.device, path, weights)?;
    match machine.refuses(path, weights) {
        Some(text) => Err(Error::Request(text)),
        None => Ok(machine),
    }
}

fn too_large(path: &Path, (needed, weights): (u64, u64), free: u64) -> Option<String> {
    let remedy = match weights > free || weights > needed - weights.min(needed) {
        true => "--requantize q8_0, or a smaller model",
        false => "fewer --max-tokens, a smaller --batch, or --cache q8_0",
    };
    let [needs, available] = [needed, free].map(|bytes| format::bytes(Some(bytes)));
    let text = || {
        format!(
            "{} needs up to {needs} of memory, but {available} are available: it may be slow or \
             be killed; use {remedy}",
            path.display(),
        )
    };
    (free < needed).then(text)
}

/// Returns the number of prompts of the largest batch.
fn largest_batch(options: &RunOptions) -> usize {
    let sizes = options.batches().into_iter().map(|batch| batch.len());
    sizes.max().unwrap_or(1)
}

/// Returns the number of tokens of the longest prompt, those of the chat template included; 0 if
/// the template fails, which ends the run later.
fn prompt_tokens(checkpoint: &Checkpoint, options: &RunOptions) -> usize {
    let generate = sampling(options);
    let tokens = |prompt: &str| checkpoint.prompt_tokens(prompt, &generate).unwrap_or(0);
    let prompts = options.prompts().into_iter();
    prompts.max_by_key(|prompt| prompt.len()).map_or(0, tokens)
}

/// Memory of this machine in bytes, as far as the system reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct MachineMemory {
    /// What programs can get without swapping others out.
    free: Option<u64>,
    /// All memory and swap space, or the limit of this process's control group.
    total: Option<u64>,
}

impl MachineMemory {
    fn of_this() -> Self {
        let mut system = sysinfo::System::new();
        system.refresh_memory();
        let group = system.cgroup_limits();
        let of_group = |pick: fn(&sysinfo::CGroupLimits) -> u64| group.as_ref().map(pick);
        let all = system.total_memory().saturating_add(system.total_swap());
        let limit = of_group(|group| group.total_memory.saturating_add(group.free_swap));
        let (free, of_group) = (
            system.available_memory(),
            of_group(|group| group.free_memory),
        );
        let known = |bytes: u64| (bytes > 0).then_some(bytes);
        let least = |one: u64, other: Option<u64>| {
            let other = other.and_then(known);
            known(one).map(|one| other.map_or(one, |other| one.min(other)))
        };
        Self {
            free: least(free, of_group),
            total: least(all, limit),
        }
    }

    /// Returns why a model with `loaded` bytes of weights cannot be loaded.
    fn refuses(self, path: &Path, loaded: u64) -> Option<String> {
        let total = self.total.filter(|total| *total < loaded)?;
        let [needs, has] = [loaded, total].map(|bytes| format::bytes(Some(bytes)));
        Some(format!(
            "{} needs {needs} of memory for its weights, but this machine has {has}, swap \
             space included; use --requantize q8_0 or none, or a smaller model",
            path.display(),
        ))
    }
}

impl SpanDepth {
    /// Converts to the model crate's type.
    pub(crate) fn of_model(self) -> instrument::Depth {
        match self {
            Self::Phase => instrument::Depth::Phase,
            Self::Layer => instrument::Depth::Layer,
            Self::Module => instrument::Depth::Module,
            Self::Deep => instrument::Depth::Deep,
        }
    }
}

impl PrefillWeights {
    /// Converts to the model crate's type.
    pub(crate) fn of_model(self) -> energy_models::Prefill {
        match self {
            Self::Same => energy_models::Prefill::Same,
            Self::F32 => energy_models::Prefill::F32,
        }
    }
}

impl CacheNumbers {
    /// Converts to the model crate's type.
    pub(crate) fn of_model(self) -> energy_models::CacheFormat {
        match self {
            Self::F32 => energy_models::CacheFormat::F32,
            Self::F16 => energy_models::CacheFormat::F16,
            Self::Q8_0 => energy_models::CacheFormat::Q8_0,
        }
    }
}

impl WeightConversion {
    /// Converts to the model crate's type.
    pub(crate) fn of_model(self) -> energy_models::Requantize {
        match self {
            Self::Auto => energy_models::Requantize::Auto,
            Self::None => energy_models::Requantize::None,
            Self::Q8_0 => energy_models::Requantize::Q8_0,
            Self::F32 => energy_models::Requantize::F32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_exceeds_memory_causes_a_warning() {
        let path = Path::new("large.gguf");
        assert_eq!(too_large(path, (4_000, 4_000), 4_000), None);
        let text =
            |weights| too_large(path, (8_000_000_000, weights), 2_000_000_000).expect("a warning");
        let (of_weights, of_cache) = (text(7_000_000_000), text(1_000_000_000));
        assert!(
            of_weights.contains("large.gguf needs up to 8.000 GB"),
            "{of_weights}"
        );
        assert!(of_weights.contains("--requantize"), "{of_weights}");
        assert!(of_cache.contains("--batch"), "{of_cache}");
        let machine = MachineMemory::of_this();
        assert!(machine.free.expect("available memory") > 1 << 20);
        assert!(machine.free <= machine.total, "{machine:?}");
    }

    #[test]
    fn a_model_that_no_memory_can_hold_is_refused() {
        let machine = MachineMemory {
            free: Some(1_000),
            total: Some(4_000_000_000),
        };
        let path = Path::new("large.gguf");
        assert_eq!(machine.refuses(path, 4_000_000_000), None);
        let text = machine.refuses(path, 8_000_000_000).expect("a reason");
        assert!(text.contains("large.gguf needs 8.000 GB"), "{text}");
        assert!(text.contains("has 4.000 GB"), "{text}");
        let unknown = MachineMemory {
            free: None,
            total: None,
        };
        assert_eq!(unknown.refuses(path, u64::MAX), None);
    }
}
