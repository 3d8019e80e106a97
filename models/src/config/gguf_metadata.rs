//! Typed access to the settings of a GGUF file.

use candle_core::quantized::gguf_file::Value;

use crate::error::{Error, NOT_SUPPORTED_YET, Result};
use crate::weights::gguf::Gguf;
use crate::weights::stored::Weights as _;

/// Metadata under a family's prefix.
pub(super) struct ModelMetadata<'g> {
    pub(super) gguf: &'g Gguf,
    pub(super) prefix: &'g str,
}

impl ModelMetadata<'_> {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.gguf.metadata().get(&format!("{}.{key}", self.prefix))
    }

    pub(super) fn fault(&self, key: &str, problem: &str) -> Error {
        self.gguf
            .fault(format!("metadata `{}.{key}`", self.prefix), problem)
    }

    pub(super) fn unsupported(&self, key: &str, problem: &str) -> Error {
        let thing = format!("metadata `{}.{key}`", self.prefix);
        Error::advise(self.gguf.path(), thing, problem, NOT_SUPPORTED_YET)
    }

    /// Returns `general.name`.
    pub(super) fn name(&self) -> String {
        match self.gguf.metadata().get("general.name") {
            Some(Value::String(name)) => name.clone(),
            _ => String::new(),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(key, "is not text")),
        }
    }

    pub(super) fn count(&self, key: &str) -> Result<usize> {
        let value = self.get(key).ok_or_else(|| self.fault(key, "is missing"))?;
        let one = |value: &Value| match value.to_u64() {
            Ok(count @ 1..=0xffff_ffff) => Some(count as usize),
            _ => None,
        };
        let Value::Array(layers) = value else {
            let wrong = || self.fault(key, "is not a positive number");
            return one(value).ok_or_else(wrong);
        };
        // A number for each layer; the decoder has one for all.
        let differs = || self.unsupported(key, "differs between layers");
        let first = layers.first().ok_or_else(|| self.fault(key, "is empty"))?;
        match layers
            .iter()
            .all(|layer| one(layer).is_some() && one(layer) == one(first))
        {
            true => one(first).ok_or_else(differs),
            false => Err(differs()),
        }
    }

    pub(super) fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        self.get(key).map_or(Ok(default), |_| self.count(key))
    }

    /// Returns a count of which 0 means none.
    pub(super) fn count_if_there(&self, key: &str) -> Result<Option<usize>> {
        match self.get(key).map(Value::to_u64) {
            None | Some(Ok(0)) => Ok(None),
            Some(_) => self.count(key).map(Some),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<f32> {
        let value = self.get(key).ok_or_else(|| self.fault(key, "is missing"))?;
        match value {
            Value::F32(number) if number.is_finite() => Ok(*number),
            Value::F64(number) if number.is_finite() => Ok(*number as f32),
            _ => Err(self.fault(key, "is not a finite number")),
        }
    }

    pub(super) fn number_or(&self, key: &str, default: f32) -> Result<f32> {
        self.get(key).map_or(Ok(default), |_| self.number(key))
    }

    /// Returns a number of which 0 means none.
    pub(super) fn number_if_there(&self, key: &str) -> Result<Option<f64>> {
        let number = self.number_or(key, 0.0)?;
        Ok((number != 0.0).then_some(f64::from(number)))
    }

    pub(super) fn positive(&self, key: &str, default: f32) -> Result<f32> {
        match self.number_or(key, default)? {
            number if number > 0.0 => Ok(number),
            _ => Err(self.fault(key, "is not positive")),
        }
    }

    pub(super) fn truth_or(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(_) => Err(self.fault(key, "is neither true nor false")),
        }
    }
}
