//! Builds the decoder's blocks from the tensors that the file has.

use crate::architecture::{HeadNorms, MlpKind, NormPlaces};
use crate::config::decoder_config::DecoderConfig;
use crate::config::rope_scaling::LONG_FACTORS;
use crate::decoder::Decoder;
use crate::device_work::{DeviceQueue, DeviceSync};
use crate::error::Result;
use crate::instrument::depth::Depth;
use crate::layers::attention::{Attention, HeadNorm, HeadShape};
use crate::layers::attention_mask::AttentionMask;
use crate::layers::block::Block;
use crate::layers::cache_format::CacheFormat;
use crate::layers::embedding::Embedding;
use crate::layers::feed_forward::FeedForward;
use crate::layers::kv_cache::{CacheShape, KvCache};
use crate::layers::linear::Linear;
use crate::layers::mlp::Mlp;
use crate::layers::norm::Norm;
use crate::layers::rope::Rope;
use crate::loader::tensor_reader::TensorReader;

/// Assembles a decoder of this shape, reading tensors in order.
pub(super) struct Assembler<'a, 'l> {
    pub(super) config: &'l DecoderConfig,
    pub(super) tensors: &'a mut TensorReader<'l>,
    pub(super) depth: Depth,
    pub(super) cache: CacheFormat,
    pub(super) sync: DeviceSync,
    /// Kinds of layers found so far, in the order of the decoder's masks.
    pub(super) kinds: Vec<LayerKind>,
}

/// What layers that share a mask have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LayerKind {
    is_windowed: bool,
    is_rotated: bool,
}

impl Assembler<'_, '_> {
    /// Reads all tensors of the decoder.
    pub(super) fn decoder(&mut self) -> Result<Decoder> {
        let config = self.config;
        let table = self
            .tensors
            .matrix("token_embd", config.vocab, config.width)?;
        let lm_head = match config.tied {
            true => Linear {
                weight: table.clone(),
                bias: None,
                dense: None,
            },
            // Runs for the last position only, which does not gain from f32.
            false => Linear {
                weight: self.tensors.matrix("output", config.vocab, config.width)?,
                bias: self.tensors.bias("output", config.vocab)?,
                dense: None,
            },
        };
        let blocks = (0..config.layers).map(|layer| self.block(layer));
        let blocks = blocks.collect::<Result<_>>()?;
        Ok(Decoder {
            embedding: Embedding::new(table, config.vocab, config.scales.embedding),
            masks: self.masks()?,
            blocks,
            final_norm: self.tensors.norm("output_norm", config.width)?,
            lm_head,
            logit_divisor: config.scales.logits,
            logit_cap: config.scales.logit_cap,
            context: config.context_length,
            reach: vec![0],
            depth: self.depth,
            statistics: None,
            device: self.tensors.device().clone(),
            queue: DeviceQueue::of(self.tensors.device(), self.sync),
        })
    }

    fn block(&mut self, index: usize) -> Result<Block> {
        let at = |part: &str| format!("blk.{index}.{part}");
        let family = &self.config.family;
        for end in family.requires {
            self.tensors.require(&at(""), end)?;
        }
        let (before, after) = match family.norms {
            NormPlaces::Before => (true, false),
            NormPlaces::After => (false, true),
            NormPlaces::Around => (true, true),
        };
        // A parallel block may have one norm for attention and MLP.
        let is_shared =
            self.config.is_parallel && !self.tensors.has_optional(&at("ffn_norm.weight"))?;
        Ok(Block {
            input_norm: self.norm(before, &at("attn_norm"))?,
            attention: self.attention(index, &at("attn"))?,
            attention_out_norm: self.norm(after, &at("post_attention_norm"))?,
            mlp_norm: self.norm(before && !is_shared, &at("ffn_norm"))?,
            mlp: self.feed_forward(index)?,
            mlp_out_norm: self.norm(after, &at("post_ffw_norm"))?,
            is_parallel: self.config.is_parallel,
            residual_scale: self.config.scales.residual,
            caches: vec![self.cache(index)],
        })
    }

    fn norm(&mut self, is_there: bool, name: &str) -> Result<Option<Norm>> {
        let width = self.config.width;
        is_there.then(|| self.tensors.norm(name, width)).transpose()
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
        let [q, k, v] = match self.tensors.has(&format!("{fused}.weight")) {
            true => self.tensors.fused(&fused, parts, width)?,
            false => self.tensors.apart(prefix, parts, width)?,
        };
        Ok(Attention {
            q,
            k,
            v,
            o: self
                .tensors
                .linear(&format!("{prefix}_output"), width, all)?,
            q_norm: self.head_norm(&format!("{prefix}_q_norm"), shape.heads)?,
            k_norm: self.head_norm(&format!("{prefix}_k_norm"), shape.kv_heads)?,
            mask: self.mask(layer),
            shape,
        })
    }

