"""Weights that are a function of a tensor's name and place, as in `family/weights.rs`."""

import numpy as np

MASK = (1 << 64) - 1


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def split_mix(seed, count):
    """Numbers in [0, 1) of SplitMix64 (Steele, Lea and Flood, 2014)."""
    at = np.arange(1, count + 1, dtype=np.uint64)
    state = np.uint64(seed) + at * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((state ^ (state >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / (1 << 53)


def tensor(name, shape, norms_from_one, width):
    """The tensor of that name: queries and keys are larger, so that attention is sharp."""
    if name.endswith(".bias"):
        centre, spread = 0.0, 0.5
    elif len(shape) == 1:
        of_heads = ("q_norm", "k_norm", "q_layernorm", "k_layernorm")
        centre = 1.7 if any(part in name for part in of_heads) else 1.0
        centre, spread = centre - norms_from_one, 0.3
    elif any(part in name for part in ("q_proj", "k_proj", "qkv")):
        centre, spread = 0.0, 3.0 / np.sqrt(width)
    else:
        centre, spread = 0.0, 1.5 / np.sqrt(shape[-1])
    units = split_mix(fnv1a(name), int(np.prod(shape)))
    return (centre + spread * (2.0 * units - 1.0)).astype(np.float32).reshape(shape)
