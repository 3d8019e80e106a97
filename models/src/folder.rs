//! A model in a folder of Hugging Face's layout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::decoder_config::DecoderConfig;
use crate::config::huggingface::{self, WeightFacts};
use crate::error::{Error, Result};
use crate::json_file::JsonFile;
use crate::text;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;
use crate::weights::safetensors::Safetensors;
use crate::weights::stored::Weights;

/// One file with all weights.
const WHOLE: &str = "model.safetensors";
/// Index from tensor to file.
const INDEX: &str = "model.safetensors.index.json";

/// Contents of a folder; the weights are not read yet.
pub(crate) struct OpenedFolder {
    pub weights: Safetensors,
    pub config: DecoderConfig,
    pub tokenizer: Tokenizer,
    pub chat: Option<ChatTemplate>,
}

/// Returns the folder that a path stands for; `None` if it is a file of another kind.
pub(crate) fn of(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let is_part = path.extension().is_some_and(|end| end == "safetensors");
    let folder = path.parent().filter(|_| is_part && path.is_file())?;
    match folder.as_os_str().is_empty() {
        true => Some(PathBuf::from(".")),
        false => Some(folder.to_owned()),
    }
}

/// Opens the model of a folder.
///
/// # Errors
/// The same as [`crate::Checkpoint::open`].
pub(crate) fn open(folder: &Path) -> Result<OpenedFolder> {
    let json = JsonFile::open(&folder.join("config.json"))?.of_text();
    let family = huggingface::family(&json)?;
    let mut weights = Safetensors::open(folder, &files(folder)?)?;
    let vocab = weights
        .rows("token_embd.weight")
        .ok_or_else(|| Error::file(folder, "tensor `model.embed_tokens.weight`", "is missing"))?;
    let facts = WeightFacts {
        vocab,
        has_output: weights.has("output.weight"),
    };
    let mut config = huggingface::read(&json, facts)?;
    if config.name.is_empty() {
        let name = std::path::absolute(folder).ok();
        let name = name.as_deref().and_then(Path::file_name);
        config.name = name.map_or(String::new(), |name| name.to_string_lossy().into_owned());
    }
    if config.tied {
        weights.forget("output.weight");
    }
    if family.counts_norms_from_one {
        weights.count_norms_from_one();
    }
    let tokenizer = text::huggingface::read(folder, config.vocab)?;
    let chat = text::chat::stored::of_folder(folder, &tokenizer)?;
    Ok(OpenedFolder {
        weights,
        config,
        tokenizer,
        chat,
    })
}

/// Lists the files with the weights.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let index = folder.join(INDEX);
    if !index.exists() {
        return Ok(vec![folder.join(WHOLE)]);
    }
    let json = JsonFile::open(&index)?;
    let map = json.get("weight_map").and_then(|map| map.as_object());
    let map = map.ok_or_else(|| json.fault("weight_map", "is missing or not an object"))?;
    let names: Option<BTreeSet<&str>> = map.values().map(|file| file.as_str()).collect();
    let is_plain = |name: &&str| Path::new(name).components().count() == 1;
    let names = names.filter(|names| !names.is_empty() && names.iter().all(is_plain));
    let names = names.ok_or_else(|| json.fault("weight_map", "has no names of files"))?;
    let files = names.into_iter().map(|name| folder.join(name));
    Ok(files.collect())
}
