"""Writes the logits of llama.cpp for the GGUF files of `cases.json`.

    python -m venv venv && venv/bin/pip install llama-cpp-python safetensors numpy
    mkdir /tmp/gguf && GGUF_FILES=/tmp/gguf cargo test --release --workspace \
        --test families_match_their_references -- --ignored write_files
    venv/bin/python models/tests/references/llama_cpp_logits.py /tmp/gguf

Released builds read GELU from a table of half-precision numbers; the references of Gemma and
Phi-2 are from a build without GGML_GELU_FP16. Run by hand, never by a test. Each file leaves NAME.llama_cpp.safetensors: `logits` of
the last of the prompt and of each step. Given a model's file in place of the folder, it
prints the ten largest logits after a fixed prompt, an entry of `top_ten.json`.
"""

import ctypes
import importlib.metadata
import json
import sys
from pathlib import Path

import llama_cpp
import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
STEPS = 8
TEXT = "Electric energy is measured in joules. A lamp of 60 W that is on for an hour takes"
# llama.cpp gives these no window.
NO_WINDOW = {"mistral", "phi3_window", "exaone4"}


def logits(path, tokens, prompt, context, overrides=None):
    """Logits after the prompt and after each later token; keys and values in f32."""
    params = llama_cpp.llama_model_default_params()
    if overrides:
        params.kv_overrides = overrides
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = context
    settings.n_threads = settings.n_threads_batch = 2
    settings.flash_attn_type = 0
    settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
    state = llama_cpp.llama_init_from_model(model, settings)
    vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    found = []
    for part in [tokens[:prompt]] + [[token] for token in tokens[prompt:]]:
        array = (llama_cpp.llama_token * len(part))(*part)
        batch = llama_cpp.llama_batch_get_one(array, len(part))
        assert llama_cpp.llama_decode(state, batch) == 0
        row = llama_cpp.llama_get_logits_ith(state, -1)
        found.append(np.ctypeslib.as_array(row, shape=(vocab,)).copy())
    llama_cpp.llama_free(state)
    llama_cpp.llama_model_free(model)
    return np.stack(found)


def short_factors():
    """Chooses the factors of LongRoPE by the context of the model, 256 at least:
    that is set to the original one."""
    overrides = (llama_cpp.llama_model_kv_override * 2)()
    overrides[0].key = b"phi3.rope.scaling.original_context_length"
    overrides[0].tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT
    overrides[0].value.val_i64 = 256
    return overrides


def tiny_models(folder):
    made = {"llama_cpp_python": importlib.metadata.version("llama-cpp-python")}
    for case in json.loads((HERE / "cases.json").read_text()):
        name, prompt, config = case["name"], case["prompt"], case["config"]
        if not case["gguf"] or name in NO_WINDOW:
            continue
        tokens = list(range(20, 20 + prompt)) + [70 + 13 * step for step in range(STEPS)]
        is_short = len(tokens) <= config.get("original_max_position_embeddings", 0)
        overrides = short_factors() if is_short else None
        found = logits(folder / f"{name}.gguf", tokens, prompt, 256, overrides)
        reference = HERE / f"{name}.llama_cpp.safetensors"
        save_file({"logits": found}, reference, made)
        print(name, found.shape, float(np.abs(found).max()))


def tokens_of(path, text):
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    vocab, room = llama_cpp.llama_model_get_vocab(model), 256
    tokens = (llama_cpp.llama_token * room)()
    count = llama_cpp.llama_tokenize(vocab, text, len(text), tokens, room, True, True)
    llama_cpp.llama_model_free(model)
    return list(tokens[:count])


def top_ten(path):
    text = TEXT.encode()
    tokens = tokens_of(path, text)
    row = logits(path, tokens, len(tokens), 256)[-1]
    best = np.argsort(-row)[:10]
    pairs = [[int(token), round(float(row[token]), 4)] for token in best]
    print(json.dumps({"file": path.name, "text": TEXT, "tokens": tokens, "top": pairs}))


if __name__ == "__main__":
    silent = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p())
    if sys.argv[1].endswith(".gguf"):
        top_ten(Path(sys.argv[1]))
    else:
        tiny_models(Path(sys.argv[1]))