    fn head_norm(&mut self, name: &str, heads: usize) -> Result<Option<HeadNorm>> {
        let head_dim = self.config.head_dim;
        match self.config.family.head_norms {
            HeadNorms::None => Ok(None),
            HeadNorms::Shared => {
                let norm = self.tensors.norm(name, head_dim)?;
                Ok(Some(HeadNorm::Each(norm)))
            }
            HeadNorms::Whole => {
                let norm = self.tensors.norm(name, heads * head_dim)?;
                Ok(Some(HeadNorm::Whole(norm)))
            }
            HeadNorms::OwnIfThere => {
                let norm = self.tensors.norms_of_heads(name, heads, head_dim)?;
                Ok(norm.map(HeadNorm::Each))
            }
        }
    }

    fn feed_forward(&mut self, layer: usize) -> Result<FeedForward> {
        let prefix = format!("blk.{layer}.ffn");
        let config = self.config;
        let experts = config.experts.as_ref();
        match experts.filter(|experts| experts.contains(layer)) {
            Some(experts) => {
                let activation = config.family.activation;
                let read = self
                    .tensors
                    .experts(&prefix, layer, experts, config.width, activation);
                read.map(FeedForward::Experts)
            }
            None => self.mlp(&prefix).map(FeedForward::Dense),
        }
    }

    fn mlp(&mut self, prefix: &str) -> Result<Mlp> {
        let DecoderConfig { width, hidden, .. } = *self.config;
        let parts = [("_gate", hidden), ("_up", hidden)];
        let up = format!("{prefix}_up");
        let has_gate = self.tensors.has(&format!("{prefix}_gate.weight"));
        let (gate, up) = match (self.config.family.mlp, has_gate) {
            (MlpKind::Plain, _) => (None, self.tensors.linear(&up, hidden, width)?),
            (MlpKind::Gated, false) => {
                let [gate, up] = self.tensors.fused(&up, parts, width)?;
                (Some(gate), up)
            }
            (MlpKind::Gated, true) => {
                let [gate, up] = self.tensors.apart(prefix, parts, width)?;
                (Some(gate), up)
            }
        };
        Ok(Mlp {
            gate,
            up,
            down: self
                .tensors
                .linear(&format!("{prefix}_down"), width, hidden)?,
            activation: self.config.family.activation,
        })
    }

    fn cache(&self, layer: usize) -> KvCache {
        let DecoderConfig {
            kv_heads,
            head_dim,
            context_length: limit,
            ..
        } = *self.config;
        KvCache::new(CacheShape {
            kv_heads,
            head_dim,
            limit,
            window: self.config.window_of(layer),
            format: self.cache,
            device: self.tensors.device().clone(),
        })
    }

    /// Returns the index of a layer's mask in [`Self::masks`].
    fn mask(&mut self, layer: usize) -> usize {
        let kind = LayerKind {
            is_windowed: self.config.is_windowed(layer),
            is_rotated: self.config.is_rotated(layer),
        };
        let known = self.kinds.iter().position(|known| *known == kind);
        known.unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        })
    }

    /// Returns the masks of all kinds of layers that were found.
    fn masks(&mut self) -> Result<Vec<AttentionMask>> {
        let (config, context) = (&self.config.rope, self.config.context_length);
        let half = config.dim / 2;
        let mut factors = config.factors.clone();
        // Tensors that are left over are refused: the settings state other factors.
        for name in ["rope_freqs.weight", "rope_factors_short.weight"] {
            if factors.usual.is_none() {
                factors.usual = self.tensors.numbers(name, half)?;
            }
        }
        if factors.long.is_none() {
            factors.long = self.tensors.numbers(LONG_FACTORS, half)?;
        }
        let device = self.tensors.device();
        let rope = Rope::new(config, factors, context, device);
        let of_window = config
            .of_window
            .map(|own| Rope::of_window(config, own.base, context, device));
        let mask = |kind: &LayerKind| {
            let own = of_window.as_ref().filter(|_| kind.is_windowed);
            AttentionMask {
                rope: kind.is_rotated.then(|| own.unwrap_or(&rope).clone()),
                temperature: config.temperature,
                window: self.config.window.filter(|_| kind.is_windowed),
            }
        };
        Ok(self.kinds.iter().map(mask).collect())
    }
}
