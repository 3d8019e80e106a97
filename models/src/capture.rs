//! Single operations of a model, kept so that they can be run again.
//!
//! A power sensor is slower than one operation, so the power of an operation
//! can be read only while it runs over and over. [`capture`] feeds one prefill
//! and one decode step and keeps, for every span without children, the work
//! inside it with the weights and inputs it had. Tensors are shared, not copied.
//!
//! Spans that have children at the model's depth are never kept: their self time is the
//! time between their children. [`NOT_KEPT`] lists what else is not kept.

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::generate::next_token::choose;
use crate::instrument::names::{DECODE, INFERENCE, PREFILL, TOKEN};
use crate::model::Model;
use crate::random::Random;
use crate::sampling::{Sampler, SamplingOptions};
use crate::tape::recording;

pub use crate::tape::op_case::OpCase;

/// Kinds without children that are not kept, and why.
pub const NOT_KEPT: &[(&str, &str)] = &[
    (
        "inference > pre_inference > tokenization",
        "runs once per prompt",
    ),
    (
        "inference > pre_inference > tensor_transfer",
        "runs once per prompt",
    ),
    (
        "inference > pre_inference > kv_cache_init",
        "allocates memory once",
    ),
    (
        "inference > post_inference > tensor_to_cpu",
        "waits for the device, nothing else",
    ),
    (
        "inference > post_inference > detokenization",
        "runs once per answer",
    ),
    ("inference > post_inference > cleanup", "frees memory once"),
];

/// Tokens that are fed while operations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureOptions {
    /// Tokens of the prefill.
    pub prompt_tokens: usize,
    /// Positions that the decode step attends to, its own included.
    pub context: usize,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            prompt_tokens: 128,
            context: 256,
        }
    }
}

/// The operations of one prefill and one decode step.
#[derive(Debug)]
#[must_use]
pub struct Captured {
    /// Operations in execution order; one for each layer of a kind.
    pub cases: Vec<OpCase>,
    /// Tokens of the prefill.
    pub prompt_tokens: usize,
    /// Positions that the decode step attended to.
    pub context: usize,
    device: Device,
}

impl Captured {
    /// Whether running a case only launches its work, as on a GPU.
    pub fn launches(&self) -> bool {
        !self.device.is_cpu()
    }

    /// Waits until all launched work is complete.
    ///
    /// # Errors
    /// Errors of Candle.
    pub fn synchronize(&self) -> Result<()> {
        Ok(self.device.synchronize()?)
    }
}

/// Feeds a prefill and a decode step of random tokens at the model's depth, and
/// keeps their operations. A model with a shorter context gets its context and
/// at most half of it as prompt. The model's cache is empty afterwards; the
/// operations keep what they need of it.
///
/// ```
/// use energy_models::capture::{CaptureOptions, capture};
/// # use energy_models::{LoadOptions, Model, tiny};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tiny.gguf");
/// # tiny::write_gguf(&path, &tiny::TinyConfig::default())?;
/// # let mut model = Model::load(&path, &LoadOptions::default())?;
/// let captured = capture(&mut model, &CaptureOptions { prompt_tokens: 8, context: 20 })?;
/// let mut cases = captured.cases.iter();
/// let case = cases.find(|case| case.kind.ends_with("mlp > down_proj")).expect("a projection");
/// for _ in 0..100 {
///     case.run()?; // long enough for a sensor to observe this operation alone
/// }
/// captured.synchronize()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// For fewer than two prompt tokens or a context that is not longer than the
/// prompt, and whatever Candle reports.
pub fn capture(model: &mut Model, options: &CaptureOptions) -> Result<Captured> {
    let context = options.context.min(model.decoder.context);
    let prompt_tokens = options.prompt_tokens.min(context / 2);
    if prompt_tokens < 2 || options.prompt_tokens >= options.context {
        return Err(Error::Capture {
            prompt_tokens,
            context,
        });
    }
    model.reset();
    let cases = record(model, prompt_tokens, context);
    model.reset();
    Ok(Captured {
        cases: cases?,
        prompt_tokens,
        context,
        device: model.decoder.device.clone(),
    })
}

fn record(model: &mut Model, prompt_tokens: usize, context: usize) -> Result<Vec<OpCase>> {
    let ids = random_ids(model, context);
    let (prompt, rest) = ids.split_at(prompt_tokens);
    let Some((last, between)) = rest.split_last() else {
        return Ok(Vec::new());
    };
    model.decoder.reserve(context)?;
    let (fed, mut cases) = recording::record(&[INFERENCE, PREFILL], || model.forward(prompt));
    fed?;
    if !between.is_empty() {
        let ids = model.decoder.tensor(between)?;
        model.decoder.hidden(&ids, true)?;
    }
    let step = || decode(model, *last);
    let (decoded, step) = recording::record(&[INFERENCE, DECODE, TOKEN], step);
    decoded?;
    cases.extend(step);
    model.decoder.device.synchronize()?;
    Ok(cases)
}

/// Runs the pass of one token and chooses the next greedily.
fn decode(model: &mut Model, token: u32) -> Result<u32> {
    let ids: Tensor = model.decoder.tensor(&[token])?;
    let logits = model.decoder.forward(&ids, false)?;
    choose(&mut Sampler::new(SamplingOptions::default())?, &logits)
}

/// Random tokens suffice: no operation's work depends on the values.
fn random_ids(model: &Model, count: usize) -> Vec<u32> {
    let mut random = Random::new(0);
    let vocab = model.info().vocab as f64;
    (0..count).map(|_| (random.unit() * vocab) as u32).collect()
}
