//! The choice of the next token, in its span.

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::instrument::macros::section;
use crate::sampling::Sampler;
use crate::tape::recording;

/// Chooses the next token from its logits.
pub(crate) fn choose(sampler: &mut Sampler, logits: &Tensor) -> Result<u32> {
    section!(SAMPLING; {
        let copied = logits.to_vec1::<f32>()?;
        // One such logit means that the others cannot be trusted either.
        if copied.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
            return Err(Error::NotFinite);
        }
        // A capture repeats the choice from the initial state.
        let before = recording::is_on().then(|| sampler.clone());
        let chosen = sampler.sample(&copied);
        if let Some(before) = before {
            let logits = logits.clone();
            recording::keep(None, &chosen, move || {
                before.clone().sample(&logits.to_vec1::<f32>()?)
            });
        }
        chosen
    })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::sampling::SamplingOptions;

    #[test]
    fn a_logit_that_is_not_finite_is_an_error() {
        let chosen = |logits: &[f32]| {
            let mut sampler = Sampler::new(SamplingOptions::default()).unwrap();
            choose(&mut sampler, &Tensor::new(logits, &Device::Cpu).unwrap())
        };
        assert_eq!(chosen(&[0.0, 2.0, f32::NEG_INFINITY]).unwrap(), 1);
        for wrong in [f32::NAN, f32::INFINITY] {
            let error = chosen(&[0.0, 2.0, wrong]).unwrap_err();
            assert!(matches!(error, Error::NotFinite), "{error}");
        }
    }
}
