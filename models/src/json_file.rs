//! A file of settings in JSON.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, NOT_SUPPORTED_YET, Result};
use crate::weights::{foreign, regular_file};

/// A file of settings.
#[derive(Debug, Clone)]
pub(crate) struct JsonFile {
    path: PathBuf,
    value: Value,
}

impl JsonFile {
    /// Reads a file that holds one object.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = regular_file::read(path, "JSON")?;
        foreign::refuse(path, &bytes, "JSON")?;
        let fault = |problem: String| Error::file(path, "JSON", problem);
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| fault(e.to_string()))?;
        match value.is_object() {
            true => Ok(Self {
                path: path.to_owned(),
                value,
            }),
            false => Err(fault("is not an object".to_owned())),
        }
    }

    /// Same as [`Self::open`] for a file in a folder; `None` if it does not exist.
    pub(crate) fn find(folder: &Path, file: &str) -> Result<Option<Self>> {
        let path = folder.join(file);
        path.exists().then(|| Self::open(&path)).transpose()
    }

    /// Returns a value; `None` for null.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    /// Returns the names of all values.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let object = self.value.as_object().into_iter();
        object.flat_map(|object| object.keys().map(String::as_str))
    }

    /// Whether there is a value, which may be null.
    pub(crate) fn states(&self, key: &str) -> bool {
        self.value.get(key).is_some()
    }

    /// Returns true or false.
    pub(crate) fn truth_or(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key).map(Value::as_bool) {
            None => Ok(default),
            Some(Some(truth)) => Ok(truth),
            Some(None) => Err(self.fault(key, "is neither true nor false")),
        }
    }

    /// Returns an error about this file.
    pub(crate) fn fault(&self, key: &str, problem: &str) -> Error {
        Error::file(&self.path, format!("key `{key}`"), problem)
    }

    /// Returns an error about a setting that is not supported.
    pub(crate) fn unsupported(&self, key: &str, problem: &str) -> Error {
        let thing = format!("key `{key}`");
        Error::advise(&self.path, thing, problem, NOT_SUPPORTED_YET)
    }

    /// Returns the part that describes the decoder: models of text and images have one.
    pub(crate) fn of_text(self) -> Self {
        let Self { path, value } = self;
        let value = match value.get("text_config") {
            Some(text) if text.is_object() => text.clone(),
            _ => value,
        };
        Self { path, value }
    }

    /// Returns a text that must be there.
    pub(crate) fn text(&self, key: &str) -> Result<&str> {
        let text = self.get(key).and_then(Value::as_str);
        text.ok_or_else(|| self.fault(key, "is missing or not text"))
    }

    /// Returns a positive number that must be there.
    pub(crate) fn count(&self, key: &str) -> Result<usize> {
        let value = self.get(key).ok_or_else(|| self.fault(key, "is missing"))?;
        match value.as_u64() {
            Some(count @ 1..=0xffff_ffff) => Ok(count as usize),
            _ => Err(self.fault(key, "is not a positive number")),
        }
    }

    /// Returns a positive number.
    pub(crate) fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        self.get(key).map_or(Ok(default), |_| self.count(key))
    }

    /// Returns a finite number.
    pub(crate) fn number_or(&self, key: &str, default: f32) -> Result<f32> {
        let number = |value: &Value| value.as_f64().map(|number| number as f32);
        match self.get(key).map(number) {
            None => Ok(default),
            Some(Some(number)) if number.is_finite() => Ok(number),
            Some(_) => Err(self.fault(key, "is not a finite number")),
        }
    }

    /// Returns a list of `count` numbers above 0.
    pub(crate) fn numbers(&self, key: &str, count: usize) -> Result<Vec<f32>> {
        let list = self.get(key).and_then(Value::as_array);
        let number = |value: &Value| value.as_f64().map(|number| number as f32);
        let numbers: Option<Vec<f32>> = list.into_iter().flatten().map(number).collect();
        let valid = numbers.filter(|numbers| {
            let all_positive = numbers.iter().all(|number| *number > 0.0);
            numbers.len() == count && all_positive
        });
        valid.ok_or_else(|| self.fault(key, "is not a positive number for each rotary channel"))
    }

    /// Returns a number above 0.
    pub(crate) fn positive(&self, key: &str, default: f32) -> Result<f32> {
        match self.number_or(key, default)? {
            number if number > 0.0 => Ok(number),
            _ => Err(self.fault(key, "is not positive")),
        }
    }

    /// Wraps another object of the same file.
    pub(crate) fn part(&self, value: Value) -> Self {
        Self {
            path: self.path.clone(),
            value,
        }
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
