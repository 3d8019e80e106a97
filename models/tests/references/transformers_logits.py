"""Writes the reference logits of `cases.json` by transformers and torch.

    python -m venv venv && venv/bin/pip install torch transformers safetensors numpy
    venv/bin/python models/tests/references/transformers_logits.py [NAME ...]

Run by hand after a change of `cases.json` or of the generator, never by a test. Each
case leaves NAME.safetensors: `logits` of every position, and `without_FEATURE`, those of
the last of the prompt and of each step with that feature off.
"""

import copy
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from generator import tensor

HERE = Path(__file__).parent
VOCAB, STEPS = 264, 8


def tokens(prompt):
    return list(range(20, 20 + prompt)) + [70 + 13 * step for step in range(STEPS)]


def build(config):
    config = copy.deepcopy(dict(config, vocab_size=VOCAB))
    kind = config.pop("model_type")
    config = AutoConfig.for_model(kind, pad_token_id=None, eos_token_id=0, **config)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    from_one = kind.startswith("gemma")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            weights = tensor(name, tuple(parameter.shape), from_one, config.hidden_size)
            parameter.copy_(torch.from_numpy(weights))
    model.tie_weights()
    return model


def logits(model, prompt):
    with torch.no_grad():
        out = model(torch.tensor([tokens(prompt)]), use_cache=False, output_attentions=True)
    return out.logits[0].numpy(), out.attentions


def sharpness(attentions, window):
    """Mean entropy of attention over that of equal weights."""
    shares = []
    for layer in attentions:
        for position in range(1, layer.shape[2]):
            row = layer[0, :, position, : position + 1].double()
            seen = (row > 0).sum(-1).clamp(min=2)
            entropy = -(row * row.clamp(min=1e-300).log()).sum(-1)
            shares += (entropy / seen.double().log()).tolist()
    return float(np.mean(shares))


# What turns a feature off: a change of the configuration, or of the model.


def with_settings(**settings):
    return lambda config: build({**config, **settings})


def with_members(key, **settings):
    return lambda config: build({**config, key: {**config[key], **settings}})


def changed(change):
    def model_of(config):
        model = build(config)
        with torch.no_grad():
            change(model)
        return model

    return model_of


def each_layer(change):
    return changed(lambda model: [change(layer) for layer in model.model.layers])


def each_layer_without(*parts):
    """These parts of each layer return their input."""
    def change(layer):
        for part in parts:
            owner, _, name = part.rpartition(".")
            setattr(layer.get_submodule(owner), name, torch.nn.Identity())

    return each_layer(change)


def zero_bias(layer):
    attention = layer.self_attn
    for part in (attention.q_proj, attention.k_proj, attention.v_proj):
        part.bias.zero_()


def zero_norm_bias(layer):
    for name, part in layer.named_modules():
        if name.endswith("layernorm") and part.bias is not None:
            part.bias.zero_()


def zero_output_bias(model):
    model.lm_head.bias.zero_()


def no_shared_expert(layer):
    layer.mlp.shared_expert.down_proj.weight.zero_()


def open_shared_gate(layer):
    """The sigmoid of the gate becomes 1/2 for all positions."""
    layer.mlp.shared_expert_gate.weight.zero_()


def one_more_expert(layer):
    if hasattr(layer.mlp, "gate"):
        layer.mlp.gate.top_k += 1


def plain_choices(layer):
    """The weights of the chosen experts are not divided by their sum."""
    gate, forward = layer.mlp.gate, layer.mlp.gate.forward

    def unnormalized(hidden):
        logits, _, chosen = forward(hidden)
        shares = torch.softmax(logits.float(), -1)
        return logits, shares.gather(-1, chosen), chosen

    gate.forward = unnormalized


def rotate_all(layer):
    layer.self_attn.use_rope = 1


def rotated_outside(layer):
    """The rotary embedding of layers without a window, too."""
    layer.self_attn.is_sliding = True


def scale_windows(config):
    both = {"full_attention": dict(config["rope_scaling"], rope_theta=config["rope_theta"])}
    both["sliding_attention"] = both["full_attention"]
    rest = {key: value for key, value in config.items() if key not in ("rope_scaling", "rope_theta")}
    return build({**rest, "rope_parameters": both})


def silu(layer):
    layer.mlp.act_fn = torch.nn.SiLU()


def from_zero(model):
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.sub_(1.0)


def no_embedding_scale(model):
    model.model.embed_tokens.embed_scale.fill_(1.0)


