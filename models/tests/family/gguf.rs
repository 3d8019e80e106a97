//! The GGUF file that a converter makes of a model.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use candle_core::Tensor;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};

use super::Family;
use super::gguf_settings::{factors, metadata};

pub(super) fn write(
    family: &Family,
    path: &Path,
    tensors: HashMap<String, Tensor>,
    vocabulary: Vec<(String, Value)>,
) {
    let metadata = metadata(family, vocabulary);
    let metadata: Vec<_> = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let has_out_norms = |name: &String| name.contains("post_feedforward_layernorm");
    let has_out_norms = tensors.keys().any(has_out_norms);
    let mut tensors: Vec<(String, QTensor)> = stacked(tensors)
        .into_iter()
        .map(|(name, tensor)| match has_out_norms {
            true => (
                name.replace("post_attention_layernorm", "post_self_attn_layernorm"),
                tensor,
            ),
            false => (name, tensor),
        })
        .flat_map(|(name, tensor)| converted(family, &name, &tensor))
        .chain(factors(family))
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    let mut file = BufWriter::new(File::create(path).unwrap());
    gguf_file::write(&mut file, &metadata, &tensors).unwrap();
}

/// Converts a tensor; the experts' inner matrices become two.
fn converted(family: &Family, name: &str, tensor: &Tensor) -> Vec<(String, QTensor)> {
    let mut tensor = tensor.clone();
    if family.is_gemma() && name.contains("norm") {
        tensor = (tensor + 1.0).unwrap();
    }
    // Their files are converted as Llama's.
    if ["llama", "smollm3", "granite", "mistral3"].contains(&family.architecture()) {
        for (part, heads) in [("q_proj", family.heads()), ("k_proj", family.kv_heads())] {
            if name.contains(part) {
                tensor = permuted(&tensor, heads);
            }
        }
    }
    if name.ends_with("shared_expert_gate.weight") {
        tensor = tensor.flatten_all().unwrap();
    }
    if let Some(stem) = name.strip_suffix("experts.gate_up_proj") {
        let layer = layer_of(stem);
        let rows = tensor.dim(1).unwrap() / 2;
        let half = |at: usize| {
            tensor
                .narrow(1, at * rows, rows)
                .unwrap()
                .contiguous()
                .unwrap()
        };
        return vec![
            (format!("blk.{layer}.ffn_gate_exps.weight"), plain(&half(0))),
            (format!("blk.{layer}.ffn_up_exps.weight"), plain(&half(1))),
        ];
    }
    if name.ends_with("experts.down_proj") {
        let name = format!("blk.{}.ffn_down_exps.weight", layer_of(name));
        return vec![(name, plain(&tensor))];
    }
    vec![(renamed(name), plain(&tensor))]
}

fn plain(tensor: &Tensor) -> QTensor {
    QTensor::quantize(tensor, GgmlDType::F32).unwrap()
}

fn layer_of(name: &str) -> &str {
    name.split('.').nth(2).unwrap()
}

/// Stacks the norms of the heads: one tensor in a file, one for each head in a folder.
fn stacked(tensors: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let mut heads: HashMap<String, Vec<(usize, Tensor)>> = HashMap::new();
    let mut others = HashMap::new();
    for (name, tensor) in tensors {
        match name.split_once("_layernorm.norms.") {
            Some((stem, end)) => {
                let head = end.split_once('.').unwrap().0.parse().unwrap();
                let all = heads.entry(format!("{stem}_norm.weight")).or_default();
                all.push((head, tensor));
            }
            None => {
                others.insert(name, tensor);
            }
        }
    }
    for (name, mut all) in heads {
        all.sort_by_key(|(head, _)| *head);
        let all: Vec<Tensor> = all.into_iter().map(|(_, tensor)| tensor).collect();
        others.insert(name, Tensor::stack(&all, 0).unwrap());
    }
    others
}

/// Llama's files pair channels `2i` and `2i + 1` where the model pairs `i` and `i + half`.
fn permuted(tensor: &Tensor, heads: usize) -> Tensor {
    let (rows, width) = tensor.dims2().unwrap();
    let halves = tensor.reshape((heads, 2, rows / heads / 2, width)).unwrap();
    let pairs = halves.transpose(1, 2).unwrap().contiguous().unwrap();
    pairs.reshape((rows, width)).unwrap()
}

fn renamed(name: &str) -> String {
    let whole = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("model.final_layernorm", "output_norm"),
        ("lm_head", "output"),
    ];
    let (name, end) = name.rsplit_once('.').unwrap();
    if let Some((_, new)) = whole.iter().find(|(old, _)| *old == name) {
        return format!("{new}.{end}");
    }
    let rest = name.strip_prefix("model.layers.").unwrap();
    let (layer, part) = rest.split_once('.').unwrap();
    let part = match part {
        "input_layernorm" => "attn_norm",
        "post_self_attn_layernorm" => "post_attention_norm",
        "post_attention_layernorm" | "pre_feedforward_layernorm" => "ffn_norm",
        "post_feedforward_layernorm" | "post_mlp_layernorm" => "post_ffw_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.qkv_proj" => "attn_qkv",
        "self_attn.o_proj" | "self_attn.dense" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.fc1" => "ffn_up",
        "mlp.down_proj" | "mlp.fc2" => "ffn_down",
        "mlp.gate" => "ffn_gate_inp",
        "mlp.shared_expert.gate_proj" => "ffn_gate_shexp",
        "mlp.shared_expert.up_proj" => "ffn_up_shexp",
        "mlp.shared_expert.down_proj" => "ffn_down_shexp",
        "mlp.shared_expert_gate" => "ffn_gate_inp_shexp",
        other => panic!("no name for {other}"),
    };
    format!("blk.{layer}.{part}.{end}")
}
