//! Builds a decoder from a file, guided by the tensors that it has.

mod assembler;
mod expert_reader;
mod norm_reader;
mod norm_style;
mod tensor_reader;

use crate::config::decoder_config::DecoderConfig;
use crate::decoder::Decoder;
use crate::device;
use crate::error::{Error, NOT_SUPPORTED_YET, Result};
use crate::info::{ExpertInfo, LoadOptions, ModelInfo};
use crate::instrument::macros::phase;
use crate::loader::assembler::Assembler;
use crate::loader::norm_style::NormStyle;
use crate::loader::tensor_reader::TensorReader;
use crate::memory::Memory;
use crate::weights::stored::Weights;

/// Reads all tensors of the file; `progress` receives the bytes of each matrix.
///
/// # Errors
/// For a tensor that is missing, does not have the metadata's shape, or has no place
/// in this decoder.
pub(crate) fn load(
    weights: &mut dyn Weights,
    config: &DecoderConfig,
    options: &LoadOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<(Decoder, ModelInfo)> {
    let memory = Memory::of(&*weights, config, &options.loaded_as());
    let norm = NormStyle {
        kind: config.family.norm,
        eps: config.norm_eps,
    };
    let mut tensors = TensorReader::new(weights, norm, options, progress);
    let decoder = assembled(&mut tensors, config, options)?;
    phase!(MODEL_PACKING).in_scope(|| tensors.pack())?;
    Ok((decoder, info(config, &tensors, memory)))
}

/// Checks the headers as [`load`] does, without reading matrices. Their numbers may be damaged.
///
/// # Errors
/// As [`load`].
pub(crate) fn check(
    weights: &mut dyn Weights,
    config: &DecoderConfig,
    options: &LoadOptions,
) -> Result<()> {
    let norm = NormStyle {
        kind: config.family.norm,
        eps: config.norm_eps,
    };
    let mut progress = |_| ();
    let mut tensors = TensorReader::new(weights, norm, options, &mut progress);
    tensors.read_headers_only();
    assembled(&mut tensors, config, options).map(drop)
}

/// Assembles the decoder, which must use every tensor.
fn assembled<'c>(
    tensors: &mut TensorReader<'c>,
    config: &'c DecoderConfig,
    options: &LoadOptions,
) -> Result<Decoder> {
    let mut assembler = Assembler {
        config,
        tensors,
        depth: options.depth,
        cache: options.cache,
        sync: options.sync,
        kinds: Vec::new(),
    };
    let decoder = assembler.decoder()?;
    match tensors.weights().unread() {
        Some(name) => Err(no_place(tensors.weights(), name, config)),
        None => Ok(decoder),
    }
}

/// Returns the error about a tensor that the decoder would not use.
fn no_place(weights: &dyn Weights, tensor: &str, config: &DecoderConfig) -> Error {
    Error::advise(
        weights.path(),
        format!("tensor `{tensor}`"),
        format!(
            "has no place in a decoder of the architecture `{}`: without it the numbers \
             would be wrong",
            config.architecture
        ),
        NOT_SUPPORTED_YET,
    )
}

fn experts(config: &DecoderConfig) -> Option<ExpertInfo> {
    let experts = config.experts.as_ref()?;
    let layers = (0..config.layers).filter(|layer| experts.contains(*layer));
    let layers = layers.count();
    (layers > 0).then_some(ExpertInfo {
        count: experts.count,
        active: experts.active,
        layers,
        hidden: experts.hidden,
        shared_hidden: experts.shared_hidden,
    })
}

/// Returns the weights that one token uses.
fn active_parameters(config: &DecoderConfig, tensors: &TensorReader<'_>) -> u64 {
    let parts = tensors.parameters();
    let unused = config.experts.as_ref().map_or(0, |experts| {
        let count = experts.count as u64;
        parts.experts / count * (count - experts.active as u64)
    });
    parts.total() - unused
}

fn info(config: &DecoderConfig, tensors: &TensorReader<'_>, memory: Memory) -> ModelInfo {
    ModelInfo {
        architecture: config.architecture.clone(),
        assumed: config.assumed.clone(),
        name: config.name.clone(),
        layers: config.layers,
        width: config.width,
        hidden: config.hidden,
        heads: config.heads,
        kv_heads: config.kv_heads,
        head_dim: config.head_dim,
        vocab: config.vocab,
        parameters: tensors.parameters().total(),
        active_parameters: active_parameters(config, tensors),
        parts: tensors.parameters(),
        experts: experts(config),
        window: config.window,
        windowed_layers: (0..config.layers)
            .filter(|layer| config.is_windowed(*layer))
            .count(),
        precision: tensors.precision(),
        context_length: config.context_length,
        weight_bytes: tensors.weight_bytes(),
        packed_bytes: tensors.packed_bytes() as usize,
        prefill_bytes: tensors.prefill_bytes(),
        memory,
        notes: Vec::new(),
        is_tied: config.tied,
        file_bytes: tensors.weights().length(),
        device: device::name(tensors.device()),
    }
}
