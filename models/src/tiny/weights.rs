//! Random weights.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::random::Random;
use crate::tiny::tiny_config::TinyConfig;
use crate::tiny::vocabulary::VOCAB;

/// Draws tensors in a fixed order.
pub(super) struct TinyWeights<'c> {
    config: &'c TinyConfig,
    random: Random,
}

/// A tensor with its name in the file.
pub(super) type NamedTensor = (String, QTensor);

impl<'c> TinyWeights<'c> {
    /// Starts with the configuration's seed.
    pub(super) fn new(config: &'c TinyConfig) -> Self {
        Self {
            config,
            random: Random::new(config.seed),
        }
    }

    /// Returns all tensors of the model.
    pub(super) fn all(mut self) -> Result<Vec<NamedTensor>> {
        let TinyConfig {
            layers,
            width,
            tied,
            ..
        } = *self.config;
        let mut all = vec![self.matrix("token_embd", VOCAB, width)?];
        for layer in 0..layers {
            all.extend(self.block(&format!("blk.{layer}"))?);
        }
        all.push(self.norm("output_norm")?);
        if !tied {
            all.push(self.matrix("output", VOCAB, width)?);
        }
        Ok(all)
    }

    fn block(&mut self, at: &str) -> Result<Vec<NamedTensor>> {
        let TinyConfig {
            width,
            hidden,
            heads,
            kv_heads,
            ..
        } = *self.config;
        let shared = width / heads * kv_heads;
        let mut tensors = vec![
            self.norm(&format!("{at}.attn_norm"))?,
            self.matrix(&format!("{at}.attn_q"), width, width)?,
            self.matrix(&format!("{at}.attn_k"), shared, width)?,
            self.matrix(&format!("{at}.attn_v"), shared, width)?,
            self.matrix(&format!("{at}.attn_output"), width, width)?,
            self.norm(&format!("{at}.ffn_norm"))?,
        ];
        tensors.extend(match self.config.experts {
            0 => vec![
                self.matrix(&format!("{at}.ffn_gate"), hidden, width)?,
                self.matrix(&format!("{at}.ffn_up"), hidden, width)?,
                self.matrix(&format!("{at}.ffn_down"), width, hidden)?,
            ],
            experts => vec![
                self.matrix(&format!("{at}.ffn_gate_inp"), experts, width)?,
                self.matrices(&format!("{at}.ffn_gate_exps"), hidden, width)?,
                self.matrices(&format!("{at}.ffn_up_exps"), hidden, width)?,
                self.matrices(&format!("{at}.ffn_down_exps"), width, hidden)?,
            ],
        });
        Ok(tensors)
    }

    /// Returns one matrix of each expert, as one tensor.
    fn matrices(&mut self, name: &str, rows: usize, width: usize) -> Result<NamedTensor> {
        let experts = self.config.experts;
        self.tensor(name, &[experts, rows, width])
    }

    fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<NamedTensor> {
        self.tensor(name, &[rows, width])
    }

    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<NamedTensor> {
        let width = shape.last().copied().unwrap_or(1);
        let spread = 2.0 / (width as f64).sqrt();
        let numbers = self.numbers(shape.iter().product(), 0.0, spread);
        let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu)?;
        let is_finer = name.ends_with("attn_v") || name.ends_with("ffn_down");
        let dtype = self.config.finer.filter(|_| is_finer);
        let dtype = dtype.unwrap_or(self.config.dtype);
        Ok((format!("{name}.weight"), QTensor::quantize(&tensor, dtype)?))
    }

    fn norm(&mut self, name: &str) -> Result<NamedTensor> {
        let width = self.config.width;
        let tensor = Tensor::from_vec(self.numbers(width, 1.0, 0.2), width, &Device::Cpu)?;
        Ok((
            format!("{name}.weight"),
            QTensor::quantize(&tensor, GgmlDType::F32)?,
        ))
    }

    fn numbers(&mut self, count: usize, centre: f64, spread: f64) -> Vec<f32> {
        let mut number = || (centre + spread * (2.0 * self.random.unit() - 1.0)) as f32;
        (0..count).map(|_| number()).collect()
    }
}
