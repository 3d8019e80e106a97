//! Translates Hugging Face's tensor names to those of GGUF files.

use std::collections::BTreeMap;

/// Names of the tensors outside of layers.
const WHOLE: &[(&str, &str)] = &[
    ("model.embed_tokens", "token_embd"),
    ("model.norm", "output_norm"),
    ("model.final_layernorm", "output_norm"),
    ("lm_head", "output"),
];

/// Names of the tensors of a layer; those of the norms after attention depend on the others.
const OF_LAYER: &[(&str, &str)] = &[
    ("input_layernorm", "attn_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_self_attn_layernorm", "post_attention_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
    ("post_mlp_layernorm", "post_ffw_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.dense", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.fc1", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.fc2", "ffn_down"),
    ("mlp.gate", "ffn_gate_inp"),
    ("block_sparse_moe.gate", "ffn_gate_inp"),
    ("mlp.shared_expert.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_expert.up_proj", "ffn_up_shexp"),
    ("mlp.shared_expert.down_proj", "ffn_down_shexp"),
    ("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
];

/// Names of the matrices of all experts together, which end without `weight`.
const OF_ALL_EXPERTS: &[(&str, &str)] = &[
    ("mlp.experts.gate_up_proj", "ffn_gate_up_exps"),
    ("mlp.experts.down_proj", "ffn_down_exps"),
];

/// Names with a number: of one expert, or of the norm of one head.
const NUMBERED: &[(&str, &str, &str)] = &[
    ("mlp.experts.", ".gate_proj", "ffn_gate"),
    ("mlp.experts.", ".up_proj", "ffn_up"),
    ("mlp.experts.", ".down_proj", "ffn_down"),
    ("block_sparse_moe.experts.", ".w1", "ffn_gate"),
    ("block_sparse_moe.experts.", ".w3", "ffn_up"),
    ("block_sparse_moe.experts.", ".w2", "ffn_down"),
    ("self_attn.q_layernorm.norms.", "", "attn_q_norm"),
    ("self_attn.k_layernorm.norms.", "", "attn_k_norm"),
];

/// Returns the end of the name of the tensor that queries, keys and values may share, for the end
/// of one of them.
pub(crate) fn fused(end: &str) -> Option<String> {
    let parts = ["attn_q.", "attn_k.", "attn_v."];
    let of_part = |part: &str| Some(format!("attn_qkv.{}", end.strip_prefix(part)?));
    parts.into_iter().find_map(of_part)
}

/// Maps GGUF's names to those of the file for all tensors that have a place in a decoder;
/// others keep their name.
pub(super) fn table<'n>(names: impl Iterator<Item = &'n str> + Clone) -> BTreeMap<String, String> {
    // If the MLP's output has a norm, "post attention" is the norm of attention's output.
    let has_out_norms = names
        .clone()
        .any(|name| name.contains("post_feedforward_layernorm"));
    // Buffers that old files have; every decoder computes them.
    let kept = names.filter(|name| !name.ends_with("rotary_emb.inv_freq"));
    let named = |name: &str| {
        let new = renamed(name, has_out_norms).unwrap_or_else(|| name.to_owned());
        (new, name.to_owned())
    };
    kept.map(named).collect()
}

fn renamed(name: &str, has_out_norms: bool) -> Option<String> {
    if let Some((layer, part)) = of_layer(name)
        && let Some(new) = find(OF_ALL_EXPERTS, part)
    {
        return Some(format!("blk.{layer}.{new}.weight"));
    }
    let (stem, end) = name.rsplit_once('.')?;
    if let Some(new) = find(WHOLE, stem) {
        return Some(format!("{new}.{end}"));
    }
    let (layer, part) = of_layer(stem)?;
    let new = match part {
        "post_attention_layernorm" if has_out_norms => "post_attention_norm".to_owned(),
        "post_attention_layernorm" => "ffn_norm".to_owned(),
        _ => match find(OF_LAYER, part) {
            Some(new) => new.to_owned(),
            None => numbered(part)?,
        },
    };
    Some(format!("blk.{layer}.{new}.{end}"))
}

/// Returns the name that a missing tensor would have in the files. Their tensors are `known` by GGUF's
/// names. It is found by the example of the same tensor of another layer or expert, else by the usual names.
pub(super) fn of_missing(name: &str, known: &BTreeMap<String, String>) -> String {
    let pattern = pattern(name);
    let numbers: Vec<&str> = name.split('.').filter(|part| is_number(part)).collect();
    let mut alike = known
        .iter()
        .filter(|(own, _)| self::pattern(own) == pattern);
    let by_example = alike.find_map(|(_, theirs)| with_numbers(theirs, &numbers));
    let usual = || usual_name(name, known);
    by_example.or_else(usual).unwrap_or_else(|| name.to_owned())
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the parts of a name, without its numbers.
fn pattern(name: &str) -> Vec<Option<&str>> {
    let part = |part| (!is_number(part)).then_some(part);
    name.split('.').map(part).collect()
}

/// Replaces the numbers of a name; `None` if it has another count of them.
fn with_numbers(name: &str, numbers: &[&str]) -> Option<String> {
    let mut left = numbers.iter();
    let part = |part| match is_number(part) {
        true => left.next().copied(),
        false => Some(part),
    };
    let parts: Option<Vec<&str>> = name.split('.').map(part).collect();
    left.next()
        .is_none()
        .then(|| parts.map(|parts| parts.join(".")))?
}

/// Returns the first of the names that stand for a tensor; experts are named as those that are there.
fn usual_name(name: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let (stem, end) = name.rsplit_once('.')?;
    let original = |list: &[(&'static str, &str)], new: &str| {
        let found = list.iter().find(|(_, known)| *known == new);
        found.map(|(theirs, _)| *theirs)
    };
    if let Some(theirs) = original(WHOLE, stem) {
        return Some(format!("{theirs}.{end}"));
    }
    let (layer, part) = stem.strip_prefix("blk.")?.split_once('.')?;
    let in_layer = |theirs: &str| format!("model.layers.{layer}.{theirs}");
    if part == "ffn_norm" && !known.values().any(|name| name.contains("pre_feedforward")) {
        return Some(in_layer(&format!("post_attention_layernorm.{end}")));
    }
    if let Some(theirs) = original(OF_LAYER, part) {
        return Some(in_layer(&format!("{theirs}.{end}")));
    }
    let has = |text: &str| known.values().any(|name| name.contains(text));
    let is_stack = part.ends_with("_exps");
    if is_stack && OF_ALL_EXPERTS.iter().any(|(theirs, _)| has(theirs)) {
        let is_down = part == "ffn_down_exps";
        let stack = OF_ALL_EXPERTS
            .iter()
            .find(|(_, new)| (*new == part) || !is_down);
        return stack.map(|(theirs, _)| in_layer(theirs));
    }
    let is_sparse_block = has("block_sparse_moe.");
    let (matrix, number) = match part.split_once('.') {
        Some((matrix, number)) => (matrix, number),
        // A stack of all experts: the first of them.
        None => (part.strip_suffix("_exps")?, "0"),
    };
    let mut places = NUMBERED.iter().filter(|(_, _, new)| *new == matrix);
    let first = places.clone().next();
    let of_block =
        places.find(|(start, ..)| start.starts_with("block_sparse_moe") == is_sparse_block);
    let (start, after, _) = of_block.or(first)?;
    Some(in_layer(&format!("{start}{number}{after}.{end}")))
}

/// Splits the name of a tensor of a layer.
fn of_layer(name: &str) -> Option<(usize, &str)> {
    let (layer, part) = name.strip_prefix("model.layers.")?.split_once('.')?;
    Some((layer.parse().ok()?, part))
}

fn find(list: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let found = list.iter().find(|(known, _)| *known == name);
    found.map(|(_, new)| *new)
}

fn numbered(part: &str) -> Option<String> {
    NUMBERED.iter().find_map(|(start, end, new)| {
        let number = part.strip_prefix(start)?.strip_suffix(end)?;
        let number: usize = number.parse().ok()?;
        Some(format!("{new}.{number}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_of(names: &[&'static str]) -> BTreeMap<String, String> {
        table(names.iter().copied())
    }

    #[test]
    fn norms_are_distinguished_by_the_other_norms() {
        let llama = ["model.layers.3.post_attention_layernorm.weight"];
        assert!(table_of(&llama).contains_key("blk.3.ffn_norm.weight"));
        let gemma = [
            llama[0],
            "model.layers.3.pre_feedforward_layernorm.weight",
            "model.layers.3.post_feedforward_layernorm.weight",
        ];
        let names = table_of(&gemma);
        assert_eq!(names["blk.3.post_attention_norm.weight"], gemma[0]);
        assert_eq!(names["blk.3.ffn_norm.weight"], gemma[1]);
    }

    #[test]
    fn experts_have_one_name_in_each_layout() {
        let names = table_of(&[
            "model.layers.0.mlp.experts.gate_up_proj",
            "model.layers.1.mlp.experts.12.gate_proj.weight",
            "model.layers.2.block_sparse_moe.experts.5.w2.weight",
            "model.layers.2.block_sparse_moe.gate.weight",
        ]);
        let expected = [
            "blk.0.ffn_gate_up_exps.weight",
            "blk.1.ffn_gate.12.weight",
            "blk.2.ffn_down.5.weight",
            "blk.2.ffn_gate_inp.weight",
        ];
        assert_eq!(names.keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn missing_tensors_are_named_as_in_the_folder() {
        let mixtral = table_of(&[
            "model.layers.0.block_sparse_moe.experts.0.w2.weight",
            "model.layers.0.block_sparse_moe.gate.weight",
        ]);
        let qwen = table_of(&["model.layers.0.mlp.experts.12.gate_proj.weight"]);
        let stacked = table_of(&["model.layers.0.mlp.experts.down_proj"]);
        for (known, name, expected) in [
            (
                &mixtral,
                "blk.1.ffn_down.7.weight",
                "model.layers.1.block_sparse_moe.experts.7.w2.weight",
            ),
            (
                &mixtral,
                "blk.1.ffn_up.7.weight",
                "model.layers.1.block_sparse_moe.experts.7.w3.weight",
            ),
            (
                &mixtral,
                "blk.2.ffn_gate_inp.weight",
                "model.layers.2.block_sparse_moe.gate.weight",
            ),
            (
                &qwen,
                "blk.3.ffn_gate.5.weight",
                "model.layers.3.mlp.experts.5.gate_proj.weight",
            ),
            (
                &stacked,
                "blk.3.ffn_down_exps.weight",
                "model.layers.3.mlp.experts.down_proj",
            ),
            (
                &stacked,
                "blk.0.ffn_gate_exps.weight",
                "model.layers.0.mlp.experts.gate_up_proj",
            ),
            (
                &qwen,
                "blk.3.ffn_up_exps.weight",
                "model.layers.3.mlp.experts.0.up_proj.weight",
            ),
            (
                &qwen,
                "blk.0.ffn_norm.weight",
                "model.layers.0.post_attention_layernorm.weight",
            ),
            (
                &qwen,
                "blk.0.attn_q.bias",
                "model.layers.0.self_attn.q_proj.bias",
            ),
            (&qwen, "output_norm.weight", "model.norm.weight"),
            (&qwen, "of.another.kind", "of.another.kind"),
        ] {
            assert_eq!(of_missing(name, known), expected);
        }
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
