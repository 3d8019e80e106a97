//! Options of a generation, from those of a run.

use energy_models::GenerateOptions;

use super::RunOptions;

/// Returns the options of a generation.
pub(super) fn sampling(options: &RunOptions) -> GenerateOptions {
    GenerateOptions {
        max_tokens: options.max_tokens,
        temperature: options.temperature,
        top_k: options.top_k,
        top_p: options.top_p,
        min_p: options.min_p,
        seed: options.seed,
        repeat_penalty: options.repeat_penalty,
        raw: options.raw,
        system: options.system.clone(),
        chat: options.chat.clone(),
        stop: options.stop.clone(),
        ignore_eos: options.ignore_eos,
        ..GenerateOptions::default()
    }
}
