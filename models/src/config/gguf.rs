//! A configuration from the metadata of a GGUF file.

use candle_core::quantized::gguf_file::Value;

use crate::architecture::{self, Family};
use crate::config::decoder_config::DecoderConfig;
use crate::config::infer;
use crate::config::rope_scaling::{Factors, LONG_FACTORS, longrope_magnitude};
use crate::error::{Error, Result};
use crate::weights::gguf::Gguf;
use crate::weights::stored::Weights;

/// Reads and checks the metadata of a file.
///
/// # Errors
/// [`Error::Architecture`] for a family that is not supported, else
/// [`Error::File`] with the key at fault.
pub(crate) fn read(gguf: &Gguf) -> Result<DecoderConfig> {
    let architecture = architecture_of(gguf)?;
    let family = family(gguf, architecture)?;
    let meta = ModelMetadata {
        gguf,
        prefix: architecture,
    };
    let heads = meta.count("attention.head_count")?;
    let width = meta.count("embedding_length")?;
    let head_dim = meta.count_or("attention.key_length", width / heads)?;
    let layers = meta.count("block_count")?;
    let context_length = meta.count("context_length")?;
    let original_context = meta.count_or("rope.scaling.original_context_length", context_length)?;
    let window = meta.window()?;
    let config = DecoderConfig {
        architecture: architecture.to_owned(),
        family,
        assumed: infer::assumed(family, window),
        name: meta.name(),
        layers,
        width,
        hidden: meta.count("feed_forward_length")?,
        heads,
        kv_heads: meta.count_or("attention.head_count_kv", heads)?,
        head_dim,
        rope_dim: meta.count_or("rope.dimension_count", head_dim)?,
        rope_style: family.rope,
        rope_factors: Factors::default(),
        rope_base: meta.number_or("rope.freq_base", 10_000.0)?,
        window_rope_base: meta.window_rope_base(family)?,
        rope_scale: meta.rope_scale()?,
        norm_eps: meta.number("attention.layer_norm_rms_epsilon")?,
        rope_magnitude: meta.magnitude(context_length, original_context)?,
        original_context,
        window,
        attention_scale: 1.0 / (scaled_by(family, layers, width / heads, head_dim) as f64).sqrt(),
        context_length,
        vocab: *gguf.shape("token_embd.weight")?.first().unwrap_or(&0),
        tied: !gguf.has("output.weight"),
    };
    meta.refuse_unsupported(&config)?;
    match config.fault() {
        Some(fault) => Err(meta.fault(fault.keys().0, "does not fit the other numbers")),
        None => Ok(config),
    }
}

/// Returns the width that scores are scaled by; the largest Gemma 3 differs, which no key
/// states.
fn scaled_by(family: &Family, layers: usize, even: usize, head_dim: usize) -> usize {
    match (family.name, layers) {
        ("gemma3", 62) => even,
        _ => head_dim,
    }
}

fn architecture_of(gguf: &Gguf) -> Result<&str> {
    let key = "general.architecture";
    match gguf.metadata().get(key) {
        Some(Value::String(name)) => Ok(name),
        _ => Err(gguf.fault(format!("metadata `{key}`"), "is missing or not text")),
    }
}

fn family(gguf: &Gguf, name: &str) -> Result<&'static Family> {
    let known = architecture::find(name).map(Ok);
    let found = known.unwrap_or_else(|| infer::of_gguf(gguf, name));
    found.map_err(|why| Error::Architecture {
        path: gguf.path().to_owned(),
        found: name.to_owned(),
        why,
        supported: architecture::supported(),
    })
}

/// Metadata under a family's prefix.
struct ModelMetadata<'g> {
    gguf: &'g Gguf,
    prefix: &'g str,
}

impl ModelMetadata<'_> {
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

    /// Returns the rotary base of windowed layers, if the family has a separate one.
    fn window_rope_base(&self, family: &Family) -> Result<Option<f32>> {
        let key = "rope.freq_base_swa";
        match family.window_rope_base {
            None => Ok(None),
            Some(usual) => match self.number_or(key, usual)? {
                base if base > 0.0 => Ok(Some(base)),
                _ => Err(self.fault(key, "is not positive")),
            },
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

    /// Returns LongRoPE's factor of cosines and sines.
    fn magnitude(&self, context: usize, original: usize) -> Result<f32> {
        if !self.gguf.has(LONG_FACTORS) {
            return Ok(1.0);
        }
        let default = longrope_magnitude(context, original);
        self.number_or("rope.scaling.attn_factor", default)
    }

    fn linear_scale(&self) -> Result<f32> {
        let key = "rope.scaling.factor";
        match self.number(key)? {
            factor if factor > 0.0 => Ok(factor),
            _ => Err(self.fault(key, "is not positive")),
        }
    }

    /// Refuses structure that would give wrong numbers if it were ignored.
    fn refuse_unsupported(&self, config: &DecoderConfig) -> Result<()> {
        let key = "attention.value_length";
        if self.count_or(key, config.head_dim)? != config.head_dim {
            return Err(self.unsupported(key, "differs from the keys' length"));
        }
        let key = "expert_count";
        match self.get(key).and_then(|value| value.to_u64().ok()) {
            Some(1..) => Err(self.unsupported(key, "declares a mixture of experts")),
            _ => Ok(()),
        }?;
        let softcaps = ["attn_logit_softcapping", "final_logit_softcapping"];
        match softcaps.iter().find(|key| self.get(key).is_some()) {
            Some(key) => Err(self.unsupported(key, "declares a soft cap")),
            None => Ok(()),
        }
    }

    fn unsupported(&self, key: &str, problem: &str) -> Error {
        let thing = format!("metadata `{}.{key}`", self.prefix);
        let next = "this is not supported yet: choose a model without it";
        Error::advise(self.gguf.path(), thing, problem, next)
    }
}
