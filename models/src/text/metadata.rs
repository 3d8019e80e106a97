//! Metadata of a vocabulary.

use candle_core::quantized::gguf_file::Value;

use crate::error::{Error, Result};
use crate::weights::gguf::Gguf;
use crate::weights::stored::Weights;

/// Metadata below `tokenizer.ggml`.
pub(super) struct VocabularyMetadata<'g>(pub(super) &'g Gguf);

impl VocabularyMetadata<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.metadata().get(&format!("tokenizer.ggml.{key}"))
    }

    /// An error about the file.
    pub(super) fn fault(&self, key: &str, problem: String) -> Error {
        self.0
            .fault(format!("metadata `tokenizer.ggml.{key}`"), problem)
    }

    /// An error about what is not supported.
    pub(super) fn refuse(&self, key: &str, problem: String) -> Error {
        let thing = format!("metadata `tokenizer.ggml.{key}`");
        Error::advise(
            self.0.path(),
            thing,
            problem,
            "choose a model with another tokenizer",
        )
    }

    pub(super) fn text(&self, key: &str) -> Result<&str> {
        match self.get(key) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(self.fault(key, "is missing or not text".into())),
        }
    }

    /// A text that need not be there.
    pub(super) fn text_or<'t>(&'t self, key: &str, default: &'t str) -> Result<&'t str> {
        self.get(key).map_or(Ok(default), |_| self.text(key))
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<&str>> {
        let fault = || self.fault(key, "is missing or not a list of texts".into());
        let Some(Value::Array(values)) = self.get(key) else {
            return Err(fault());
        };
        let text = |value| text(value).ok_or_else(fault);
        values.iter().map(text).collect()
    }

    /// One finite number for each token.
    pub(super) fn numbers(&self, key: &str, vocab: usize) -> Result<Vec<f32>> {
        let fault = || self.fault(key, format!("is not a list of {vocab} finite numbers"));
        let Some(Value::Array(values)) = self.get(key) else {
            return Err(fault());
        };
        let number = |value: &Value| match value {
            Value::F32(number) if number.is_finite() => Some(*number),
            _ => None,
        };
        let numbers: Option<Vec<f32>> = values.iter().map(number).collect();
        let complete = numbers.filter(|numbers| numbers.len() == vocab);
        complete.ok_or_else(fault)
    }

    /// Token types; all normal if the file has none.
    pub(super) fn types(&self, vocab: usize) -> Result<Vec<i64>> {
        let Some(Value::Array(values)) = self.get("token_type") else {
            return Ok(vec![1; vocab]);
        };
        let kind = |value: &Value| match value {
            Value::I32(kind) => Some(i64::from(*kind)),
            other => other
                .to_u64()
                .ok()
                .and_then(|kind| i64::try_from(kind).ok()),
        };
        let types: Option<Vec<_>> = values.iter().map(kind).collect();
        let complete = types.filter(|types| types.len() == vocab);
        complete.ok_or_else(|| self.fault("token_type", "does not fit the tokens".into()))
    }

    pub(super) fn id(&self, key: &str, vocab: usize) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.to_u64() {
            Ok(id) if (id as usize) < vocab => Ok(Some(id as u32)),
            _ => Err(self.fault(key, format!("is not one of {vocab} tokens"))),
        }
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> bool {
        match self.get(key) {
            Some(Value::Bool(flag)) => *flag,
            _ => default,
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
