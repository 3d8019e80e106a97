//! Reads a tokenizer from Hugging Face's files: `tokenizer.json`, and the special tokens
//! of `tokenizer_config.json`, `generation_config.json` and `config.json`.

use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::Value;
use tokenizers::Tokenizer as Engine;

use crate::error::{Error, Result};
use crate::json_file::JsonFile;
use crate::text::tokenizer::Tokenizer;
use crate::text::vocabulary::{BYTE, CONTROL, NORMAL, USER_DEFINED};
use crate::text::{byte_level, sentencepiece};
use crate::weights::{foreign, regular_file};

/// Special tokens of the settings, as templates name them.
const NAMED: [&str; 4] = ["bos_token", "eos_token", "unk_token", "pad_token"];

/// Reads the tokenizer of a folder; the embedding of its model has `vocab` rows.
///
/// # Errors
/// When `tokenizer.json` is missing or damaged, or has more tokens than the model.
pub(crate) fn read(folder: &Path, vocab: usize) -> Result<Tokenizer> {
    let path = folder.join("tokenizer.json");
    let fault = |problem: String| Error::file(&path, "tokenizer", problem);
    let engine = engine(&path)?;
    let size = engine
        .get_vocab(true)
        .values()
        .max()
        .map_or(0, |id| *id as usize + 1);
    if size > vocab {
        return Err(fault(format!(
            "has {size} tokens, the embedding has {vocab}"
        )));
    }
    let named = JsonFile::find(folder, "tokenizer_config.json")?;
    let texts = NAMED.map(|name| (name, special(&named, name)));
    let [(_, bos), (_, eos), ..] = &texts;
    let id = |text: &str| engine.token_to_id(text).filter(|_| !text.is_empty());
    let mut stops: Vec<u32> = id(eos).into_iter().collect();
    for file in ["generation_config.json", "config.json"] {
        if let Some(settings) = JsonFile::find(folder, file)? {
            stops.extend(ends(&settings, &engine)?);
        }
    }
    stops.sort_unstable();
    stops.dedup();
    Ok(Tokenizer {
        pieces: pieces(&engine, size, vocab),
        bos: id(bos),
        add_bos: begins_with(&engine, id(bos)).map_err(fault)?,
        special: texts.into(),
        stops,
        engine,
    })
}

/// The tokenizer of a file.
fn engine(path: &Path) -> Result<Engine> {
    let fault = |problem: String| Error::file(path, "tokenizer", problem);
    let bytes = regular_file::read(path, "tokenizer")?;
    foreign::refuse(path, &bytes, "tokenizer")?;
    // The library panics for parts that are not JSON, and for some unusual parts.
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(|error| fault(error.to_string()))?;
    let engine = std::panic::catch_unwind(|| Engine::from_bytes(bytes));
    let engine = engine.map_err(|_| fault("cannot be understood".to_owned()))?;
    let mut engine = engine.map_err(|error| fault(error.to_string()))?;
    // Settings of the training that the file may keep; a prompt is used whole.
    let whole = engine.with_truncation(None);
    whole.map_err(|error| fault(error.to_string()))?;
    engine.with_padding(None);
    Ok(engine)
}

/// Returns the text of a special token: a string, or in an object.
fn special(settings: &Option<JsonFile>, key: &str) -> String {
    let value = settings.as_ref().and_then(|settings| settings.get(key));
    let text = value.and_then(|value| value.as_str().or_else(|| value.get("content")?.as_str()));
    text.unwrap_or_default().to_owned()
}

/// Returns the tokens that end a text by a file of settings: one id or several.
///
/// # Errors
/// If one is no token: no answer would end with it, so the files do not belong together.
fn ends(settings: &JsonFile, engine: &Engine) -> Result<Vec<u32>> {
    let key = "eos_token_id";
    let all = match settings.get(key) {
        Some(Value::Array(list)) => list.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    let id = |value: &Value| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        let known = id.filter(|id| engine.id_to_token(*id).is_some());
        let problem = || format!("has {value}, which is no token of tokenizer.json");
        known.ok_or_else(|| settings.fault(key, &problem()))
    };
    all.iter().map(id).collect()
}

/// Whether the tokenizer prepends its start token to a text.
fn begins_with(engine: &Engine, bos: Option<u32>) -> Result<bool, String> {
    let encoding = engine.encode_fast("a", true);
    let encoding = encoding.map_err(|error| error.to_string())?;
    Ok(bos.is_some() && encoding.get_ids().first().copied() == bos)
}

/// Returns the bytes of all tokens; empty for rows of the embedding without a token.
fn pieces(engine: &Engine, size: usize, vocab: usize) -> Vec<Box<[u8]>> {
    let added = engine.get_added_tokens_decoder();
    let has_bytes = engine.token_to_id("<0x0A>").is_some();
    let piece = |id: u32| {
        let Some(token) = engine.id_to_token(id) else {
            return Box::default();
        };
        let kind = match added.get(&id) {
            Some(token) if token.special => CONTROL,
            Some(_) => USER_DEFINED,
            None if has_bytes && is_byte(&token) => BYTE,
            None => NORMAL,
        };
        match has_bytes {
            true => sentencepiece::piece(&token, kind),
            false => byte_level::piece(&token, kind),
        }
    };
    let mut pieces: Vec<Box<[u8]>> = (0..size as u32).map(piece).collect();
    pieces.resize(vocab, Box::default());
    pieces
}

fn is_byte(token: &str) -> bool {
    token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
}
