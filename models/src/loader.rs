//! Builds a decoder from a file, guided by the tensors that it has.

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{Device, Tensor};

use crate::attention::{Attention, HeadShape};
use crate::attention_mask::AttentionMask;
use crate::block::Block;
use crate::config::{Config, LONG_FACTORS};
use crate::decoder::Decoder;
use crate::device;
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::info::{LoadOptions, ModelInfo, Parameters};
use crate::instrument::Depth;
use crate::kv_cache::{CacheShape, KvCache};
use crate::linear::Linear;
use crate::mlp::Mlp;
use crate::norm::RmsNorm;
use crate::rope::Rope;
use crate::weights::{Precision, Prefill, Weights, gains_from_f32, split};

/// Reads the tensors of one file in order.
pub(crate) struct Loader<'l> {
    weights: &'l mut dyn Weights,
    config: &'l Config,
    device: &'l Device,
    depth: Depth,
    precision: Precision,
    prefill: Prefill,
    prefill_bytes: usize,
    parameters: Parameters,
    /// Receives the bytes of each tensor that was read.
    read: &'l mut dyn FnMut(u64),
}

impl<'l> Loader<'l> {
    pub(crate) fn new(
        weights: &'l mut dyn Weights,
        config: &'l Config,
        options: &'l LoadOptions,
        read: &'l mut dyn FnMut(u64),
    ) -> Self {
        let precision = Precision::new(options.requantize);
        let (device, depth) = (&options.device, options.depth);
        Self {
            weights,
            config,
            device,
            depth,
            precision,
            prefill: options.prefill,
            prefill_bytes: 0,
            parameters: Parameters::default(),
            read,
        }
    }

    /// Reads all tensors of the file.
    ///
    /// # Errors
    /// For a tensor that is missing, does not have the metadata's shape, or has no place
    /// in this decoder.
    pub(crate) fn load(mut self) -> Result<(Decoder, ModelInfo)> {
        let decoder = self.decoder()?;
        match self.weights.unread() {
            Some(name) => Err(Error::advise(
                self.weights.path(),
                format!("tensor `{name}`"),
                format!(
                    "has no place in a decoder of the architecture `{}`: without it the numbers \
                     would be wrong",
                    self.config.architecture
                ),
                "this is not supported yet: choose a model without it",
            )),
            None => Ok((decoder, self.info())),
        }
    }

    fn decoder(&mut self) -> Result<Decoder> {
        let config = self.config;
        let table = self.matrix("token_embd", config.vocab, config.width)?;
        let lm_head = match config.tied {
            true => Linear {
                weight: table.clone(),
                bias: None,
                dense: None,
            },
            // Runs for the last position only, which does not gain from f32.
            false => Linear {
                weight: self.matrix("output", config.vocab, config.width)?,
                bias: self.bias("output", config.vocab)?,
                dense: None,
            },
        };
        let scale = config.family.scales_embedding;
        let scale = scale.then(|| (config.width as f64).sqrt());
        let masks = self.masks()?;
        Ok(Decoder {
            embedding: Embedding::new(table, config.vocab, scale),
            masks,
            blocks: (0..config.layers)
                .map(|i| self.block(i))
                .collect::<Result<_>>()?,
            final_norm: self.norm("output_norm", config.width)?,
            lm_head,
            context: config.context_length,
            depth: self.depth,
            statistics: None,
            device: self.device.clone(),
        })
    }

    fn block(&mut self, index: usize) -> Result<Block> {
        let at = |part: &str| format!("blk.{index}.{part}");
        let width = self.config.width;
        Ok(Block {
            input_norm: self.norm(&at("attn_norm"), width)?,
            attention: self.attention(index, &at("attn"))?,
            attention_out_norm: self.norm_if_there(&at("post_attention_norm"), width)?,
            mlp_norm: self.norm(&at("ffn_norm"), width)?,
            mlp: self.mlp(&at("ffn"))?,
            mlp_out_norm: self.norm_if_there(&at("post_ffw_norm"), width)?,
            cache: self.cache(),
        })
    }

