//! Translates Hugging Face's tensor names to those of GGUF files.

use std::collections::BTreeMap;

/// Maps GGUF's names to those of the file for all tensors that have a place in a decoder;
/// others keep their name.
pub(super) fn table<'n>(names: impl Iterator<Item = &'n str> + Clone) -> BTreeMap<String, String> {
    // If there is a norm before the MLP, "post attention" is the norm of attention's output.
    let has_out_norms = names
        .clone()
        .any(|name| name.contains("pre_feedforward_layernorm"));
    // Buffers that old files have; every decoder computes them.
    let kept = names.filter(|name| !name.ends_with("rotary_emb.inv_freq"));
    let named = |name: &str| {
        let new = renamed(name, has_out_norms).unwrap_or_else(|| name.to_owned());
        (new, name.to_owned())
    };
    kept.map(named).collect()
}

fn renamed(name: &str, has_out_norms: bool) -> Option<String> {
    let (stem, end) = name.rsplit_once('.')?;
    let whole = match stem {
        "model.embed_tokens" => Some("token_embd"),
        "model.norm" => Some("output_norm"),
        "lm_head" => Some("output"),
        _ => None,
    };
    if let Some(whole) = whole {
        return Some(format!("{whole}.{end}"));
    }
    let (layer, part) = stem.strip_prefix("model.layers.")?.split_once('.')?;
    let layer: usize = layer.parse().ok()?;
    let part = match part {
        "input_layernorm" => "attn_norm",
        "post_attention_layernorm" if has_out_norms => "post_attention_norm",
        "post_attention_layernorm" | "pre_feedforward_layernorm" => "ffn_norm",
        "post_feedforward_layernorm" => "post_ffw_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.qkv_proj" => "attn_qkv",
        "self_attn.o_proj" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" | "mlp.gate_up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        _ => return None,
    };
    Some(format!("blk.{layer}.{part}.{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_are_distinguished_by_the_other_norms() {
        let llama = ["model.layers.3.post_attention_layernorm.weight"];
        let table_of = |names: &[&'static str]| table(names.iter().copied());
        assert!(table_of(&llama).contains_key("blk.3.ffn_norm.weight"));
        let gemma = [llama[0], "model.layers.3.pre_feedforward_layernorm.weight"];
        let names = table_of(&gemma);
        assert_eq!(names["blk.3.post_attention_norm.weight"], gemma[0]);
        assert_eq!(names["blk.3.ffn_norm.weight"], gemma[1]);
    }

    #[test]
    fn unknown_tensors_keep_their_names() {
        let names = [
            "vision.patch.weight",
            "model.layers.0.self_attn.rotary_emb.inv_freq",
            "model.layers.x.mlp.up_proj.weight",
        ];
        let table = table(names.into_iter());
        assert_eq!(
            table.keys().collect::<Vec<_>>(),
            ["model.layers.x.mlp.up_proj.weight", "vision.patch.weight"]
        );
    }
}
