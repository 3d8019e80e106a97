//! Samples the next token from its logits.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::random::Random;

/// Options of sampling.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingOptions {
    /// Temperature: 0 takes the most likely token; otherwise logits are divided by it.
    pub temperature: f32,
    /// Keep only this many of the most likely tokens.
    pub top_k: Option<usize>,
    /// Keep the most likely tokens until their probability reaches this.
    pub top_p: Option<f32>,
    /// Keep the tokens with at least this share of the largest probability.
    pub min_p: Option<f32>,
    /// Seed of the random numbers; the same seed gives the same choices.
    pub seed: u64,
    /// Penalty for the last [`REPEAT_WINDOW`] tokens: their logits are divided by it if
    /// positive, else multiplied (Keskar et al. 2019); 1 disables it.
    pub repeat_penalty: f32,
}

/// Number of tokens that the repeat penalty covers.
pub const REPEAT_WINDOW: usize = 64;

impl Default for SamplingOptions {
    /// Greedy.
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: None,
            top_p: None,
            min_p: None,
            seed: 0,
            repeat_penalty: 1.0,
        }
    }
}

/// Samples one token after the other.
///
/// ```
/// use energy_models::{Sampler, SamplingOptions};
///
/// # fn main() -> energy_models::Result<()> {
/// let options = SamplingOptions { temperature: 0.8, top_k: Some(2), seed: 7, ..Default::default() };
/// let mut sampler = Sampler::new(options)?;
/// let token = sampler.sample(&[0.0, 3.0, f32::NAN, 2.0])?;
/// assert!(token == 1 || token == 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Sampler {
    options: SamplingOptions,
    random: Random,
    /// Buffer kept between calls, so that a step does not allocate.
    candidates: Vec<(f32, u32)>,
    /// The last tokens, and a buffer for the penalised logits.
    recent: VecDeque<u32>,
    penalised: Vec<f32>,
    /// Tokens that are never chosen.
    excluded: Vec<u32>,
}

