//! Tensors as model files store them.

use std::path::Path;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use crate::error::{Error, Result};

/// The tensors of a model, by the names that GGUF files give them.
pub(crate) trait Weights {
    /// The file or folder, for messages.
    fn path(&self) -> &Path;

    /// Bytes of all files.
    fn length(&self) -> u64;

    /// Whether a tensor of this name exists.
    fn has(&self, name: &str) -> bool;

    /// Returns the name that the files give a tensor, or would give it if it is missing; for messages.
    fn name_in_files(&self, name: &str) -> String {
        name.to_owned()
    }

    /// Returns the shape of a tensor, outermost dimension first; `None` if it does not exist.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// Checks the headers for a tensor as [`Self::tensor`] does, without reading its numbers. It counts
    /// as read.
    fn expect(&mut self, name: &str, shape: &[usize]) -> Result<()>;

    /// Reads one tensor, which must have this shape.
    fn tensor(&mut self, name: &str, shape: &[usize], device: &Device) -> Result<QTensor>;

    /// Reads one tensor as f32 numbers, such as the weight of a norm.
    fn dense(&mut self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        let tensor = self.tensor(name, shape, device)?;
        Ok(tensor.dequantize(device)?)
    }

    /// All tensors that may be read.
    fn tensors(&self) -> Vec<StoredTensor>;

    /// Returns the name of the type of a tensor's numbers in the file.
    fn format(&self, name: &str) -> String;

    /// Returns the first tensor by name that was not read.
    fn unread(&self) -> Option<&str>;
}

/// A tensor as it is stored in the files.
#[derive(Debug, Clone)]
pub(crate) struct StoredTensor {
    /// Name in GGUF files.
    pub name: String,
    /// Type of its numbers when read.
    pub dtype: GgmlDType,
    /// Outermost dimension first.
    pub shape: Vec<usize>,
}

impl StoredTensor {
    /// Whether it is multiplied with: a norm of each head has two dimensions, too.
    pub(crate) fn is_matrix(&self) -> bool {
        self.shape.len() > 1 && !self.name.contains("norm")
    }

    /// Bytes of its numbers in another type.
    pub(crate) fn bytes(&self, dtype: GgmlDType) -> u64 {
        let elements = self.shape.iter().product::<usize>();
        (elements / dtype.block_size() * dtype.type_size()) as u64
    }
}

/// Returns an error about a tensor of an unexpected shape.
pub(super) fn wrong_shape(path: &Path, name: &str, found: &[usize], shape: &[usize]) -> Error {
    let problem = format!("has the shape {found:?}, the metadata requires {shape:?}");
    Error::file(path, format!("tensor `{name}`"), problem)
}

/// Candle's message without the backtrace it may carry.
pub(super) fn plain(error: &candle_core::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
