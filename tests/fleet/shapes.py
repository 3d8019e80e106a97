"""Shapes of simulated work: what runs on the hosts, and its operations."""

LAYERS = 30
CHIPS = ["EPYC 9554", "Xeon 8480+", "M4 Max"]
MODELS = [
    ("SmolLM2-135M", "q4_1"), ("SmolLM2-135M", "q8_0"),
    ("Qwen2.5-0.5B", "q8_0"), ("Qwen2.5-0.5B", "f16"), ("TinyLlama-1.1B", "q4_1"),
]
SERVICES = [
    # service, requests per bucket, buckets
    ("chat", 240, 4),
    ("search", 1800, 3),
    ("summarise", 60, 3),
]
VERSIONS = ["2.3.0", "2.4.0"]
ACCOUNTS = ["unattributed_nj", "other_processes_nj", "profiler_nj", "residual_nj", "unknown_nj"]

# Paths of a decoder below a phase, with their part of the phase's energy.
_BLOCK = [
    ("attention > q_proj", 3), ("attention > k_proj", 1), ("attention > v_proj", 1),
    ("attention > rope", 1), ("attention > scores", 2), ("attention > softmax", 1),
    ("attention > weighted_sum", 2), ("attention > o_proj", 3), ("attention", 1),
    ("attention_norm", 1), ("mlp > gate_proj", 8), ("mlp > up_proj", 8), ("mlp > act", 1),
    ("mlp > down_proj", 8), ("mlp", 1), ("mlp_norm", 1), ("residual_add", 1), ("", 1),
]
_TOKEN = [("embed", 1), ("final_norm", 1), ("lm_head", 9), ("sample", 2), ("detokenize", 1)]


def llm_kinds():
    """Operations of an LLM run: `(path, role, part, activations per token)`, some 60 of them."""
    kinds = [("inference", "run", 1, 0), ("inference > load", "phase", 20, 0)]
    for phase, unit in (("prefill", "prompt"), ("decode", "token")):
        root = f"inference > {phase}"
        kinds.append((root, "phase", 1, 0))
        kinds.append((f"{root} > {unit}", "token" if unit == "token" else "request", 2, 1))
        kinds += [(f"{root} > {unit} > {name}", "operation", part, 1) for name, part in _TOKEN]
        layers = f"{root} > {unit} > layers"
        kinds.append((layers, "", 1, 1))
        for name, part in _BLOCK:
            path = f"{layers} > layer" + (f" > {name}" if name else "")
            role = "layer" if not name else "component" if " > " not in name else "operation"
            kinds.append((path, role, part * LAYERS, LAYERS))
    return kinds


def service_kinds(service):
    """Operations of a service's request: `(path, role, part, activations per request)`."""
    steps = ["parse", "authorise", "cache", "lookup", "rank", "render", "log"]
    kinds = [("serve", "run", 1, 0), (f"serve > {service}", "request", 5, 1)]
    for place, step in enumerate(steps):
        kinds.append((f"serve > {service} > {step}", "operation", 3 + 5 * place % 11, 1))
    kinds += [(f"serve > {service} > rank > model > {path}", "operation", 7, 4)
              for path in ("embed", "attention", "mlp", "lm_head")]
    return kinds
