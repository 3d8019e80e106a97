//! A model in a folder of Hugging Face's layout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::decoder_config::DecoderConfig;
use crate::config::huggingface::{self, WeightFacts};
use crate::error::{Error, Result};
use crate::json_file::JsonFile;
use crate::text;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;
use crate::weights::quantised_folder;
use crate::weights::safetensors::Safetensors;
use crate::weights::stored::Weights;
use crate::weights::tensor_names;

/// One file with all weights.
const WHOLE: &str = "model.safetensors";
/// Index from tensor to file.
const INDEX: &str = "model.safetensors.index.json";
/// The token embedding.
const EMBEDDING: &str = "token_embd.weight";
/// The output projection.
const OUTPUT: &str = "output.weight";

/// Contents of a folder; the weights are not read yet.
pub(crate) struct OpenedFolder {
    pub weights: Safetensors,
    pub config: DecoderConfig,
    pub tokenizer: Tokenizer,
    pub chat: Option<ChatTemplate>,
    /// Choices and assumptions that the user should know.
    pub notes: Vec<String>,
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
pub(crate) fn open(folder: &Path, assume: bool) -> Result<OpenedFolder> {
    let settings = folder.join("config.json");
    if !settings.exists() {
        return Err(no_settings(folder));
    }
    let settings = JsonFile::open(&settings)?;
    let json = settings.clone().of_text();
    let family = huggingface::family(&json, assume)?;
    let mut notes = Vec::new();
    let mut weights = Safetensors::open(folder, &files(folder, &mut notes)?)?;
    let block = quantised_folder::block(&settings, weights.file_names())?;
    weights.set_block(block);
    let vocab = weights
        .rows(EMBEDDING)
        .ok_or_else(|| Error::file(folder, "tensor `model.embed_tokens.weight`", "is missing"))?;
    check_vocabulary(&json, vocab)?;
    let facts = WeightFacts {
        vocab,
        has_output: weights.has(OUTPUT),
    };
    notes.extend(check_output(folder, &settings, &weights)?);
    if let Some(missing) = missing_in_layer(&weights, &json) {
        let name = weights.name_in_files(&format!("blk.0.{missing}"));
        let thing = format!("tensor `{name}`");
        return Err(Error::file(folder, thing, MISSING));
    }
    let mut config = huggingface::read(&json, facts, assume)?;
    if config.name.is_empty() {
        let name = std::path::absolute(folder).ok();
        let name = name.as_deref().and_then(Path::file_name);
        config.name = name.map_or(String::new(), |name| name.to_string_lossy().into_owned());
    }
    if config.tied {
        weights.forget(OUTPUT);
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
        notes,
    })
}

const MISSING: &str = "is missing, but config.json states that the layers have it";

/// Returns the first tensor that the settings state and the first layer lacks.
fn missing_in_layer(weights: &Safetensors, json: &JsonFile) -> Option<&'static str> {
    let has = |end: &str| {
        let of_experts = end.replace("ffn_up.", "ffn_up_exps.");
        let names = [
            Some(end.to_owned()),
            tensor_names::fused(end),
            Some(of_experts),
        ];
        let mut names = names.into_iter().flatten();
        names.any(|name| weights.has(&format!("blk.0.{name}")))
    };
    huggingface::stated_tensors(json)
        .into_iter()
        .find(|end| !has(end))
}

/// Compares the stated size of the vocabulary with the rows of the token embedding. Both may be larger
/// than the tokenizer's, because rows are often added up to a multiple of 64.
fn check_vocabulary(json: &JsonFile, rows: usize) -> Result<()> {
    let key = "vocab_size";
    match json.count_or(key, rows)? {
        stated if stated == rows => Ok(()),
        stated => {
            let problem = format!("is {stated}, but the embedding has {rows} rows");
            Err(json.fault(key, &problem))
        }
    }
}

/// Compares the output projection with the setting that decides whether it is the embedding;
/// returns what is assumed if neither of them is there.
///
/// # Errors
/// If they contradict each other.
fn check_output(folder: &Path, json: &JsonFile, weights: &Safetensors) -> Result<Option<String>> {
    let key = "tie_word_embeddings";
    let of_text = json.get("text_config").and_then(|text| text.get(key));
    let is_tied = of_text.or(json.get(key)).and_then(Value::as_bool);
    let fault = |problem: String| Error::file(folder, "tensor `lm_head.weight`", problem);
    match (weights.has(OUTPUT), is_tied) {
        (false, Some(false)) => Err(fault(format!("is missing, and `{key}` is false"))),
        (false, None) => Ok(Some(format!(
            "there is no `lm_head.weight` and no `{key}`: the output projection is the token \
             embedding"
        ))),
        (true, Some(true)) if !weights.are_equal(OUTPUT, EMBEDDING)? => Err(fault(format!(
            "differs from the token embedding, although `{key}` is true"
        ))),
        _ => Ok(None),
    }
}

