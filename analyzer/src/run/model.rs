//! Locates and loads the model of a run.

use std::path::{Path, PathBuf};

use energy_host::files::irregular;
use energy_models::{Checkpoint, LoadOptions, Model, instrument};

use super::device;
use super::event::{OnRunEvent, RunEvent};
use super::hub::HubModel;
use super::sampling::sampling;
use super::weights_remedy::smaller_weights;
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
    // Reading a pipe could wait for ever.
    if let Some(what) = irregular(&path).filter(|_| !path.is_dir()) {
        let text =
            format!("model {model}: it is {what}; give the path of a GGUF file or of a folder");
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
    let longest = (longest_prompt(&checkpoint, options)?, options.max_tokens);
    let needed = memory.peak_of_batch(&vec![longest; options.largest_batch()]);
    let weights = memory.resident_bytes();
    let remedy = smaller_weights(&checkpoint, &load);
    let machine = check_memory(path, &load, weights, &remedy)?;
    let too_large = |free| too_large(path, (needed, weights), free, &remedy);
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
    let checkpoint = Checkpoint::open_with(path, &load)?;
    let weights = checkpoint.memory(&load).resident_bytes();
    check_memory(path, &load, weights, &smaller_weights(&checkpoint, &load))?;
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
fn check_memory(
    path: &Path,
    load: &LoadOptions,
    weights: u64,
    remedy: &str,
) -> Result<MachineMemory, Error> {
    let machine = match load.device.is_cpu() {
        true => MachineMemory::of_this(),
        false => MachineMemory::default(),
    };
    device::check_memory(&load.device, path, weights, remedy)?;
    match machine.refuses(path, weights, remedy) {
        Some(text) => Err(Error::Request(text)),
        None => Ok(machine),
    }
}

fn too_large(
    path: &Path,
    (needed, weights): (u64, u64),
    free: u64,
    smaller_weights: &str,
) -> Option<String> {
    let remedy = match weights > free || weights > needed - weights.min(needed) {
        true => smaller_weights,
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

/// Returns the number of tokens of the longest prompt, those of the chat template included; 0 if
/// the template fails, which ends the run later.
///
/// # Errors
/// If a prompt leaves no room for an answer.
fn longest_prompt(checkpoint: &Checkpoint, options: &RunOptions) -> Result<usize, Error> {
    let generate = sampling(options);
    let context = checkpoint.summary().context_length;
    let mut prompts = options.prompts();
    let count = prompts.len();
    // Without `--each-line`, all are the same.
    prompts.truncate(if options.each_line { count } else { 1 });
    let mut longest = 0;
    for (row, prompt) in prompts.into_iter().enumerate() {
        let tokens = checkpoint.prompt_tokens(prompt, &generate).unwrap_or(0);
        if tokens >= context {
            let error = energy_models::Error::PromptTooLong { tokens, context };
            return Err(Error::Request(match options.each_line {
                true => format!("line {} of the prompts: {error}", row + 1),
                false => error.to_string(),
            }));
        }
        longest = longest.max(tokens);
    }
    Ok(longest)
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
    fn refuses(self, path: &Path, loaded: u64, remedy: &str) -> Option<String> {
        let total = self.total.filter(|total| *total < loaded)?;
        let [needs, has] = [loaded, total].map(|bytes| format::bytes(Some(bytes)));
        Some(format!(
            "{} needs {needs} of memory for its weights, but this machine has {has}, swap \
             space included; use {remedy}",
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
        assert_eq!(too_large(path, (4_000, 4_000), 4_000, "x"), None);
        let text = |weights| {
            let needed = (8_000_000_000, weights);
            let remedy = "--requantize none, or a smaller model";
            too_large(path, needed, 2_000_000_000, remedy).expect("a warning")
        };
        let (of_weights, of_cache) = (text(7_000_000_000), text(1_000_000_000));
        assert!(
            of_weights.contains("large.gguf needs up to 8.000 GB"),
            "{of_weights}"
        );
        assert!(
            of_weights.contains("use --requantize none, or a smaller model"),
            "{of_weights}"
        );
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
        assert_eq!(machine.refuses(path, 4_000_000_000, "x"), None);
        let text = machine
            .refuses(path, 8_000_000_000, "a smaller model")
            .expect("a reason");
        assert!(text.contains("large.gguf needs 8.000 GB"), "{text}");
        assert!(text.contains("has 4.000 GB"), "{text}");
        assert!(text.ends_with("use a smaller model"), "{text}");
        let unknown = MachineMemory {
            free: None,
            total: None,
        };
        assert_eq!(unknown.refuses(path, u64::MAX, "x"), None);
    }
}
