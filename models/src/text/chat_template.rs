//! Renders conversation turns to one prompt with the model's chat template.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, context};

use crate::error::{Error, Result};
use crate::json_file::JsonFile;
use crate::text::tokenizer::Tokenizer;
use crate::weights::gguf::Gguf;

const NAME: &str = "chat";

/// `tokenizer.chat_template` with the special tokens it may name.
#[derive(Debug, Clone)]
pub(crate) struct ChatTemplate {
    source: String,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// Reads the template of a file, `None` if it has none.
    pub(crate) fn read(gguf: &Gguf, tokenizer: &Tokenizer) -> Option<Self> {
        match gguf.metadata().get("tokenizer.chat_template") {
            Some(Value::String(source)) => Some(Self::new(source, tokenizer)),
            _ => None,
        }
    }

    /// Reads the template of a folder: a separate file, or a tokenizer setting.
    ///
    /// # Errors
    /// When an existing file cannot be read.
    pub(crate) fn from_folder(folder: &Path, tokenizer: &Tokenizer) -> Result<Option<Self>> {
        let path = folder.join("chat_template.jinja");
        if path.exists() {
            let source = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
            return Ok(Some(Self::new(&source, tokenizer)));
        }
        let settings = JsonFile::find(folder, "tokenizer_config.json")?;
        let template = settings.as_ref().and_then(|one| one.get("chat_template"));
        // One, or a list of named ones.
        let named = || {
            let list = template?.as_array()?;
            let default = list.iter().find(|one| one["name"] == "default");
            default?["template"].as_str()
        };
        let source = template.and_then(|one| one.as_str()).or_else(named);
        Ok(source.map(|source| Self::new(source, tokenizer)))
    }

    fn new(source: &str, tokenizer: &Tokenizer) -> Self {
        Self {
            source: source.to_owned(),
            bos: tokenizer.bos_text().to_owned(),
            eos: tokenizer.eos_text().to_owned(),
        }
    }

    /// Renders a prompt of one user turn, after a system turn if there is one, up to the
    /// start of the model's answer.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] if the template uses something unknown or
    /// refuses these turns itself.
    pub(crate) fn render(&self, system: Option<&str>, user: &str) -> Result<String> {
        self.try_render(system, user)
            .map_err(|error| Error::ChatTemplate(error.to_string()))
    }

    fn try_render(&self, system: Option<&str>, user: &str) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_syntax(whitespace()?);
        environment.add_function("raise_exception", refuse);
        environment.add_template(NAME, &self.source)?;
        let system = system.map(|text| context! { role => "system", content => text });
        let user = context! { role => "user", content => user };
        let messages: Vec<_> = system.into_iter().chain([user]).collect();
        environment.get_template(NAME)?.render(context! {
            messages => messages,
            add_generation_prompt => true,
            bos_token => &self.bos,
            eos_token => &self.eos,
        })
    }
}

/// Templates are written for a renderer that drops the line of a block.
fn whitespace() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
}

/// Called by templates for turns that they do not accept.
fn refuse(reason: String) -> Result<String, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate {
            source: source.into(),
            bos: "<s>".into(),
            eos: "</s>".into(),
        }
    }

    #[test]
    fn turns_come_in_order() {
        let source = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}";
        let text = template(source).render(Some("be brief"), "hi").unwrap();
        assert_eq!(text, "<s>[system]be brief[user]hi>");
    }

    #[test]
    fn a_template_may_refuse() {
        let error = template("{{ raise_exception('no system') }}")
            .render(None, "hi")
            .unwrap_err();
        assert!(error.to_string().contains("no system"), "{error}");
    }
}
