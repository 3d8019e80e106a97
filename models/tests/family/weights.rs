//! Weights that are the same everywhere: each number is a function of the tensor's name
//! and of its place in it, as in `references/generator.py`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::Family;
use super::structure::Structure;

/// Queries and keys are larger than other weights, so that attention concentrates on few
/// positions: a mistake in rope or mask must show.
const SHARP: f64 = 3.0;

pub(super) fn all(family: &Family, vocab: usize) -> HashMap<String, Tensor> {
    let structure = Structure::of(family);
    let mut shapes = structure.whole(family, vocab);
    for layer in 0..family.layers() {
        let parts = structure.layer(family, layer).into_iter();
        shapes.extend(parts.map(|(name, shape)| (format!("model.layers.{layer}.{name}"), shape)));
    }
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let tensor = tensor(family, &name, &shape);
        (name, tensor)
    };
    shapes.into_iter().map(tensor).collect()
}

fn tensor(family: &Family, name: &str, shape: &[usize]) -> Tensor {
    let (centre, spread) = match shape {
        _ if name.ends_with(".bias") => (0.0, 0.5),
        [_] if family.is_gemma() => (centre_of_norm(name) - 1.0, 0.3),
        [_] => (centre_of_norm(name), 0.3),
        _ if name.contains("q_proj") || name.contains("k_proj") || name.contains("qkv") => {
            (0.0, SHARP / (family.width() as f64).sqrt())
        }
        [.., width] => (0.0, 1.5 / (*width as f64).sqrt()),
        [] => unreachable!("every tensor has a shape"),
    };
    let seed = hash(name);
    let number = |at: u64| (centre + spread * (2.0 * unit(seed, at) - 1.0)) as f32;
    let numbers: Vec<f32> = (0..shape.iter().product::<usize>() as u64)
        .map(number)
        .collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Mean of a norm's weights: for norms of heads it sets the sharpness of attention.
fn centre_of_norm(name: &str) -> f64 {
    let of_heads = ["q_norm", "k_norm", "q_layernorm", "k_layernorm"];
    match of_heads.iter().any(|part| name.contains(part)) {
        true => 1.7,
        false => 1.0,
    }
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, byte)
}

/// Number `at` of SplitMix64 (Steele, Lea and Flood, 2014) from a seed, in `[0, 1)`.
fn unit(seed: u64, at: u64) -> f64 {
    let state = seed.wrapping_add((at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
