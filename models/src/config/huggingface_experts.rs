//! Settings of a mixture of experts in a `config.json`.

use serde_json::Value;

use crate::architecture::Family;
use crate::config::experts::ExpertConfig;
use crate::error::Result;
use crate::json_file::JsonFile;

/// Layers that a list may name; more indicate damage.
const MOST_LAYERS: usize = 1 << 12;

/// Reads the settings; `None` for a model without experts.
pub(super) fn experts(json: &JsonFile, family: &Family) -> Result<Option<ExpertConfig>> {
    let Some(facts) = family.experts else {
        return Ok(None);
    };
    let keys = ["num_experts", "num_local_experts"];
    let stated = keys.into_iter().find(|key| json.get(key).is_some());
    let is_mixtral = json.text("model_type")? == "mixtral";
    let is_mixture = facts.is_always || is_mixtral;
    let key = match (stated, is_mixture) {
        (Some(key), true) => key,
        (None, true) => {
            return Err(json.fault(
                if is_mixtral {
                    "num_local_experts"
                } else {
                    "num_experts"
                },
                "is missing",
            ));
        }
        (Some(key), false) if json.count_or(key, 1).is_ok() => {
            return Err(json.unsupported(key, "declares a mixture of experts"));
        }
        (_, false) => return Ok(None),
    };
    let normalized = "norm_topk_prob";
    let is_normalized = json.truth_or(normalized, facts.normalized)?;
    if is_mixtral && is_normalized != facts.normalized {
        return Err(json.unsupported(normalized, "differs from the family's routers"));
    }
    let hidden = json.count("intermediate_size")?;
    let config = ExpertConfig {
        count: json.count(key)?,
        active: json.count("num_experts_per_tok")?,
        hidden: json.count_or("moe_intermediate_size", hidden)?,
        shared_hidden: match facts.has_shared {
            true => Some(json.count("shared_expert_intermediate_size")?),
            false => None,
        },
        is_normalized,
        dense: dense(json)?,
        step: json.count_or("decoder_sparse_step", 1)?,
    };
    match config.is_sound() {
        true => Ok(Some(config)),
        false => Err(json.fault("num_experts_per_tok", ExpertConfig::UNSOUND)),
    }
}

/// Lists the layers with an ordinary MLP.
fn dense(json: &JsonFile) -> Result<Vec<usize>> {
    let key = "mlp_only_layers";
    let Some(listed) = json.get(key) else {
        return Ok(Vec::new());
    };
    let layers = |listed: &Vec<Value>| -> Option<Vec<usize>> {
        let layers = listed.iter().take(MOST_LAYERS);
        layers.map(|one| Some(one.as_u64()? as usize)).collect()
    };
    let layers = listed.as_array().and_then(layers);
    layers.ok_or_else(|| json.fault(key, "is not a list of layers"))
}
