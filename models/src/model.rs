//! A model, loaded from its file and ready to generate.

use std::path::Path;

use candle_core::{Device, Tensor};

use crate::chat::ChatTemplate;
use crate::config::Config;
use crate::decoder::Decoder;
use crate::error::Result;
use crate::folder;
use crate::instrument::Depth;
use crate::loader::Loader;
use crate::statistics::Statistics;
use crate::tokenizer::Tokenizer;
use crate::weights::Requantize;
use crate::weights::gguf::Gguf;

/// How to load a model.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Conversion of the weights.
    pub requantize: Requantize,
    /// Where tensors live; see [`device::parse`](crate::device::parse).
    pub device: Device,
    /// Depth of the spans, which selects the kernels.
    pub depth: Depth,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            requantize: Requantize::Auto,
            device: Device::Cpu,
            depth: Depth::default(),
        }
    }
}

/// What a model is, for the metadata of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Family, such as `llama`.
    pub architecture: &'static str,
    /// The file's name for the model; may be empty.
    pub name: String,
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream in channels.
    pub width: usize,
    /// Width inside of the MLP in channels.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of one head in channels.
    pub head_dim: usize,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Weights, shared ones counted once.
    pub parameters: u64,
    /// Where they are.
    pub parts: Parameters,
    /// Positions that layers with a sliding window see; none where no layer has one.
    pub window: Option<usize>,
    /// Layers with a sliding window.
    pub windowed_layers: usize,
    /// Number formats of the matrices, such as `q4_1->q8_0`.
    pub precision: String,
    /// Positions that the model was made for.
    pub context_length: usize,
    /// Bytes of the matrices in memory.
    pub weight_bytes: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// `cpu`, `cuda` or `metal`.
    pub device: &'static str,
}

/// Where a model's weights are, each counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters {
    /// Token embedding and output projection.
    pub embedding: u64,
    /// Projections of attention, biases included.
    pub attention: u64,
    /// Projections of the MLP, biases included.
    pub mlp: u64,
    /// Norms.
    pub norms: u64,
}

impl Parameters {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.embedding + self.attention + self.mlp + self.norms
    }
}

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    pub(crate) decoder: Decoder,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) chat: Option<ChatTemplate>,
    info: ModelInfo,
}

impl Model {
    /// Loads a GGUF file, or a folder as Hugging Face has it: `config.json`, safetensors
    /// and `tokenizer.json`; a `.safetensors` file stands for its folder.
    ///
    /// # Errors
    /// For a file that cannot be read, is damaged or holds something that is
    /// not supported: one error that names the file, the thing and the next
    /// step.
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        let path = path.as_ref();
        match folder::of(path) {
            Some(folder) => folder::load(&folder, options),
            None => Self::from_gguf(path, options),
        }
    }

    fn from_gguf(path: &Path, options: &LoadOptions) -> Result<Self> {
        let mut gguf = Gguf::open(path)?;
        let config = Config::read(&gguf)?;
        let tokenizer = Tokenizer::read(&gguf, config.vocab)?;
        let chat = ChatTemplate::read(&gguf, &tokenizer);
        let (decoder, info) = Loader::new(&mut gguf, &config, options).load()?;
        Ok(Self::new(decoder, tokenizer, chat, info))
    }

    pub(crate) fn new(
        decoder: Decoder,
        tokenizer: Tokenizer,
        chat: Option<ChatTemplate>,
        info: ModelInfo,
    ) -> Self {
        Self {
            decoder,
            tokenizer,
            chat,
            info,
        }
    }

    /// What was loaded.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether the file brings a chat template.
    pub fn has_chat_template(&self) -> bool {
        self.chat.is_some()
    }

    /// Depth of the spans.
    pub fn depth(&self) -> Depth {
        self.decoder.depth
    }

    /// Changes the depth of the spans, and with it the kernels.
    pub fn set_depth(&mut self, depth: Depth) {
        self.decoder.depth = depth;
    }

    /// Takes statistics of activations and attention from now on, or none: see
    /// [`crate::statistics`].
    pub fn set_statistics(&mut self, statistics: Option<Statistics>) {
        self.decoder.statistics = statistics;
    }

    /// Feeds tokens behind those already fed and returns the logits, shape
    /// `(vocab)`, of what follows. [`crate::generate()`] does this and more.
    ///
    /// # Errors
    /// For an empty slice, an id outside of the vocabulary, or past the
    /// context.
    pub fn forward(&mut self, tokens: &[u32]) -> Result<Tensor> {
        if tokens.is_empty() {
            return Err(crate::Error::EmptyPrompt);
        }
        let prefill = tokens.len() > 1;
        let ids = self.decoder.tensor(tokens)?;
        self.decoder.forward(&ids, prefill)
    }

    /// Tokens fed since the last reset.
    pub fn position(&self) -> usize {
        self.decoder.position()
    }

    /// Forgets all tokens and frees the key-value cache.
    pub fn reset(&mut self) {
        self.decoder.reset();
    }
}
