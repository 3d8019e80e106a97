//! The choice of the next token, in its span.

use candle_core::Tensor;

use crate::error::Result;
use crate::instrument::macros::section;
use crate::sampling::Sampler;
use crate::tape::recording;

/// Chooses the next token from its logits.
pub(crate) fn choose(sampler: &mut Sampler, logits: &Tensor) -> Result<u32> {
    section!(SAMPLING; {
        let copied = logits.to_vec1::<f32>()?;
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
