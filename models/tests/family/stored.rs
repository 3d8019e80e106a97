//! The tensors of a model as its folder stores them: experts one by one, or together.

use std::collections::HashMap;

use candle_core::Tensor;

use super::Family;

/// Returns the tensors by the names that a folder gives them.
pub(super) fn tensors(
    family: &Family,
    tensors: HashMap<String, Tensor>,
) -> HashMap<String, Tensor> {
    if family.fused_experts {
        return tensors;
    }
    tensors
        .into_iter()
        .flat_map(|(name, tensor)| apart(family, name, tensor))
        .collect()
}

fn apart(family: &Family, name: String, tensor: Tensor) -> Vec<(String, Tensor)> {
    let is_mixtral = family.model_type() == "mixtral";
    let parts: &[&str] = match name.rsplit_once('.').map(|(_, end)| end) {
        Some("gate_up_proj") if name.contains("experts") && is_mixtral => &["w1", "w3"],
        Some("gate_up_proj") if name.contains("experts") => &["gate_proj", "up_proj"],
        Some("down_proj") if name.contains("experts") && is_mixtral => &["w2"],
        Some("down_proj") if name.contains("experts") => &["down_proj"],
        _ => return vec![(renamed(family, &name), tensor)],
    };
    let (experts, rows, _) = tensor.dims3().unwrap();
    let rows = rows / parts.len();
    let stem = renamed(family, name.rsplit_once('.').unwrap().0);
    let mut all = Vec::new();
    for expert in 0..experts {
        for (at, part) in parts.iter().enumerate() {
            let own = tensor
                .get(expert)
                .unwrap()
                .narrow(0, at * rows, rows)
                .unwrap();
            all.push((
                format!("{stem}.{expert}.{part}.weight"),
                own.contiguous().unwrap(),
            ));
        }
    }
    all
}

fn renamed(family: &Family, name: &str) -> String {
    match family.model_type() {
        "mixtral" => name.replace("mlp.", "block_sparse_moe."),
        _ => name.to_owned(),
    }
}
