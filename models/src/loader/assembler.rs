//! Builds the decoder's blocks from the tensors that the file has.

use crate::config::decoder_config::DecoderConfig;
use crate::config::rope_scaling::LONG_FACTORS;
use crate::decoder::Decoder;
use crate::error::Result;
use crate::instrument::depth::Depth;
use crate::layers::attention::{Attention, HeadShape};
use crate::layers::attention_mask::AttentionMask;
use crate::layers::block::Block;
use crate::layers::embedding::Embedding;
use crate::layers::kv_cache::{CacheShape, KvCache};
use crate::layers::linear::Linear;
use crate::layers::mlp::Mlp;
use crate::layers::rope::Rope;
use crate::loader::tensor_reader::TensorReader;

/// Assembles a decoder of this shape, reading tensors in order.
pub(super) struct Assembler<'a, 'l> {
    pub(super) config: &'l DecoderConfig,
    pub(super) tensors: &'a mut TensorReader<'l>,
    pub(super) depth: Depth,
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
        let scale = config.family.scales_embedding;
        let scale = scale.then(|| (config.width as f64).sqrt());
        let masks = self.masks()?;
        Ok(Decoder {
            embedding: Embedding::new(table, config.vocab, scale),
            masks,
            blocks: (0..config.layers)
                .map(|i| self.block(i))
                .collect::<Result<_>>()?,
            final_norm: self.tensors.norm("output_norm", config.width)?,
            lm_head,
            context: config.context_length,
            depth: self.depth,
            statistics: None,
            device: self.tensors.device().clone(),
        })
    }

    fn block(&mut self, index: usize) -> Result<Block> {
        let at = |part: &str| format!("blk.{index}.{part}");
        let width = self.config.width;
        Ok(Block {
            input_norm: self.tensors.norm(&at("attn_norm"), width)?,
            attention: self.attention(index, &at("attn"))?,
            attention_out_norm: self
                .tensors
                .norm_if_there(&at("post_attention_norm"), width)?,
            mlp_norm: self.tensors.norm(&at("ffn_norm"), width)?,
            mlp: self.mlp(&at("ffn"))?,
            mlp_out_norm: self.tensors.norm_if_there(&at("post_ffw_norm"), width)?,
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
            q_norm: self
                .tensors
                .norm_if_there(&format!("{prefix}_q_norm"), shape.head_dim)?,
            k_norm: self
                .tensors
                .norm_if_there(&format!("{prefix}_k_norm"), shape.head_dim)?,
            mask: self.mask(layer),
            shape,
        })
    }

    fn mlp(&mut self, prefix: &str) -> Result<Mlp> {
        let DecoderConfig { width, hidden, .. } = *self.config;
        let is_fused = !self.tensors.has(&format!("{prefix}_gate.weight"));
        let parts = [("_gate", hidden), ("_up", hidden)];
        let [gate, up] = match is_fused {
            true => self.tensors.fused(&format!("{prefix}_up"), parts, width)?,
            false => self.tensors.apart(prefix, parts, width)?,
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

    fn cache(&self) -> KvCache {
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
            device: self.tensors.device().clone(),
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
        let half = config.rope_dim / 2;
        let mut factors = config.rope_factors.clone();
        for name in ["rope_freqs.weight", "rope_factors_short.weight"] {
            factors.usual = factors.usual.or(self.tensors.numbers(name, half)?);
        }
        factors.long = factors.long.or(self.tensors.numbers(LONG_FACTORS, half)?);
        let rope = Rope::new(config, factors, self.tensors.device());
        let own = |base| Rope::of_window(config, base, self.tensors.device());
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
}