/// Returns the error about a folder without `config.json`.
fn no_settings(folder: &Path) -> Error {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut gguf: Vec<String> = files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".gguf"))
        .collect();
    gguf.sort();
    match gguf.first() {
        Some(file) => {
            let problem = format!("is missing, but there is the GGUF file {file}");
            let next = "give the path of the GGUF file";
            Error::advise(folder, "config.json", problem, next)
        }
        None => {
            let next = "give a folder with config.json, tokenizer.json and safetensors, or a \
                        GGUF file";
            Error::advise(folder, "config.json", "is missing", next)
        }
    }
}

/// Lists the files with the weights, and notes a choice between two sets of them.
///
/// A whole file that has all tensors of the index counts, else the parts of the index.
fn files(folder: &Path, notes: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let (whole, index) = (folder.join(WHOLE), folder.join(INDEX));
    if !index.exists() {
        return match whole.exists() {
            true => Ok(vec![whole]),
            false => Err(no_weights(folder)),
        };
    }
    let (parts, tensors) = parts(folder, &index)?;
    if parts == [whole.clone()] || !whole.exists() {
        return match parts.iter().find(|part| !part.exists()) {
            Some(part) => {
                let next = "download the file, or all files of the model again";
                let thing = format!("part of the model by {INDEX}");
                Err(Error::advise(part, thing, "is missing", next))
            }
            None => Ok(parts),
        };
    }
    let missing = Safetensors::open(folder, std::slice::from_ref(&whole))
        .map(|whole| missing(&tensors, whole.file_names()));
    let are_parts_there = parts.iter().all(|part| part.exists());
    match (missing, are_parts_there) {
        (Ok(None), _) => {
            notes.push(format!(
                "weights are from {WHOLE}; {INDEX} and its parts are not read"
            ));
            Ok(vec![whole])
        }
        (_, true) => {
            notes.push(format!(
                "weights are from the parts of {INDEX}; {WHOLE} is incomplete"
            ));
            Ok(parts)
        }
        (Ok(Some(tensor)), false) => {
            let problem = format!("has no tensor `{tensor}`, which {INDEX} lists in other files");
            Err(Error::file(&whole, "safetensors", problem))
        }
        (Err(error), false) => Err(error),
    }
}

/// Returns a tensor that is not among `found`.
fn missing<'n>(tensors: &[String], found: impl Iterator<Item = &'n str>) -> Option<String> {
    let found: BTreeSet<&str> = found.collect();
    let mut tensors = tensors.iter();
    tensors.find(|name| !found.contains(name.as_str())).cloned()
}

/// Returns the error about a folder without safetensors.
fn no_weights(folder: &Path) -> Error {
    const OTHERS: [(&str, &str); 4] = [
        ("pytorch_model.bin", "PyTorch"),
        ("pytorch_model.bin.index.json", "PyTorch"),
        ("tf_model.h5", "TensorFlow"),
        ("flax_model.msgpack", "Flax"),
    ];
    let other = OTHERS.iter().find(|(file, _)| folder.join(file).exists());
    let path = folder.join(WHOLE);
    match other {
        Some((_, program)) => {
            let problem = format!("is missing; there are weights of {program} only");
            let next = "choose a version with safetensors, or save the model again with them";
            Error::advise(&path, "safetensors", problem, next)
        }
        None => Error::file(&path, "safetensors", "is missing"),
    }
}

/// Returns the files and the tensors of an index.
fn parts(folder: &Path, index: &Path) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let json = JsonFile::open(index)?;
    let map = json.get("weight_map").and_then(|map| map.as_object());
    let map = map.ok_or_else(|| json.fault("weight_map", "is missing or not an object"))?;
    let names: Option<BTreeSet<&str>> = map.values().map(|file| file.as_str()).collect();
    let is_plain = |name: &&str| Path::new(name).components().count() == 1;
    let names = names.filter(|names| !names.is_empty() && names.iter().all(is_plain));
    let names = names.ok_or_else(|| json.fault("weight_map", "has no names of files"))?;
    let files = names.into_iter().map(|name| folder.join(name));
    Ok((files.collect(), map.keys().cloned().collect()))
}
