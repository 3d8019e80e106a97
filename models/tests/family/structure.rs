//! The tensors that transformers' model of a family has, with their shapes.

use super::Family;

type Shapes = Vec<(String, Vec<usize>)>;

/// Properties of a family that decide which tensors it has.
pub(super) struct Structure {
    norms: &'static [&'static str],
    has_norm_bias: bool,
    qkv: &'static [&'static str],
    has_output_bias: bool,
    mlp: &'static [&'static str],
}

const BEFORE: &[&str] = &["input_layernorm", "post_attention_layernorm"];
const AFTER: &[&str] = &["post_attention_layernorm", "post_feedforward_layernorm"];
const GEMMA: &[&str] = &[
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
];
const GLM: &[&str] = &[
    "input_layernorm",
    "post_attention_layernorm",
    "post_self_attn_layernorm",
    "post_mlp_layernorm",
];

impl Structure {
    pub(super) fn of(family: &Family) -> Self {
        let model_type = family.model_type();
        let is_phi = model_type == "phi";
        Self {
            norms: match model_type {
                "gemma2" | "gemma3_text" => GEMMA,
                "glm4" => GLM,
                "olmo2" | "olmo3" | "exaone4" => AFTER,
                "phi" => &BEFORE[..1],
                _ if family.is_on("use_parallel_residual") => &BEFORE[..1],
                _ => BEFORE,
            },
            has_norm_bias: is_phi || model_type == "stablelm",
            qkv: match model_type {
                "phi3" => &["qkv_proj"],
                _ => &["q_proj", "k_proj", "v_proj"],
            },
            has_output_bias: is_phi,
            mlp: match model_type {
                "phi" => &["fc1", "fc2"],
                "phi3" | "glm4" => &["gate_up_proj", "down_proj"],
                _ => &["gate_proj", "up_proj", "down_proj"],
            },
        }
    }

    /// Tensors outside of the layers.
    pub(super) fn whole(&self, family: &Family, vocab: usize) -> Shapes {
        let width = family.width();
        let norm = match family.model_type() {
            "phi" => "model.final_layernorm",
            _ => "model.norm",
        };
        let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![vocab, width])];
        self.norm(&mut shapes, norm, width);
        if family.config["tie_word_embeddings"] == false {
            shapes.push(("lm_head.weight".to_owned(), vec![vocab, width]));
            if self.has_output_bias {
                shapes.push(("lm_head.bias".to_owned(), vec![vocab]));
            }
        }
        shapes
    }

    fn norm(&self, shapes: &mut Shapes, name: &str, width: usize) {
        shapes.push((format!("{name}.weight"), vec![width]));
        if self.has_norm_bias {
            shapes.push((format!("{name}.bias"), vec![width]));
        }
    }

    /// Tensors of one layer.
    pub(super) fn layer(&self, family: &Family, layer: usize) -> Shapes {
        let mut shapes = Vec::new();
        for norm in self.norms {
            self.norm(&mut shapes, norm, family.width());
        }
        attention(self, family, &mut shapes);
        head_norms(family, &mut shapes);
        match family.experts().filter(|_| family.has_experts(layer)) {
            Some(experts) => mixture(family, experts, &mut shapes),
            None => dense(self, family, &mut shapes),
        }
        shapes
    }
}

fn attention(structure: &Structure, family: &Family, shapes: &mut Shapes) {
    let (width, head_dim) = (family.width(), family.head_dim());
    let (q, kv) = (family.heads() * head_dim, family.kv_heads() * head_dim);
    let is_phi = family.model_type() == "phi";
    let keys = ["attention_bias", "use_qkv_bias"];
    let has_bias = matches!(family.model_type(), "qwen2" | "qwen2_moe" | "phi")
        || keys.into_iter().any(|key| family.is_on(key));
    for part in structure.qkv {
        let rows = match *part {
            "q_proj" => q,
            "qkv_proj" => q + 2 * kv,
            _ => kv,
        };
        shapes.push((format!("self_attn.{part}.weight"), vec![rows, width]));
        if has_bias {
            shapes.push((format!("self_attn.{part}.bias"), vec![rows]));
        }
    }
    let output = if is_phi { "dense" } else { "o_proj" };
    shapes.push((format!("self_attn.{output}.weight"), vec![width, q]));
    if is_phi {
        shapes.push((format!("self_attn.{output}.bias"), vec![width]));
    }
}

fn head_norms(family: &Family, shapes: &mut Shapes) {
    let head_dim = family.head_dim();
    for (part, heads) in [("q", family.heads()), ("k", family.kv_heads())] {
        match family.model_type() {
            "gemma3_text" | "qwen3" | "qwen3_moe" | "exaone4" => {
                shapes.push((format!("self_attn.{part}_norm.weight"), vec![head_dim]));
            }
            "olmo2" | "olmo3" | "olmoe" => {
                shapes.push((
                    format!("self_attn.{part}_norm.weight"),
                    vec![heads * head_dim],
                ));
            }
            _ if family.is_on("qk_layernorm") => {
                let name = |head| format!("self_attn.{part}_layernorm.norms.{head}.weight");
                shapes.extend((0..heads).map(|head| (name(head), vec![head_dim])));
            }
            _ => {}
        }
    }
}

fn dense(structure: &Structure, family: &Family, shapes: &mut Shapes) {
    let (width, hidden) = (family.width(), family.count("intermediate_size"));
    for part in structure.mlp {
        let shape = match *part {
            "gate_up_proj" => vec![2 * hidden, width],
            "down_proj" | "fc2" => vec![width, hidden],
            _ => vec![hidden, width],
        };
        if family.model_type() == "phi" {
            shapes.push((format!("mlp.{part}.bias"), vec![shape[0]]));
        }
        shapes.push((format!("mlp.{part}.weight"), shape));
    }
}

fn mixture(family: &Family, experts: usize, shapes: &mut Shapes) {
    let (width, hidden) = (family.width(), family.expert_hidden());
    let mut put = |name: &str, shape: Vec<usize>| shapes.push((format!("mlp.{name}"), shape));
    put("gate.weight", vec![experts, width]);
    put("experts.gate_up_proj", vec![experts, 2 * hidden, width]);
    put("experts.down_proj", vec![experts, width, hidden]);
    if let Some(hidden) = family.config["shared_expert_intermediate_size"].as_u64() {
        let hidden = hidden as usize;
        put("shared_expert.gate_proj.weight", vec![hidden, width]);
        put("shared_expert.up_proj.weight", vec![hidden, width]);
        put("shared_expert.down_proj.weight", vec![width, hidden]);
        put("shared_expert_gate.weight", vec![1, width]);
    }
}