impl Sampler {
    /// Creates a sampler.
    ///
    /// # Errors
    /// [`Error::Sampling`] for a negative temperature, a `top_k` of 0, a
    /// `top_p` outside of (0, 1], a `min_p` outside of [0, 1], or a penalty that is not above 0.
    pub fn new(options: SamplingOptions) -> Result<Self> {
        let refuse = |problem: &str| Err(Error::Sampling(problem.to_owned()));
        if !(options.temperature >= 0.0 && options.temperature.is_finite()) {
            return refuse("the temperature must be finite and at least 0");
        }
        if options.top_k == Some(0) {
            return refuse("top-k must be 1 or more");
        }
        if options.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return refuse("top-p must be above 0 and at most 1");
        }
        if options.min_p.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return refuse("min-p must be at least 0 and at most 1");
        }
        let penalty = options.repeat_penalty;
        if !(penalty > 0.0 && penalty.is_finite()) {
            return refuse("the repeat penalty must be finite and above 0; 1 is none");
        }
        let random = Random::new(options.seed);
        Ok(Self {
            options,
            random,
            candidates: Vec::new(),
            recent: VecDeque::new(),
            penalised: Vec::new(),
            excluded: Vec::new(),
        })
    }

    /// Adds tokens that were not sampled, such as the prompt's, to the repeat penalty.
    pub fn remember(&mut self, tokens: &[u32]) {
        if self.options.repeat_penalty == 1.0 {
            return;
        }
        self.recent.extend(tokens);
        let excess = self.recent.len().saturating_sub(REPEAT_WINDOW);
        self.recent.drain(..excess);
    }

    /// Never chooses these tokens.
    pub fn exclude(&mut self, tokens: &[u32]) {
        self.excluded.extend(tokens);
    }

    /// Returns the id of the chosen token, an index into the logits. NaN logits are never
    /// chosen.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if no logit is finite.
    pub fn sample(&mut self, logits: &[f32]) -> Result<u32> {
        if self.recent.is_empty() && self.excluded.is_empty() {
            let chosen = self.choose(logits)?;
            self.remember(&[chosen]);
            return Ok(chosen);
        }
        let mut penalised = std::mem::take(&mut self.penalised);
        self.adjust(logits, &mut penalised);
        let chosen = self.choose(&penalised);
        self.penalised = penalised;
        let chosen = chosen?;
        self.remember(&[chosen]);
        Ok(chosen)
    }

    /// Applies the penalty and the exclusions.
    fn adjust(&self, logits: &[f32], penalised: &mut Vec<f32>) {
        penalised.clear();
        penalised.extend_from_slice(logits);
        let penalty = self.options.repeat_penalty;
        // From the unpenalised logits: a token counts once, however often it occurred.
        for token in &self.recent {
            let at = *token as usize;
            if let (Some(logit), Some(new)) = (logits.get(at), penalised.get_mut(at)) {
                *new = match *logit > 0.0 {
                    true => logit / penalty,
                    false => logit * penalty,
                };
            }
        }
        for token in &self.excluded {
            if let Some(logit) = penalised.get_mut(*token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    fn choose(&mut self, logits: &[f32]) -> Result<u32> {
        let best = argmax(logits).ok_or(Error::NotFinite)?;
        if self.options.temperature == 0.0 || self.options.top_k == Some(1) {
            return Ok(best);
        }
        self.weigh(logits, logits[best as usize]);
        self.keep_top();
        Ok(self.draw().unwrap_or(best))
    }

    /// Returns unnormalised probabilities; the most likely token has weight 1.
    fn weigh(&mut self, logits: &[f32], best: f32) {
        let temperature = self.options.temperature;
        let weight = |(logit, id): (&f32, u32)| (((logit - best) / temperature).exp(), id);
        let finite = logits
            .iter()
            .zip(0..)
            .filter(|(logit, _)| logit.is_finite());
        self.candidates.clear();
        self.candidates.extend(finite.map(weight));
    }

    fn keep_top(&mut self) {
        let descending = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if let Some(k) = self.options.top_k.filter(|k| *k < self.candidates.len()) {
            self.candidates.select_nth_unstable_by(k, descending);
            self.candidates.truncate(k);
        }
        if let Some(p) = self.options.top_p.filter(|p| *p < 1.0) {
            self.candidates.sort_unstable_by(descending);
            let target = f64::from(p) * self.total();
            let kept = self.count_until(target);
            self.candidates.truncate(kept);
        }
        if let Some(share) = self.options.min_p {
            // The most likely one has weight 1.
            self.candidates.retain(|(weight, _)| *weight >= share);
        }
    }

    fn total(&self) -> f64 {
        self.candidates
            .iter()
            .map(|(weight, _)| f64::from(*weight))
            .sum()
    }

    /// Returns the number of candidates that reach a sum of weights; at least one.
    fn count_until(&self, target: f64) -> usize {
        let mut sum = 0.0;
        let reached = self.candidates.iter().position(|(weight, _)| {
            sum += f64::from(*weight);
            sum >= target
        });
        reached.map_or(self.candidates.len(), |last| last + 1)
    }

    fn draw(&mut self) -> Option<u32> {
        let target = self.random.unit() * self.total();
        let chosen = self.count_until(target).checked_sub(1)?;
        self.candidates.get(chosen).map(|(_, id)| *id)
    }
}

/// Returns the first of the highest finite logits.
fn argmax(logits: &[f32]) -> Option<u32> {
    let finite = logits
        .iter()
        .zip(0..)
        .filter(|(logit, _)| logit.is_finite());
    let best = finite.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 5] = [0.0, 3.0, f32::NAN, 2.0, 1.0];

    fn draws(options: SamplingOptions) -> Vec<u32> {
        let mut sampler = Sampler::new(options).unwrap();
        (0..2000)
            .map(|_| sampler.sample(&LOGITS).unwrap())
            .collect()
    }

    fn warm() -> SamplingOptions {
        SamplingOptions {
            temperature: 1.0,
            seed: 7,
            ..Default::default()
        }
    }

    #[test]
    fn greedy_takes_the_first_of_the_best() {
        let mut sampler = Sampler::new(SamplingOptions::default()).unwrap();
        assert_eq!(sampler.sample(&LOGITS).unwrap(), 1);
        assert_eq!(sampler.sample(&[2.0, 5.0, 5.0]).unwrap(), 1);
        assert!(matches!(sampler.sample(&[f32::NAN]), Err(Error::NotFinite)));
        assert!(matches!(sampler.sample(&[]), Err(Error::NotFinite)));
    }

    #[test]
    fn a_seed_fixes_the_choices() {
        assert_eq!(draws(warm()), draws(warm()));
        assert_ne!(draws(warm()), draws(SamplingOptions { seed: 8, ..warm() }));
    }

    #[test]
    fn choices_follow_the_probabilities() {
        let all = draws(warm());
        let share = |id| all.iter().filter(|chosen| **chosen == id).count() as f64 / 2000.0;
        let total: f64 = [0.0f64, 3.0, 2.0, 1.0]
            .iter()
            .map(|logit| logit.exp())
            .sum();
        for (id, logit) in [(0, 0.0f64), (1, 3.0), (3, 2.0), (4, 1.0)] {
            assert!(
                (share(id) - logit.exp() / total).abs() < 0.03,
                "token {id}: {}",
                share(id)
            );
        }
        assert_eq!(share(2), 0.0);
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let two = draws(SamplingOptions {
            top_k: Some(2),
            ..warm()
        });
        assert!(two.iter().all(|id| [1, 3].contains(id)) && two.contains(&3));
        // Probabilities are 0.644, 0.237, 0.087, 0.032.
        let half = draws(SamplingOptions {
            top_p: Some(0.6),
            ..warm()
        });
        assert!(half.iter().all(|id| *id == 1));
        let most = draws(SamplingOptions {
            top_p: Some(0.8),
            ..warm()
        });
        assert!(most.iter().all(|id| [1, 3].contains(id)) && most.contains(&3));
    }

    #[test]
    fn min_p_keeps_a_share_of_the_most_likely() {
        // Relative to the largest, probabilities are 1, 0.368, 0.135, 0.0498.
        for (share, kept) in [(0.0, 4), (0.04, 4), (0.1, 3), (0.2, 2), (0.5, 1), (1.0, 1)] {
            let ids = draws(SamplingOptions {
                min_p: Some(share),
                ..warm()
            });
            let ids: std::collections::BTreeSet<u32> = ids.into_iter().collect();
            assert_eq!(ids.len(), kept, "{share}");
        }
        // A high temperature makes them more alike, before min-p.
        let hot = SamplingOptions {
            min_p: Some(0.5),
            temperature: 5.0,
            ..warm()
        };
        let ids: std::collections::BTreeSet<u32> = draws(hot).into_iter().collect();
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn earlier_tokens_are_repeated_less() {
        let penalty = |repeat_penalty| SamplingOptions {
            repeat_penalty,
            ..Default::default()
        };
        let mut sampler = Sampler::new(penalty(2.0)).unwrap();
        // 3 becomes 1.5, which is less than 2; that becomes 1, and so on.
        let mut next = || sampler.sample(&[0.5, 3.0, f32::NAN, 2.0, -1.0]).unwrap();
        assert_eq!([next(), next(), next()], [1, 3, 1]);
        // A negative logit moves away from the others.
        let mut sampler = Sampler::new(penalty(2.0)).unwrap();
        sampler.remember(&[0, 9]);
        assert_eq!(sampler.sample(&[-1.0, -1.5]).unwrap(), 1);
        // Tokens outside of the window are forgotten.
        let mut sampler = Sampler::new(penalty(2.0)).unwrap();
        sampler.remember(&[1]);
        sampler.remember(&[7; REPEAT_WINDOW]);
        assert_eq!(sampler.sample(&LOGITS).unwrap(), 1);
        let mut none = Sampler::new(penalty(1.0)).unwrap();
        none.remember(&[1]);
        assert_eq!(none.sample(&LOGITS).unwrap(), 1);
    }

    #[test]
    fn excluded_tokens_are_never_chosen() {
        for options in [SamplingOptions::default(), warm()] {
            let mut sampler = Sampler::new(options).unwrap();
            sampler.exclude(&[1, 3, 99]);
            for _ in 0..200 {
                let id = sampler.sample(&LOGITS).unwrap();
                assert!(![1, 3].contains(&id), "{id}");
            }
        }
        let mut none_left = Sampler::new(SamplingOptions::default()).unwrap();
        none_left.exclude(&[0, 1]);
        assert!(matches!(
            none_left.sample(&[1.0, 2.0]),
            Err(Error::NotFinite)
        ));
    }

    #[test]
    fn impossible_options_are_refused() {
        for bad in [
            SamplingOptions {
                repeat_penalty: 0.0,
                ..warm()
            },
            SamplingOptions {
                temperature: -1.0,
                ..warm()
            },
            SamplingOptions {
                temperature: f32::NAN,
                ..warm()
            },
            SamplingOptions {
                top_k: Some(0),
                ..warm()
            },
            SamplingOptions {
                top_p: Some(0.0),
                ..warm()
            },
            SamplingOptions {
                min_p: Some(1.1),
                ..warm()
            },
            SamplingOptions {
                min_p: Some(f32::NAN),
                ..warm()
            },
        ] {
            assert!(Sampler::new(bad).is_err());
        }
    }
}
