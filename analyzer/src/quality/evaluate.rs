//! Scores a model with each conversion of its weights against f32.

use energy_models::{Checkpoint, LoadOptions, Model, Requantize, TextScores};
use serde::Serialize;

use super::options::QualityOptions;
use crate::error::Error;
use crate::query::StoredQuality;
use crate::run::{RunEvent, model_checksum, model_path};

/// The text, and its name with a version.
const TEXT: (&str, &str) = ("harbour-1", include_str!("harbour-1.txt"));
/// Fewest tokens with a meaningful perplexity.
const LEAST_TOKENS: usize = 16;

/// A step of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QualityStep {
    /// The model is prepared.
    Preparing(String),
    /// Scores with these weights are computed.
    Scoring(String),
}

/// A model with converted weights, and its quality.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluatedWeights {
    /// Requested conversion.
    pub requantize: String,
    /// Number formats of the loaded matrices.
    pub precision: String,
    /// Number format of the key-value cache.
    pub cache: String,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of the model.
    pub model_sha256: String,
    /// The quality.
    pub quality: StoredQuality,
    /// Number of runs that it was stored with.
    pub runs: usize,
}

/// Evaluates a model with each conversion; `on_step` gets the steps.
///
/// # Errors
/// If the model cannot be loaded, or its context or vocabulary is too small for the text.
pub fn evaluate(
    options: &QualityOptions,
    on_step: &mut dyn FnMut(QualityStep),
) -> anyhow::Result<Vec<EvaluatedWeights>> {
    let path = model_path(&options.model, &mut |event| {
        if let RunEvent::Step(step) = event {
            on_step(QualityStep::Preparing(step.to_owned()));
        }
    })?;
    let checksum = model_checksum(&path)?;
    let load = |requantize: Requantize, cache| -> anyhow::Result<Model> {
        let load = LoadOptions {
            requantize,
            cache,
            ..LoadOptions::default()
        };
        Ok(Checkpoint::open_with(&path, &load)?.load(&load, &mut |_| ())?)
    };
    on_step(QualityStep::Scoring("f32".to_owned()));
    let mut model = load(Requantize::F32, Default::default())?;
    let tokens = tokens(&model)?;
    let reference = model.score(&tokens)?;
    drop(model);
    let mut all = Vec::with_capacity(options.requantize.len());
    for requantize in &options.requantize {
        let name = value_name(requantize);
        on_step(QualityStep::Scoring(name.clone()));
        let mut model = load(requantize.of_model(), options.cache.of_model())?;
        let scores = model.score(&tokens)?;
        all.push(EvaluatedWeights {
            requantize: name,
            precision: model.info().precision.clone(),
            cache: value_name(&options.cache),
            model: match model.info().name.as_str() {
                "" => options.model.clone(),
                name => name.to_owned(),
            },
            model_sha256: checksum.clone(),
            quality: quality(&scores, &reference)?,
            runs: 0,
        });
    }
    Ok(all)
}

/// Returns the tokens of the text, as many as the context holds.
fn tokens(model: &Model) -> Result<Vec<u32>, Error> {
    let failed = |error: energy_models::Error| Error::Model(error.to_string());
    let mut tokens = model.tokenizer().encode(TEXT.1).map_err(failed)?;
    tokens.truncate(model.info().context_length);
    match tokens.len() >= LEAST_TOKENS {
        true => Ok(tokens),
        false => Err(Error::Request(format!(
            "the model holds {} tokens of the text, and {LEAST_TOKENS} are the least: choose a model \
             with a longer context",
            tokens.len()
        ))),
    }
}

fn quality(scores: &TextScores, reference: &TextScores) -> Result<StoredQuality, Error> {
    let lengths = || Error::Model("scores of different lengths".to_owned());
    Ok(StoredQuality {
        text: TEXT.0.to_owned(),
        tokens: scores.log_probabilities.len() as u64,
        perplexity: scores.perplexity(),
        reference_perplexity: reference.perplexity(),
        top1_agreement: scores.top1_agreement(reference).ok_or_else(lengths)?,
    })
}

/// Returns the name of a value on the command line.
fn value_name(value: &impl clap::ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |value| value.get_name().to_owned())
}
