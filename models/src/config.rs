//! The numbers that shape a decoder, read from GGUF metadata.

use candle_core::quantized::gguf_file::Value;

use crate::architecture::{self, Family};
use crate::error::{Error, Result};
use crate::weights::gguf::Gguf;

/// Factors of LongRoPE; files that have them extend the context by it.
pub(crate) const LONG_FACTORS: &str = "rope_factors_long.weight";

/// Shape of a decoder. Widths are in channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// The model family.
    pub family: &'static Family,
    /// `general.name`, empty if the file has none.
    pub name: String,
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width inside of the MLP.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Leading channels of a head that the rotary embedding turns.
    pub rope_dim: usize,
    /// Base of the rotary frequencies.
    pub rope_base: f32,
    /// Positions are divided by this (linear context scaling).
    pub rope_scale: f32,
    /// Cosines and sines are multiplied by it (LongRoPE).
    pub rope_magnitude: f32,
    /// Positions that the model was first made for, before its context was extended.
    pub original_context: usize,
    /// Positions that layers with a window see, the position itself included.
    pub window: Option<usize>,
    /// Scores of attention are multiplied by it.
    pub attention_scale: f64,
    /// Epsilon of the norms.
    pub norm_eps: f32,
    /// Positions that the model was made for.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
}

impl Config {
    /// Reads and checks the metadata of a file.
    ///
    /// # Errors
    /// [`Error::Architecture`] for a family that is not supported, else
    /// [`Error::File`] with the key at fault.
    pub(crate) fn read(gguf: &Gguf) -> Result<Self> {
        let family = family(gguf)?;
        let meta = Meta {
            gguf,
            prefix: family.name,
        };
        let heads = meta.count("attention.head_count")?;
        let width = meta.count("embedding_length")?;
        let head_dim = meta.count_or("attention.key_length", width / heads)?;
        let context_length = meta.count("context_length")?;
        let original_context =
            meta.count_or("rope.scaling.original_context_length", context_length)?;
        let config = Self {
            family,
            name: meta.name(),
            layers: meta.count("block_count")?,
            width,
            hidden: meta.count("feed_forward_length")?,
            heads,
            kv_heads: meta.count_or("attention.head_count_kv", heads)?,
            head_dim,
            rope_dim: meta.count_or("rope.dimension_count", head_dim)?,
            rope_base: meta.number_or("rope.freq_base", 10_000.0)?,
            rope_scale: meta.rope_scale()?,
            norm_eps: meta.number("attention.layer_norm_rms_epsilon")?,
            rope_magnitude: meta.magnitude(context_length, original_context)?,
            original_context,
            window: meta.window()?,
            attention_scale: 1.0 / (head_dim as f64).sqrt(),
            context_length,
            vocab: *gguf.shape("token_embd.weight")?.first().unwrap_or(&0),
            tied: !gguf.has("output.weight"),
        };
        meta.refuse_unsupported(&config)?;
        config.check(&meta)
    }

    fn check(self, meta: &Meta<'_>) -> Result<Self> {
        let faults = [
            (
                "attention.head_count_kv",
                !self.heads.is_multiple_of(self.kv_heads),
            ),
            (
                "attention.key_length",
                self.head_dim == 0 || self.head_dim > 1 << 14,
            ),
            ("attention.head_count", self.heads > 1 << 14),
            (
                "rope.dimension_count",
                self.rope_dim % 2 == 1 || self.rope_dim > self.head_dim,
            ),
            ("rope.freq_base", self.rope_base <= 0.0),
            ("rope.scaling.attn_factor", self.rope_magnitude <= 0.0),
            ("attention.layer_norm_rms_epsilon", self.norm_eps < 0.0),
            ("context_length", self.context_length > 1 << 27),
        ];
        match faults.iter().find(|(_, at_fault)| *at_fault) {
            Some((key, _)) => Err(meta.fault(key, "does not fit the other numbers")),
            None => Ok(self),
        }
    }
}

fn family(gguf: &Gguf) -> Result<&'static Family> {
    let key = "general.architecture";
    let Some(Value::String(name)) = gguf.metadata().get(key) else {
        return Err(gguf.fault(format!("metadata `{key}`"), "is missing or not text"));
    };
    architecture::find(name).ok_or_else(|| Error::Architecture {
        path: gguf.path().to_owned(),
        found: name.clone(),
        supported: architecture::supported(),
    })
}

