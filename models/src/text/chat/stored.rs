//! The template of a model's files. Files may hold several, by name; the default one is used.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use crate::error::{Error, Result};
use crate::json_file::JsonFile;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;
use crate::weights::gguf::Gguf;
use crate::weights::regular_file;

/// Name of the template for conversations without tools.
const DEFAULT: &str = "default";
/// Key of a file's template; others follow after a dot.
const KEY: &str = "tokenizer.chat_template";

/// Reads the template of a GGUF file, `None` if it has none.
pub(crate) fn of_gguf(gguf: &Gguf, tokenizer: &Tokenizer) -> Option<ChatTemplate> {
    let text = |value: &Value| match value {
        Value::String(source) => Some(source.clone()),
        _ => None,
    };
    let metadata = gguf.metadata();
    let named = || {
        let all = metadata.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(KEY)?.strip_prefix('.')?;
            Some((name.to_owned(), text(value)?))
        });
        chosen(all.collect())
    };
    let source = metadata.get(KEY).and_then(text).or_else(named)?;
    Some(ChatTemplate::new(&source, tokenizer.special_texts()))
}

/// Reads the template of a folder: a separate file, or a tokenizer setting.
///
/// # Errors
/// When an existing file cannot be read.
pub(crate) fn of_folder(folder: &Path, tokenizer: &Tokenizer) -> Result<Option<ChatTemplate>> {
    let source = folder_source(folder)?;
    Ok(source.map(|source| ChatTemplate::new(&source, tokenizer.special_texts())))
}

fn folder_source(folder: &Path) -> Result<Option<String>> {
    let path = folder.join("chat_template.jinja");
    if path.exists() {
        let bytes = regular_file::read(&path, "chat template")?;
        let source = String::from_utf8(bytes);
        let fault = |_| Error::file(&path, "chat template", "is not text in UTF-8");
        return source.map(Some).map_err(fault);
    }
    for file in ["chat_template.json", "tokenizer_config.json"] {
        let settings = JsonFile::find(folder, file)?;
        let template = settings.as_ref().and_then(|one| one.get("chat_template"));
        if let Some(source) = template.and_then(of_setting) {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

/// Returns the template of a setting: a text, or a list of named ones.
fn of_setting(template: &serde_json::Value) -> Option<String> {
    if let Some(source) = template.as_str() {
        return Some(source.to_owned());
    }
    let named = |one: &serde_json::Value| {
        let (name, source) = (one["name"].as_str()?, one["template"].as_str()?);
        Some((name.to_owned(), source.to_owned()))
    };
    chosen(template.as_array()?.iter().filter_map(named).collect())
}

/// Returns the default of named templates, or the only one.
fn chosen(mut named: Vec<(String, String)>) -> Option<String> {
    match named.iter().position(|(name, _)| name == DEFAULT) {
        Some(at) => Some(named.swap_remove(at).1),
        None if named.len() == 1 => named.pop().map(|(_, source)| source),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::of_setting;
    use serde_json::json;

    #[test]
    fn the_default_template_or_the_only_one_is_used() {
        let one = |name: &str| json!({"name": name, "template": name.to_uppercase()});
        for (setting, expected) in [
            (json!("text"), Some("text")),
            (json!([one("tool_use"), one("default")]), Some("DEFAULT")),
            (json!([one("chat")]), Some("CHAT")),
            (json!([one("tool_use"), one("rag")]), None),
            (json!([]), None),
            (json!(3), None),
        ] {
            assert_eq!(of_setting(&setting).as_deref(), expected, "{setting}");
        }
    }
}
