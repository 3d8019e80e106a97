//! The chat template that a model brings: turns to one prompt.

use candle_core::quantized::gguf_file::Value;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, context};

use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
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
    /// The template of a file, `None` if it has none.
    pub(crate) fn read(gguf: &Gguf, tokenizer: &Tokenizer) -> Option<Self> {
        let Some(Value::String(source)) = gguf.metadata().get("tokenizer.chat_template") else {
            return None;
        };
        let (bos, eos) = (
            tokenizer.bos_text().to_owned(),
            tokenizer.eos_text().to_owned(),
        );
        Some(Self {
            source: source.clone(),
            bos,
            eos,
        })
    }

    /// A prompt of one user turn, after a system turn if there is one, up to
    /// where the model's answer begins.
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

/// What templates call for turns they do not take.
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
