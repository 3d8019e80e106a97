//! Quality of a model on a text: how well it predicts each next token.
//!
//! ```text
//! text    the  boats  leave  before  dawn
//! position  0      1      2       3
//! predicts  boats  leave  before  dawn     log probability of each, and the most likely token
//! ```
//!
//! Perplexity is the exponential of the mean negative log probability of the next token. The
//! agreement of two models is the share of positions at which their most likely tokens are the same.

use crate::error::{Error, Result};
use crate::model::Model;

/// Positions of one pass: bounds the memory of the logits.
const PASS: usize = 64;

/// Scores of a model on a sequence of tokens, one for each token but the first.
#[derive(Debug, Clone, PartialEq)]
pub struct TextScores {
    /// Natural logarithm of the probability of the token.
    pub log_probabilities: Vec<f64>,
    /// The most likely token at its place.
    pub most_likely: Vec<u32>,
}

impl TextScores {
    /// Returns the perplexity.
    pub fn perplexity(&self) -> f64 {
        let sum: f64 = self.log_probabilities.iter().sum();
        (-sum / self.log_probabilities.len() as f64).exp()
    }

    /// Returns the share of positions at which the most likely tokens are the same; `None` if the
    /// scores are those of texts of different lengths.
    pub fn top1_agreement(&self, other: &Self) -> Option<f64> {
        let (own, other) = (&self.most_likely, &other.most_likely);
        let same = own.iter().zip(other).filter(|(a, b)| a == b).count();
        (own.len() == other.len()).then(|| same as f64 / own.len() as f64)
    }
}

impl Model {
    /// Scores a sequence of tokens, in passes of several positions: with the weights that decode
    /// uses, unless [`Prefill`](crate::Prefill) adds others. The model starts from an empty cache
    /// and is left with one.
    ///
    /// ```
    /// # use energy_models::{LoadOptions, Model, tiny};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tiny.gguf");
    /// # tiny::write_gguf(&path, &tiny::TinyConfig::default())?;
    /// let mut model = Model::load(&path, &LoadOptions::default())?;
    /// let scores = model.score(&[1, 5, 3, 2])?;
    /// assert_eq!(scores.most_likely.len(), 3);
    /// assert!(scores.perplexity() >= 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fewer than two tokens, an id outside of the vocabulary, more tokens than the context, or
    /// logits that are not finite.
    pub fn score(&mut self, tokens: &[u32]) -> Result<TextScores> {
        self.reset();
        let scores = self.scores(tokens);
        self.reset();
        scores
    }

    fn scores(&mut self, tokens: &[u32]) -> Result<TextScores> {
        let Some((_, next)) = tokens.split_first().filter(|(_, next)| !next.is_empty()) else {
            return Err(Error::EmptyPrompt);
        };
        let mut scores = TextScores {
            log_probabilities: Vec::with_capacity(next.len()),
            most_likely: Vec::with_capacity(next.len()),
        };
        let passes = tokens[..next.len()].chunks(PASS).zip(next.chunks(PASS));
        for (given, next) in passes {
            let ids = self.decoder.tensor(given)?;
            let at: Vec<usize> = (0..given.len()).collect();
            let logits = self
                .decoder
                .logits_of(&ids, &[(0, given.len())], &at, false)?;
            let rows = logits.to_dtype(candle_core::DType::F32)?.to_vec2::<f32>()?;
            for (row, next) in rows.iter().zip(next) {
                let (log_probability, most_likely) = score(row, *next)?;
                scores.log_probabilities.push(log_probability);
                scores.most_likely.push(most_likely);
            }
        }
        Ok(scores)
    }
}

/// Returns the log probability of a token and the most likely one; the first of equal ones.
fn score(logits: &[f32], token: u32) -> Result<(f64, u32)> {
    let (mut most, mut largest) = (0, f64::NEG_INFINITY);
    for (at, logit) in logits.iter().enumerate() {
        let logit = f64::from(*logit);
        if logit > largest {
            (most, largest) = (at, logit);
        }
    }
    let sum: f64 = logits
        .iter()
        .map(|logit| (f64::from(*logit) - largest).exp())
        .sum();
    let own = logits.get(token as usize).copied().map(f64::from);
    let log_probability = own.map(|own| own - largest - sum.ln());
    match log_probability.filter(|log| log.is_finite()) {
        Some(log) => Ok((log, u32::try_from(most).unwrap_or(u32::MAX))),
        None => Err(Error::NotFinite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_a_softmax() {
        // Probabilities 1/7, 2/7, 4/7.
        let logits = [0.0, 2f32.ln(), 4f32.ln()];
        let (log, most) = score(&logits, 1).unwrap();
        assert!((log.exp() - 2.0 / 7.0).abs() < 1e-6, "{log}");
        assert_eq!(most, 2);
        let large = [1e30, 0.0];
        assert_eq!(score(&large, 0).unwrap(), (0.0, 0));
        assert!(score(&[f32::NAN, 1.0], 1).is_err());
        assert!(score(&[1.0], 5).is_err());
    }

    #[test]
    fn perplexity_is_the_inverse_of_the_geometric_mean_probability() {
        let scores = |probabilities: &[f64], most_likely: &[u32]| TextScores {
            log_probabilities: probabilities.iter().map(|one| one.ln()).collect(),
            most_likely: most_likely.to_vec(),
        };
        let one = scores(&[0.5, 0.125], &[1, 2]);
        assert!((one.perplexity() - 4.0).abs() < 1e-12);
        assert_eq!(one.top1_agreement(&scores(&[0.5, 0.5], &[1, 3])), Some(0.5));
        assert_eq!(one.top1_agreement(&scores(&[0.5], &[1])), None);
    }
}