    fn attention(&mut self, layer: usize, prefix: &str) -> Result<Attention> {
        let shape = HeadShape::from(self.config);
        let width = self.config.width;
        let (all, shared) = (
            shape.heads * shape.head_dim,
            shape.kv_heads * shape.head_dim,
        );
        let parts = [("_q", all), ("_k", shared), ("_v", shared)];
        let fused = format!("{prefix}_qkv");
        let [q, k, v] = match self.weights.has(&format!("{fused}.weight")) {
            true => self.fused(&fused, parts, width)?,
            false => self.apart(prefix, parts, width)?,
        };
        Ok(Attention {
            q,
            k,
            v,
            o: self.linear(&format!("{prefix}_output"), width, all)?,
            q_norm: self.norm_if_there(&format!("{prefix}_q_norm"), shape.head_dim)?,
            k_norm: self.norm_if_there(&format!("{prefix}_k_norm"), shape.head_dim)?,
            mask: self.mask(layer),
            shape,
        })
    }

    fn mlp(&mut self, prefix: &str) -> Result<Mlp> {
        let Config { width, hidden, .. } = *self.config;
        let is_fused = !self.weights.has(&format!("{prefix}_gate.weight"));
        let parts = [("_gate", hidden), ("_up", hidden)];
        let [gate, up] = match is_fused {
            true => self.fused(&format!("{prefix}_up"), parts, width)?,
            false => self.apart(prefix, parts, width)?,
        };
        Ok(Mlp {
            gate,
            up,
            down: self.linear(&format!("{prefix}_down"), width, hidden)?,
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

    /// Returns the index of a layer's mask in [`Self::masks`].
    fn mask(&self, layer: usize) -> usize {
        let config = self.config;
        let has_full = (0..config.layers).any(|layer| !config.is_windowed(layer));
        usize::from(has_full && config.is_windowed(layer))
    }

    /// Returns the masks of full and of windowed attention, as far as layers use them.
    fn masks(&mut self) -> Result<Vec<AttentionMask>> {
        let config = self.config;
        let mut factors = config.rope_factors.clone();
        for name in ["rope_freqs.weight", "rope_factors_short.weight"] {
            factors.usual = factors.usual.or(self.factors(name)?);
        }
        factors.long = factors.long.or(self.factors(LONG_FACTORS)?);
        let rope = Rope::new(config, factors, self.device);
        let own = |base| Rope::of_window(config, base, self.device);
        let limited = (0..config.layers).filter(|layer| config.is_windowed(*layer));
        let limited = limited.count();
        let windowed = config
            .window
            .filter(|_| limited > 0)
            .map(|window| AttentionMask {
                rope: config.window_rope_base.map_or_else(|| rope.clone(), own),
                window: Some(window),
            });
        let full = (limited < config.layers).then_some(AttentionMask { rope, window: None });
        Ok(full.into_iter().chain(windowed).collect())
    }

    /// Reads divisors of the rotary frequencies; `None` if the tensor does not exist.
    fn factors(&mut self, name: &str) -> Result<Option<Vec<f32>>> {
        let half = self.config.rope_dim / 2;
        match self.weights.has(name) {
            true => Ok(Some(
                self.weights.dense(name, &[half], self.device)?.to_vec1()?,
            )),
            false => Ok(None),
        }
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<RmsNorm> {
        let name = format!("{name}.weight");
        let weight = self.weights.dense(&name, &[width], self.device)?;
        self.count(&name, width);
        Ok(RmsNorm::new(weight, self.config.norm_eps))
    }

    fn norm_if_there(&mut self, name: &str, width: usize) -> Result<Option<RmsNorm>> {
        let is_there = self.weights.has(&format!("{name}.weight"));
        is_there.then(|| self.norm(name, width)).transpose()
    }

    /// Reads projections of one input that are stored as separate tensors.
    fn apart<const N: usize>(
        &mut self,
        prefix: &str,
        parts: [(&str, usize); N],
        width: usize,
    ) -> Result<[Linear; N]> {
        let linear = |(part, rows): (&str, usize)| {
            let name = format!("{prefix}{part}");
            self.linear(&name, rows, width)
        };
        array(parts.into_iter().map(linear).collect::<Result<_>>()?)
    }

    /// Reads projections of one input that are stored as one tensor, and splits it so
    /// that each has its own span.
    fn fused<const N: usize>(
        &mut self,
        name: &str,
        parts: [(&str, usize); N],
        width: usize,
    ) -> Result<[Linear; N]> {
        let rows = parts.map(|(_, rows)| rows);
        let all = rows.iter().sum();
        let tensor = self.tensor(name, all, width)?;
        let bias = self.bias(name, all)?;
        let mut first = 0;
        let mut linears = Vec::with_capacity(N);
        for part in split(&tensor, &rows, self.device)? {
            let count = part.shape().dims2()?.0;
            let own = bias.as_ref().map(|bias| bias.narrow(0, first, count));
            first += count;
            linears.push(self.projection(part, own.transpose()?)?);
        }
        array(linears)
    }

    fn linear(&mut self, name: &str, rows: usize, width: usize) -> Result<Linear> {
        let tensor = self.tensor(name, rows, width)?;
        let bias = self.bias(name, rows)?;
        self.projection(tensor, bias)
    }

    fn projection(&mut self, tensor: QTensor, bias: Option<Tensor>) -> Result<Linear> {
        let dense = match gains_from_f32(tensor.dtype(), self.prefill) {
            true => Some(tensor.dequantize(self.device)?),
            false => None,
        };
        let count = dense.as_ref().map_or(0, Tensor::elem_count);
        self.prefill_bytes += count * size_of::<f32>();
        Ok(Linear {
            weight: self.precision.convert(tensor, self.device)?,
            bias,
            dense,
        })
    }

    fn bias(&mut self, name: &str, rows: usize) -> Result<Option<Tensor>> {
        let name = format!("{name}.bias");
        if !self.weights.has(&name) {
            return Ok(None);
        }
        self.count(&name, rows);
        self.weights.dense(&name, &[rows], self.device).map(Some)
    }

    fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<QMatMul> {
        let tensor = self.tensor(name, rows, width)?;
        self.precision.convert(tensor, self.device)
    }

    fn tensor(&mut self, name: &str, rows: usize, width: usize) -> Result<QTensor> {
        let name = format!("{name}.weight");
        let tensor = self.weights.tensor(&name, &[rows, width], self.device)?;
        self.count(&name, rows * width);
        (self.read)(tensor.storage_size_in_bytes() as u64);
        Ok(tensor)
    }

    /// Adds to the number of weights of the part that a tensor belongs to.
    fn count(&mut self, name: &str, weights: usize) {
        let parts = &mut self.parameters;
        let part = match name {
            _ if name.contains("norm") => &mut parts.norms,
            _ if name.contains(".attn") => &mut parts.attention,
            _ if name.contains(".ffn") => &mut parts.mlp,
            _ => &mut parts.embedding,
        };
        *part += weights as u64;
    }

    /// Returns the number formats, with prefill's additional f32 matrices.
    fn precise(&self) -> String {
        let formats = self.precision.describe();
        match self.prefill_bytes {
            0 => formats,
            bytes => format!(
                "{formats}, prefill in f32 (+{} MB)",
                bytes.div_ceil(1_000_000)
            ),
        }
    }

    fn info(&self) -> ModelInfo {
        let config = self.config;
        ModelInfo {
            architecture: config.architecture.clone(),
            assumed: config.assumed.clone(),
            name: config.name.clone(),
            layers: config.layers,
            width: config.width,
            hidden: config.hidden,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            vocab: config.vocab,
            parameters: self.parameters.total(),
            parts: self.parameters,
            window: config.window,
            windowed_layers: (0..config.layers)
                .filter(|layer| config.is_windowed(*layer))
                .count(),
            precision: self.precise(),
            context_length: config.context_length,
            weight_bytes: self.precision.bytes(),
            prefill_bytes: self.prefill_bytes,
            file_bytes: self.weights.length(),
            device: device::name(self.device),
        }
    }
}

/// Converts to an array, or fails if the number of parts differs.
fn array<const N: usize>(linears: Vec<Linear>) -> Result<[Linear; N]> {
    let wrong = |all: Vec<Linear>| candle_core::Error::Msg(format!("{} parts", all.len()));
    Ok(linears.try_into().map_err(wrong)?)
}
