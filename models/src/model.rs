//! A model, loaded from its file and ready to generate.

use std::path::Path;

use candle_core::quantized::QMatMul;
use candle_core::{Device, Tensor};

use crate::attention::{Attention, HeadShape};
use crate::block::Block;
use crate::chat::ChatTemplate;
use crate::config::Config;
use crate::decoder::Decoder;
use crate::device;
use crate::embedding::Embedding;
use crate::error::Result;
use crate::instrument::Depth;
use crate::kv_cache::{CacheShape, KvCache};
use crate::mlp::Mlp;
use crate::norm::RmsNorm;
use crate::rope::Rope;
use crate::tokenizer::Tokenizer;
use crate::weights::gguf::Gguf;
use crate::weights::{Precision, Requantize};

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

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    pub(crate) decoder: Decoder,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) chat: Option<ChatTemplate>,
    info: ModelInfo,
}

impl Model {
    /// Loads a GGUF file.
    ///
    /// # Errors
    /// For a file that cannot be read, is damaged or holds something that is
    /// not supported: one error that names the file, the thing and the next
    /// step.
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        let mut gguf = Gguf::open(path.as_ref())?;
        let config = Config::read(&gguf)?;
        let tokenizer = Tokenizer::read(&gguf, config.vocab)?;
        let chat = ChatTemplate::read(&gguf, &tokenizer);
        let mut loader = Loader::new(&mut gguf, &config, options);
        let decoder = loader.decoder()?;
        let info = loader.info();
        Ok(Self {
            decoder,
            tokenizer,
            chat,
            info,
        })
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

/// Reads the tensors of one file in order.
struct Loader<'l> {
    gguf: &'l mut Gguf,
    config: &'l Config,
    device: &'l Device,
    depth: Depth,
    precision: Precision,
    parameters: u64,
}

impl<'l> Loader<'l> {
    fn new(gguf: &'l mut Gguf, config: &'l Config, options: &'l LoadOptions) -> Self {
        let precision = Precision::new(options.requantize);
        let (device, depth) = (&options.device, options.depth);
        Self {
            gguf,
            config,
            device,
            depth,
            precision,
            parameters: 0,
        }
    }

    fn decoder(&mut self) -> Result<Decoder> {
        let config = self.config;
        let table = self.matrix("token_embd", config.vocab, config.width)?;
        let lm_head = match config.tied {
            true => table.clone(),
            false => self.matrix("output", config.vocab, config.width)?,
        };
        Ok(Decoder {
            embedding: Embedding::new(table, config.vocab),
            rope: self.rope()?,
            blocks: (0..config.layers)
                .map(|i| self.block(i))
                .collect::<Result<_>>()?,
            final_norm: self.norm("output_norm")?,
            lm_head,
            context: config.context_length,
            depth: self.depth,
            device: self.device.clone(),
        })
    }

    fn block(&mut self, index: usize) -> Result<Block> {
        let at = |part: &str| format!("blk.{index}.{part}");
        Ok(Block {
            input_norm: self.norm(&at("attn_norm"))?,
            attention: self.attention(&at("attn"))?,
            post_attention_norm: self.norm(&at("ffn_norm"))?,
            mlp: self.mlp(&at("ffn"))?,
            cache: self.cache(),
        })
    }

    fn attention(&mut self, prefix: &str) -> Result<Attention> {
        let shape = HeadShape::from(self.config);
        let width = self.config.width;
        let (all, shared) = (
            shape.heads * shape.head_dim,
            shape.kv_heads * shape.head_dim,
        );
        Ok(Attention {
            q: self.matrix(&format!("{prefix}_q"), all, width)?,
            k: self.matrix(&format!("{prefix}_k"), shared, width)?,
            v: self.matrix(&format!("{prefix}_v"), shared, width)?,
            o: self.matrix(&format!("{prefix}_output"), width, all)?,
            shape,
        })
    }

    fn mlp(&mut self, prefix: &str) -> Result<Mlp> {
        let Config { width, hidden, .. } = *self.config;
        Ok(Mlp {
            gate: self.matrix(&format!("{prefix}_gate"), hidden, width)?,
            up: self.matrix(&format!("{prefix}_up"), hidden, width)?,
            down: self.matrix(&format!("{prefix}_down"), width, hidden)?,
            activation: self.config.family.activation,
        })
    }

    fn cache(&self) -> KvCache {
        let Config {
            kv_heads,
            head_dim,
            context_length: limit,
            ..
        } = *self.config;
        KvCache::new(CacheShape {
            kv_heads,
            head_dim,
            limit,
            device: self.device.clone(),
        })
    }

    fn rope(&mut self) -> Result<Rope> {
        let name = "rope_freqs.weight";
        let half = self.config.rope_dim / 2;
        let factors = match self.gguf.has(name) {
            true => Some(self.gguf.dense(name, &[half], self.device)?.to_vec1()?),
            false => None,
        };
        Ok(Rope::new(self.config, factors, self.device))
    }

    fn norm(&mut self, name: &str) -> Result<RmsNorm> {
        let width = self.config.width;
        let weight = self
            .gguf
            .dense(&format!("{name}.weight"), &[width], self.device)?;
        self.parameters += width as u64;
        Ok(RmsNorm::new(weight, self.config.norm_eps))
    }

    fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<QMatMul> {
        self.refuse_bias(name)?;
        let tensor = self
            .gguf
            .tensor(&format!("{name}.weight"), &[rows, width], self.device)?;
        self.parameters += rows as u64 * width as u64;
        self.precision.convert(tensor, self.device)
    }

    /// A bias that is there but not added would give wrong numbers.
    fn refuse_bias(&self, name: &str) -> Result<()> {
        let bias = format!("{name}.bias");
        match self.gguf.has(&bias) {
            true => Err(self.gguf.fault(
                format!("tensor `{bias}`"),
                "is not supported in this family",
            )),
            false => Ok(()),
        }
    }

    fn info(&self) -> ModelInfo {
        let config = self.config;
        ModelInfo {
            architecture: config.family.name,
            name: config.name.clone(),
            layers: config.layers,
            width: config.width,
            hidden: config.hidden,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            vocab: config.vocab,
            parameters: self.parameters,
            precision: self.precision.describe(),
            context_length: config.context_length,
            weight_bytes: self.precision.bytes(),
            file_bytes: self.gguf.length(),
            device: device::name(self.device),
        }
    }
}
