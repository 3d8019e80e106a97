//! A model's files, opened and checked but not loaded yet.

use std::path::Path;

use candle_core::quantized::GgmlDType;

use crate::config::decoder_config::DecoderConfig;
use crate::error::Result;
use crate::info::LoadOptions;
use crate::model::Model;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;
use crate::weights::gguf::Gguf;
use crate::weights::precision::{gains_from_f32, loaded};
use crate::weights::stored::Weights;
use crate::{config, folder, loader, text};

/// Files whose settings and vocabulary are read; their weights are not.
///
/// ```
/// use energy_models::{Checkpoint, LoadOptions, Requantize, tiny};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tiny.gguf");
/// # tiny::write_gguf(&path, &tiny::TinyConfig::default())?;
/// let checkpoint = Checkpoint::open(&path)?;
/// let options = LoadOptions { requantize: Requantize::Q8_0, ..Default::default() };
/// let memory = checkpoint.memory(&options);
/// if memory.with_positions(256) < 1 << 30 {
///     let model = checkpoint.load(&options, &mut |now| {
///         eprintln!("{} of {} bytes", now.done, now.total);
///     })?;
///     assert_eq!(model.info().weight_bytes as u64, memory.weight_bytes);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is loaded until `load`"]
pub struct Checkpoint {
    weights: Box<dyn Weights>,
    config: DecoderConfig,
    tokenizer: Tokenizer,
    chat: Option<ChatTemplate>,
}

/// Memory that a model needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Bytes of the matrices, the same as
    /// [`ModelInfo::weight_bytes`](crate::ModelInfo::weight_bytes) after loading.
    pub weight_bytes: u64,
    /// Bytes of the additional matrices of prefill.
    pub prefill_bytes: u64,
    /// Bytes of the key-value cache for each position.
    pub cache_bytes_per_token: u64,
    /// Bytes of the largest matrix in f32, which exists in addition to the others during
    /// its conversion.
    pub largest_bytes: u64,
}

impl Memory {
    /// Returns the most bytes that the model needs with `positions` in its cache.
    #[must_use]
    pub fn with_positions(&self, positions: usize) -> u64 {
        let cache = self.cache_bytes_per_token.saturating_mul(positions as u64);
        let parts = [self.weight_bytes, self.prefill_bytes, self.largest_bytes];
        parts.into_iter().fold(cache, u64::saturating_add)
    }
}

/// Progress of loading in bytes of the files' matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadProgress {
    /// Bytes read.
    pub done: u64,
    /// Total bytes.
    pub total: u64,
}

impl Checkpoint {
    /// Opens a GGUF file, or a folder in Hugging Face's layout: `config.json`, safetensors
    /// and `tokenizer.json`; a `.safetensors` file stands for its folder.
    ///
    /// # Errors
    /// For files that cannot be read, are damaged or hold something that is not
    /// supported: one error that names the file, the thing and the next step.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match folder::of(path) {
            Some(folder) => Self::folder(&folder),
            None => Self::gguf(path),
        }
    }

    fn folder(path: &Path) -> Result<Self> {
        let opened = folder::open(path)?;
        Ok(Self {
            weights: Box::new(opened.weights),
            config: opened.config,
            tokenizer: opened.tokenizer,
            chat: opened.chat,
        })
    }

    fn gguf(path: &Path) -> Result<Self> {
        let gguf = Gguf::open(path)?;
        let config = config::gguf::read(&gguf)?;
        let tokenizer = text::gguf::read(&gguf, Some(config.vocab))?;
        let chat = text::chat::stored::of_gguf(&gguf, &tokenizer);
        Ok(Self {
            weights: Box::new(gguf),
            config,
            tokenizer,
            chat,
        })
    }

    /// Returns the memory that the model needs if loaded with these options.
    #[must_use]
    pub fn memory(&self, options: &LoadOptions) -> Memory {
        let tensors = self.weights.tensors();
        let matrices = || tensors.iter().filter(|tensor| tensor.shape.len() > 1);
        let weights = matrices().map(|tensor| loaded(tensor, options.requantize));
        let of_layers = matrices().filter(|tensor| tensor.name.starts_with("blk."));
        let additional = of_layers.filter(|tensor| gains_from_f32(tensor.dtype, options.prefill));
        let whole = matrices().map(|tensor| tensor.bytes(GgmlDType::F32));
        let DecoderConfig {
            layers,
            kv_heads,
            head_dim,
            ..
        } = self.config;
        Memory {
            weight_bytes: weights.sum(),
            prefill_bytes: additional.map(|tensor| tensor.bytes(GgmlDType::F32)).sum(),
            cache_bytes_per_token: (2 * layers * kv_heads * head_dim * size_of::<f32>()) as u64,
            largest_bytes: whole.max().unwrap_or(0),
        }
    }

    /// Loads the weights and reports progress after each matrix.
    ///
    /// # Errors
    /// For a tensor that is missing, damaged, not of the settings' shape, or unused by the
    /// decoder.
    pub fn load(
        mut self,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Model> {
        let tensors = self.weights.tensors();
        let matrices = tensors.iter().filter(|tensor| tensor.shape.len() > 1);
        let total = matrices.map(|tensor| tensor.bytes(tensor.dtype)).sum();
        let mut done = 0;
        let mut read = |bytes: u64| {
            done += bytes;
            progress(LoadProgress { done, total });
        };
        let (decoder, info) = loader::load(&mut *self.weights, &self.config, options, &mut read)?;
        Ok(Model::new(decoder, self.tokenizer, self.chat, info))
    }
}

impl Model {
    /// Opens files as [`Checkpoint::open`] and loads them.
    ///
    /// # Errors
    /// As [`Checkpoint::open`] and [`Checkpoint::load`].
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        Checkpoint::open(path)?.load(options, &mut |_| ())
    }
}
