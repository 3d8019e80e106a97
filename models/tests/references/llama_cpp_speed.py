"""Speed of llama.cpp, to hold ours against on the same machine.

    venv/bin/python models/tests/references/llama_cpp_speed.py MODEL.gguf [THREADS [ROUNDS]]

Decodes 64 tokens behind a prompt of 128, as the example `decode_speed` does behind its own; a
file that is not Q8_0 is written as Q8_0 first.
"""

import ctypes
import sys
import tempfile
import time
from pathlib import Path

import llama_cpp

PROMPT = [1000 + at for at in range(128)]
TOKENS = 64


def as_q8_0(path, folder):
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    params.allow_requantize = True
    target = str(Path(folder) / "q8_0.gguf").encode()
    assert llama_cpp.llama_model_quantize(path.encode(), target, ctypes.byref(params)) == 0
    return target


def feed(state, tokens):
    array = (llama_cpp.llama_token * len(tokens))(*tokens)
    batch = llama_cpp.llama_batch_get_one(array, len(tokens))
    assert llama_cpp.llama_decode(state, batch) == 0
    llama_cpp.llama_synchronize(state)


def speeds(model, threads):
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = 512
    settings.n_threads = settings.n_threads_batch = threads
    state = llama_cpp.llama_init_from_model(model, settings)
    begin = time.perf_counter()
    feed(state, PROMPT)
    read = time.perf_counter()
    for token in range(TOKENS):
        feed(state, [2000 + token])
    end = time.perf_counter()
    llama_cpp.llama_free(state)
    return len(PROMPT) / (read - begin), TOKENS / (end - read)


def main():
    path = sys.argv[1]
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    silent = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p())
    with tempfile.TemporaryDirectory() as folder:
        file = as_q8_0(path, folder)
        model = llama_cpp.llama_model_load_from_file(file, llama_cpp.llama_model_default_params())
        all_speeds = [speeds(model, threads) for _ in range(rounds)]
    for what, values in zip(("prefill", "decode"), zip(*all_speeds)):
        values = sorted(values)
        print(f"{what}, {threads} threads: best {values[-1]:.1f} tok/s, median {values[len(values) // 2]:.1f}")


if __name__ == "__main__":
    main()