/// Metadata under a family's prefix.
struct Meta<'g> {
    gguf: &'g Gguf,
    prefix: &'static str,
}

impl Meta<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.gguf.metadata().get(&format!("{}.{key}", self.prefix))
    }

    fn fault(&self, key: &str, problem: &str) -> Error {
        self.gguf
            .fault(format!("metadata `{}.{key}`", self.prefix), problem)
    }

    fn name(&self) -> String {
        match self.gguf.metadata().get("general.name") {
            Some(Value::String(name)) => name.clone(),
            _ => String::new(),
        }
    }

    fn count(&self, key: &str) -> Result<usize> {
        let value = self.get(key).ok_or_else(|| self.fault(key, "is missing"))?;
        match value.to_u64() {
            Ok(count @ 1..=0xffff_ffff) => Ok(count as usize),
            _ => Err(self.fault(key, "is not a positive number")),
        }
    }

    fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        self.get(key).map_or(Ok(default), |_| self.count(key))
    }

    fn number(&self, key: &str) -> Result<f32> {
        let value = self.get(key).ok_or_else(|| self.fault(key, "is missing"))?;
        match value {
            Value::F32(number) if number.is_finite() => Ok(*number),
            Value::F64(number) if number.is_finite() => Ok(*number as f32),
            _ => Err(self.fault(key, "is not a finite number")),
        }
    }

    fn number_or(&self, key: &str, default: f32) -> Result<f32> {
        self.get(key).map_or(Ok(default), |_| self.number(key))
    }

    fn rope_scale(&self) -> Result<f32> {
        let key = "rope.scaling.type";
        match self.get(key) {
            None => Ok(1.0),
            Some(Value::String(kind)) if kind == "none" => Ok(1.0),
            Some(Value::String(kind)) if kind == "linear" => self.linear_scale(),
            // Its factors are a tensor.
            Some(Value::String(kind)) if kind == "longrope" => Ok(1.0),
            Some(_) => Err(self.unsupported(key, "is neither `linear` nor `longrope`")),
        }
    }

    /// A sliding window; 0 is none.
    fn window(&self) -> Result<Option<usize>> {
        let key = "attention.sliding_window";
        match self.get(key).map(Value::to_u64) {
            None | Some(Ok(0)) => Ok(None),
            Some(_) => self.count(key).map(Some),
        }
    }

    /// What LongRoPE multiplies cosines and sines by: `sqrt(1 + ln(s) / ln(original))`,
    /// `s` times the original context being the context (Ding et al. 2024).
    fn magnitude(&self, context: usize, original: usize) -> Result<f32> {
        if !self.gguf.has(LONG_FACTORS) {
            return Ok(1.0);
        }
        let (context, original) = (context as f32, original as f32);
        let extended = (1.0 + (context / original).ln() / original.ln()).sqrt();
        let default = if context > original { extended } else { 1.0 };
        self.number_or("rope.scaling.attn_factor", default)
    }

    fn linear_scale(&self) -> Result<f32> {
        let key = "rope.scaling.factor";
        match self.number(key)? {
            factor if factor > 0.0 => Ok(factor),
            _ => Err(self.fault(key, "is not positive")),
        }
    }

    /// Structure that would give wrong numbers if it were ignored.
    fn refuse_unsupported(&self, config: &Config) -> Result<()> {
        let key = "attention.value_length";
        if self.count_or(key, config.head_dim)? != config.head_dim {
            return Err(self.unsupported(key, "differs from the keys' length"));
        }
        let key = "expert_count";
        match self.get(key).and_then(|value| value.to_u64().ok()) {
            Some(1..) => Err(self.unsupported(key, "asks for a mixture of experts")),
            _ => Ok(()),
        }?;
        let softcaps = ["attn_logit_softcapping", "final_logit_softcapping"];
        match softcaps.iter().find(|key| self.get(key).is_some()) {
            Some(key) => Err(self.unsupported(key, "asks for a soft cap")),
            None => Ok(()),
        }
    }

    fn unsupported(&self, key: &str, problem: &str) -> Error {
        let thing = format!("metadata `{}.{key}`", self.prefix);
        let next = "this is not supported yet: choose a model without it";
        Error::advise(self.gguf.path(), thing, problem, next)
    }
}