def pairs(layer):
    """Turns neighbours instead of halves: the rows of each head in another order."""
    attention = layer.self_attn
    width = attention.head_dim

    def permute(rows):
        heads = rows.reshape(-1, width // 2, 2, rows.shape[-1])
        return heads.transpose(1, 2).reshape(rows.shape)

    if hasattr(attention, "qkv_proj"):
        weight = attention.qkv_proj.weight
        count = weight.shape[0] - weight.shape[0] // 4
        weight[:count] = permute(weight[:count].clone())
        return
    for part in (attention.q_proj, attention.k_proj):
        part.weight.copy_(permute(part.weight.clone()))
        if part.bias is not None:
            part.bias.copy_(permute(part.bias[:, None].clone())[:, 0])


def other_scale(config):
    """The width of a head where the case has another, else half of it."""
    scale, head = config["query_pre_attn_scalar"], config["head_dim"]
    return head if scale != head else head // 2


def whole_rotary(config):
    scaling = dict(config["rope_scaling"])
    for key in ("short_factor", "long_factor"):
        scaling[key] = scaling[key] + scaling[key][-1:] * 2
    return build({**config, "rope_scaling": scaling, "partial_rotary_factor": 1.0})


def no_scaling(config):
    return build({key: value for key, value in config.items() if key != "rope_scaling"})


OFF = {
    "rope_scaling": no_scaling,
    "rope_magnitude": with_members("rope_scaling", attention_factor=1.0),
    "partial_rotary": whole_rotary,
    "rope_pairs": each_layer(pairs),
    "window": with_settings(sliding_window=4096),
    "window_size": lambda config: build({**config, "sliding_window": config["sliding_window"] + 1}),
    "bias": each_layer(zero_bias),
    "tied_output": with_settings(tie_word_embeddings=False),
    "head_norms": each_layer_without("self_attn.q_norm", "self_attn.k_norm"),
    "out_norms": each_layer_without("post_attention_layernorm", "post_feedforward_layernorm"),
    "norms_from_one": changed(from_zero),
    "tanh_gelu": each_layer(silu),
    "embedding_scale": changed(no_embedding_scale),
    "local_rope_base": lambda config: build({**config, "rope_local_base_freq": config["rope_theta"]}),
    "query_scale": lambda config: build({**config, "query_pre_attn_scalar": other_scale(config)}),
    "norm_bias": each_layer(zero_norm_bias),
    "output_bias": changed(zero_output_bias),
    "partial_rotary_factor": with_settings(partial_rotary_factor=1.0),
    "parallel": with_settings(use_parallel_residual=False),
    "own_head_norms": each_layer_without("self_attn.q_layernorm", "self_attn.k_layernorm"),
    "out_norms_glm": each_layer_without("post_self_attn_layernorm", "post_mlp_layernorm"),
    "score_cap": with_settings(attn_logit_softcapping=None),
    "logit_cap": with_settings(final_logit_softcapping=None),
    "shared_expert": each_layer(no_shared_expert),
    "shared_gate": each_layer(open_shared_gate),
    "more_experts": each_layer(one_more_expert),
    "normalized_choices": each_layer(plain_choices),
    "normalized_choices_off": with_settings(norm_topk_prob=False),
    "normalized_choices_on": with_settings(norm_topk_prob=True),
    "unrotated_layers": each_layer(rotate_all),
    "rotated_windows": each_layer(rotated_outside),
    "scaled_windows": scale_windows,
    "temperature": with_members("rope_parameters", llama_4_scaling_beta=0.0),
    "yarn": with_members("rope_parameters", rope_type="default"),
    "yarn_bounds": with_members("rope_scaling", beta_fast=64.0, beta_slow=4.0),
    "embedding_multiplier": with_settings(embedding_multiplier=1.0),
    "attention_multiplier": with_settings(attention_multiplier=0.25),
    "residual_multiplier": with_settings(residual_multiplier=1.0),
    "logits_scaling": with_settings(logits_scaling=1.0),
}


def main():
    print("transformers", transformers.__version__, "torch", torch.__version__)
    for case in json.loads((HERE / "cases.json").read_text()):
        if sys.argv[1:] and case["name"] not in sys.argv[1:]:
            continue
        config, prompt = case["config"], case["prompt"]
        reference, attentions = logits(build(config), prompt)
        share = sharpness(attentions, config.get("sliding_window"))
        print(f"{case['name']:14} entropy {share:.2f} of uniform")
        assert share < 0.7, "attention is too even to show a mistake"
        found = {"logits": reference}
        for feature in case["without"]:
            other, _ = logits(OFF[feature](config), prompt)
            steps = slice(prompt - 1, None)
            error = np.abs(other - reference)[steps].max() / np.abs(reference).max()
            print(f"    without {feature:16} {error:.3f}")
            assert math.isfinite(error) and error > 1e-2, feature
            found[f"without_{feature}"] = np.ascontiguousarray(other[steps])
        found = {name: np.ascontiguousarray(values) for name, values in found.items()}
        made = {"transformers": transformers.__version__, "torch": torch.__version__,
                "entropy": f"{share:.3f}"}
        save_file(found, HERE / f"{case['name']}.safetensors", made)


if __name__ == "__main__":
    main()
