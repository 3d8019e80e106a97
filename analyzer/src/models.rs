//! Models that can be run: known names, the hub's cache, and files of a folder.

use std::path::{Path, PathBuf};

use clap::Args;
use energy_models::{Checkpoint, LoadOptions, ModelSummary};
use serde::Serialize;

use crate::format::{Answer, Column, Sheet, escape};
use crate::run::model_folder::{Links, models_below};
use crate::run::{CachedModel, Fetch, SMOLLM2, cached_models};

/// Tokens of the prompt and generated ones that the memory is computed for.
const TOKENS: (usize, usize) = (512, 128);

/// Options of the list of models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ModelsOptions {
    /// Also list the models below this folder
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

/// A model of the list. Facts are unknown if the files are not on this machine, or cannot be
/// read, which `problem` explains.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ListedModel {
    /// Value for `energy run --model`.
    pub model: String,
    /// The same, but below the folder of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
    /// Name that the files state.
    pub name: Option<String>,
    /// Bytes of the files.
    pub bytes: Option<u64>,
    /// Architecture, such as `llama`.
    pub architecture: Option<String>,
    /// Number formats of the matrices in the files.
    pub precision: Option<String>,
    /// Number of parameters.
    pub parameters: Option<u64>,
    /// Context length in tokens.
    pub context_length: Option<usize>,
    /// Memory for a prompt of 512 tokens and 128 generated ones.
    pub memory_bytes: Option<u64>,
    /// Bytes of the key-value cache for each token.
    pub kv_bytes_per_token: Option<u64>,
    /// Whether the files are on this machine.
    pub is_cached: bool,
    /// Why the model cannot be run.
    pub problem: Option<String>,
}

/// Lists the known and the cached models, and those of a folder.
pub fn models(options: &ModelsOptions) -> Answer {
    let mut all = vec![known()];
    all.extend(cached_models().into_iter().map(cached));
    if let Some(root) = &options.models {
        let paths = models_below(root, Links::All);
        all.extend(paths.into_iter().map(|path| {
            let below = path.strip_prefix(root).ok();
            let below = below.map(|path| path.display().to_string());
            ListedModel {
                below: below.filter(|text| !text.is_empty()),
                ..listed(path.display().to_string(), &path)
            }
        }));
    }
    for model in &mut all {
        model.below.get_or_insert_with(|| model.model.clone());
    }
    let unusable: Vec<String> = all.iter().filter_map(problem).collect();
    let (input, output) = TOKENS;
    let answer = Answer::new("models", "")
        .sheet(Sheet::new("models", "Models", columns(), all))
        .note(format!(
            "Memory is for {input} tokens of a prompt and {output} generated ones, with the \
             default conversion of weights."
        ))
        .note(format!(
            "`energy run --model {}` downloads that model once.",
            SMOLLM2.name
        ));
    unusable.into_iter().fold(answer, Answer::note)
}

/// Describes why a model cannot be run, in one line; `energy run` explains more.
fn problem(model: &ListedModel) -> Option<String> {
    let first = model.problem.as_ref()?.split("; ").next()?;
    let path = model.model.as_str();
    let text = first.strip_prefix(path).map_or(first, |rest| {
        rest.trim_start_matches(|c: char| c == ':' || c.is_whitespace())
    });
    let name = model.below.as_deref().unwrap_or(path);
    Some(escape(&format!("{name}: {text}")))
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("below", "model"),
        Column::text("name", "name").from_width(160),
        Column::text("architecture", "architecture"),
        Column::text("precision", "weights"),
        Column::count("parameters", "parameters").from_width(120),
        Column::bytes("bytes", "size"),
        Column::bytes("memory_bytes", "memory"),
        Column::count("context_length", "context").from_width(100),
        Column::bytes("kv_bytes_per_token", "cache/token").from_width(140),
        Column::text("is_cached", "cached"),
    ]
}

/// Returns the model with a built-in name. Some facts are known without its file.
fn known() -> ListedModel {
    let path = Fetch::for_user().map(|fetch| fetch.cache.join(SMOLLM2.file));
    let path = path.ok().filter(|path| path.is_file());
    match path {
        Some(path) => listed(SMOLLM2.name.to_owned(), &path),
        None => ListedModel {
            model: SMOLLM2.name.to_owned(),
            name: Some("SmolLM2 135M Instruct".to_owned()),
            bytes: Some(SMOLLM2.bytes),
            architecture: Some("llama".to_owned()),
            precision: Some("q4_1".to_owned()),
            ..ListedModel::default()
        },
    }
}

/// Describes a model in the hub's cache, which may be incomplete.
fn cached(model: CachedModel) -> ListedModel {
    let Some(missing) = model.missing else {
        return listed(model.name, &model.path);
    };
    let problem = format!(
        "{missing} is missing in the cache; `energy run --model {}` downloads it",
        model.name
    );
    ListedModel {
        model: model.name,
        problem: Some(problem),
        ..ListedModel::default()
    }
}

fn listed(model: String, path: &Path) -> ListedModel {
    let mut parts = energy_models::parts(path).into_iter();
    if let Some(part) = parts.find(|part| path.is_file() && !part.is_file()) {
        let problem = format!("{} is missing, a part of the model", part.display());
        return ListedModel {
            model,
            is_cached: true,
            problem: Some(problem),
            ..ListedModel::default()
        };
    }
    let options = LoadOptions::default();
    let summary = Checkpoint::open(path).and_then(|checkpoint| {
        let facts = (checkpoint.summary(), checkpoint.memory(&options));
        checkpoint.check_tensors(&options).map(|()| facts)
    });
    match summary {
        Ok((summary, memory)) => {
            let ModelSummary {
                name,
                architecture,
                precision,
                parameters,
                context_length,
                file_bytes,
                ..
            } = summary;
            let (input, output) = TOKENS;
            ListedModel {
                model,
                name: Some(name).filter(|name| !name.is_empty()),
                bytes: Some(file_bytes),
                architecture: Some(architecture),
                precision: Some(precision),
                parameters: Some(parameters),
                context_length: Some(context_length),
                memory_bytes: Some(memory.peak(input, output)),
                kv_bytes_per_token: Some(memory.cache_bytes_per_token),
                is_cached: true,
                ..ListedModel::default()
            }
        }
        Err(error) => ListedModel {
            model,
            bytes: std::fs::metadata(path)
                .ok()
                .filter(|file| file.is_file())
                .map(|file| file.len()),
            is_cached: true,
            problem: Some(error.to_string()),
            ..ListedModel::default()
        },
    }
}
