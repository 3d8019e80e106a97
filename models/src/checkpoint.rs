//! A model's files, opened and checked but not loaded yet.

use std::path::Path;

use crate::config::decoder_config::DecoderConfig;
use crate::error::Result;
use crate::generate::options::GenerateOptions;
use crate::generate::prompt_tokens::prompt_tokens;
use crate::info::LoadOptions;
use crate::instrument::macros::phase;
use crate::memory::Memory;
use crate::model::Model;
use crate::summary::ModelSummary;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;
use crate::weights::foreign;
use crate::weights::gguf::Gguf;
use crate::weights::precision::Requantize;
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
///     assert_eq!(model.info().memory, memory);
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
    /// Choices that were made between files that contradict each other or lack something.
    notes: Vec<String>,
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
        Self::open_with(path, &LoadOptions::default())
    }

    /// Opens files as [`Self::open`], with [`LoadOptions::assume`] of these options.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        let path = path.as_ref();
        match folder::of(path) {
            Some(folder) => {
                if path.is_file() {
                    foreign::refuse_file(path, "safetensors")?;
                }
                Self::folder(&folder, options.assume)
            }
            None => Self::gguf(path, options.assume),
        }
    }

    fn folder(path: &Path, assume: bool) -> Result<Self> {
        let opened = folder::open(path, assume)?;
        Ok(Self {
            weights: Box::new(opened.weights),
            config: opened.config,
            tokenizer: opened.tokenizer,
            chat: opened.chat,
            notes: opened.notes,
        })
    }

    fn gguf(path: &Path, assume: bool) -> Result<Self> {
        let gguf = Gguf::open(path)?;
        let config = config::gguf::read(&gguf, assume)?;
        let tokenizer = text::gguf::read(&gguf, Some(config.vocab))?;
        let chat = text::chat::stored::of_gguf(&gguf, &tokenizer);
        Ok(Self {
            weights: Box::new(gguf),
            config,
            tokenizer,
            chat,
            notes: Vec::new(),
        })
    }

    /// Returns the memory that the model needs if loaded with these options.
    #[must_use]
    pub fn memory(&self, options: &LoadOptions) -> Memory {
        Memory::of(&*self.weights, &self.config, &options.loaded_as())
    }

    /// Returns the conversion with which the weights need the least memory, if they need at least 5 %
    /// less than with these options.
    pub fn smaller_conversion(&self, options: &LoadOptions) -> Option<Requantize> {
        let bytes = |requantize| {
            let options = LoadOptions {
                requantize,
                ..options.clone()
            };
            self.memory(&options).resident_bytes()
        };
        let present = bytes(options.requantize);
        let all = [Requantize::None, Requantize::Q8_0].map(|one| (bytes(one), one));
        let least = all.into_iter().min_by_key(|(bytes, _)| *bytes);
        let is_smaller = |(bytes, _): &(u64, Requantize)| *bytes < present - present / 20;
        least.filter(is_smaller).map(|(_, conversion)| conversion)
    }

    /// Returns facts about the model.
    pub fn summary(&self) -> ModelSummary {
        ModelSummary::of(&*self.weights, &self.config)
    }

    /// Returns the model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Returns the number of tokens that the model reads for a prompt: those of the chat template
    /// included, unless the options are raw or the model has no template.
    ///
    /// # Errors
    /// If the template cannot render the prompt, or the text cannot be split.
    pub fn prompt_tokens(&self, prompt: &str, options: &GenerateOptions) -> Result<usize> {
        let tokens = prompt_tokens(&self.tokenizer, self.chat.as_ref(), prompt, options)?;
        Ok(tokens.len())
    }

    /// Checks that the files have every tensor of the model in its shape, and no other. Only headers and
    /// norms are read; the numbers of matrices are not.
    ///
    /// # Errors
    /// As [`Self::load`], except for what only the numbers show.
    pub fn check_tensors(mut self, options: &LoadOptions) -> Result<()> {
        loader::check(&mut *self.weights, &self.config, options)
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
        let matrices = tensors.iter().filter(|tensor| tensor.is_matrix());
        let total = matrices.map(|tensor| tensor.bytes(tensor.dtype)).sum();
        let mut done = 0;
        let mut read = |bytes: u64| {
            done += bytes;
            progress(LoadProgress { done, total });
        };
        let (decoder, mut info) = phase!(MODEL_LOADING)
            .in_scope(|| loader::load(&mut *self.weights, &self.config, options, &mut read))?;
        info.notes = self.notes;
        Ok(Model::new(decoder, self.tokenizer, self.chat, info))
    }
}

impl Model {
    /// Opens files as [`Checkpoint::open_with`] and loads them.
    ///
    /// # Errors
    /// As [`Checkpoint::open`] and [`Checkpoint::load`].
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        Checkpoint::open_with(path, options)?.load(options, &mut |_| ())
    }
}
