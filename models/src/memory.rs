//! Memory that a model needs, computed from its shape.
//!
//! One definition serves the prediction before loading and the description of a loaded
//! model. Temporary tensors are counted as the passes allocate them.

use candle_core::quantized::GgmlDType;

use crate::config::decoder_config::DecoderConfig;
use crate::layers::cache_format::CacheFormat;
use crate::layers::kv_cache::CacheShape;
use crate::layers::pass::PREFILL_CHUNK;
use crate::weights::packing::{Products, packed_bytes};
use crate::weights::precision::{Prefill, Requantize, gains_from_f32, loaded_type};
use crate::weights::stored::{StoredTensor, Weights};

/// Matrices of scores that exist at once: products, masked scores and their softmax.
const SCORES: usize = 3;
/// The same for decomposed operations: their results live until attention ends.
const SCORES_DEEP: usize = 6;
/// Tensors of the MLP's width that exist at once: gate, up, activation and product.
const OF_MLP: usize = 4;
/// Tensors of the model's width that exist at once: residual stream, norm, output and sum.
const OF_STREAM: usize = 5;
/// Copies of the logits: of the projection, of sampling, and its order of tokens.
const LOGITS: usize = 4;

/// Memory that a model needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Memory {
    /// Bytes of the matrices, the same as
    /// [`ModelInfo::weight_bytes`](crate::ModelInfo::weight_bytes) after loading.
    pub weight_bytes: u64,
    /// Bytes of the copies that kernels read instead of the matrices.
    pub packed_bytes: u64,
    /// Bytes of the additional matrices of prefill.
    pub prefill_bytes: u64,
    /// Bytes of the key-value cache for each position that all layers keep.
    pub cache_bytes_per_token: u64,
    /// Most bytes while loading, temporary ones included.
    pub loading_bytes: u64,
    caches: Caches,
    passes: Passes,
}

/// Numbers that determine the bytes of a sequence's caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Caches {
    /// Bytes of a position in one layer.
    of_layer: u64,
    /// Layers that keep all positions.
    full: u64,
    /// Layers that keep a window.
    windowed: u64,
    window: usize,
    context: usize,
}

/// Options of loading that determine the memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadedAs {
    pub requantize: Requantize,
    pub prefill: Prefill,
    pub cache: CacheFormat,
    /// Whether the tensors are in the memory of the CPU.
    pub is_on_cpu: bool,
    /// Whether kernels run decomposed.
    pub is_deep: bool,
}

/// Numbers that determine the temporary memory of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Passes {
    heads: usize,
    head_channels: usize,
    width: usize,
    hidden: usize,
    vocab: usize,
    context: usize,
    /// Positions that a layer attends to: of the layers with the most.
    window: Option<usize>,
    score_copies: usize,
    /// Channels of keys and values that are converted for each position; 0 for a cache in f32.
    converted: usize,
}

impl Memory {
    /// Computes the memory of a model in these files.
    pub(crate) fn of(weights: &dyn Weights, config: &DecoderConfig, options: &LoadedAs) -> Self {
        let mut tensors = weights.tensors();
        tensors.retain(StoredTensor::is_matrix);
        // The embedding and the output projection are read first.
        tensors.sort_by_key(|tensor| tensor.name.starts_with("blk."));
        let has_output = weights.has("output.weight");
        let mut memory = Self {
            cache_bytes_per_token: cache_bytes(config, options.cache),
            caches: Caches::of(config, options.cache),
            passes: Passes::of(config, options),
            ..Self::default()
        };
        for tensor in &tensors {
            let before = memory.resident_bytes() - memory.packed_bytes;
            let reading = before + transient(tensor, options);
            memory.loading_bytes = memory.loading_bytes.max(reading);
            memory.add(tensor, has_output, options);
        }
        memory.loading_bytes = memory.loading_bytes.max(memory.resident_bytes());
        memory
    }

    fn add(&mut self, tensor: &StoredTensor, has_output: bool, options: &LoadedAs) {
        let dtype = loaded_type(tensor, options.requantize);
        let of_layer = tensor.name.starts_with("blk.");
        let has_dense = of_layer && gains_from_f32(tensor.dtype, options.prefill);
        self.weight_bytes += tensor.bytes(dtype);
        if has_dense {
            self.prefill_bytes += tensor.bytes(GgmlDType::F32);
        }
        if options.is_on_cpu {
            let products = Products::of(&tensor.name, has_output, has_dense);
            self.packed_bytes += packed_bytes(dtype, &tensor.shape, products);
        }
    }

    /// Returns the bytes of everything that stays loaded.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let parts = [self.weight_bytes, self.packed_bytes, self.prefill_bytes];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Returns the bytes of the key-value cache of a sequence of `positions`. Layers with a
    /// window keep only that.
    #[must_use]
    pub fn cache_bytes(&self, positions: usize) -> u64 {
        self.caches.bytes(positions)
    }

    /// Returns the most bytes that loading the model and generating need, for `input` tokens
    /// of the prompt and up to `output` generated ones.
    #[must_use]
    pub fn peak(&self, input: usize, output: usize) -> u64 {
        self.peak_of_batch(&[(input, output)])
    }

    /// Returns the most bytes that loading the model and generating several answers at once
    /// need, each with its tokens of the prompt and up to its number of generated ones.
    #[must_use]
    pub fn peak_of_batch(&self, rows: &[(usize, usize)]) -> u64 {
        let context = self.passes.context;
        let positions =
            |(input, output): &(usize, usize)| input.saturating_add(*output).min(context);
        let caches = rows.iter().map(|row| self.cache_bytes(positions(row)));
        let longest = rows.iter().map(positions).max().unwrap_or(0);
        let inputs = rows.iter().map(|(input, _)| (*input).min(context));
        let longest_input = inputs.clone().max().unwrap_or(0);
        let parts = [
            self.resident_bytes(),
            caches.fold(0, u64::saturating_add),
            self.passes.bytes(longest_input, longest),
            // Passes have positions of all prompts, but scores of one at a time.
            self.passes
                .additional(inputs.sum::<usize>() - longest_input, rows.len()),
        ];
        let passes = parts.into_iter().fold(0, u64::saturating_add);
        passes.max(self.loading_bytes)
    }

    /// Returns the most bytes that the model needs for a prompt of `positions` tokens.
    #[must_use]
    pub fn with_positions(&self, positions: usize) -> u64 {
        self.peak(positions, 0)
    }
}

impl Caches {
    fn of(config: &DecoderConfig, format: CacheFormat) -> Self {
        let windows = (0..config.layers).filter_map(|layer| config.window_of(layer));
        let windowed = windows.count();
        Self {
            of_layer: layer_bytes(config, format),
            full: (config.layers - windowed) as u64,
            windowed: windowed as u64,
            window: config.window.unwrap_or_default(),
            context: config.context_length,
        }
    }

    fn bytes(&self, positions: usize) -> u64 {
        let layers = |count: u64, window| {
            let kept = CacheShape::capacity(self.context, window, positions) as u64;
            count.saturating_mul(kept).saturating_mul(self.of_layer)
        };
        layers(self.full, None).saturating_add(layers(self.windowed, Some(self.window)))
    }
}

impl Passes {
    fn of(config: &DecoderConfig, options: &LoadedAs) -> Self {
        let all_windowed = (0..config.layers).all(|layer| config.is_windowed(layer));
        Self {
            heads: config.heads,
            head_channels: (config.heads + 2 * config.kv_heads) * config.head_dim,
            width: config.width,
            hidden: config.hidden,
            vocab: config.vocab,
            context: config.context_length,
            window: config.window.filter(|_| all_windowed),
            score_copies: match options.is_deep {
                true => SCORES_DEEP,
                false => SCORES,
            },
            converted: match options.cache {
                CacheFormat::F32 => 0,
                _ => 2 * config.kv_heads * config.head_dim,
            },
        }
    }

    /// Returns the temporary bytes of the largest pass.
    fn bytes(&self, input: usize, positions: usize) -> u64 {
        let visible = |rows: usize, all: usize| {
            self.window
                .map_or(all, |window| all.min(window.saturating_add(rows)))
        };
        // The last full chunk, what remains of the prompt, and a step of decode.
        let full = input / PREFILL_CHUNK * PREFILL_CHUNK;
        let chunks = [
            (PREFILL_CHUNK.min(full), full),
            (input - full, input),
            (1, positions),
        ];
        let passes = chunks.into_iter().filter(|(rows, _)| *rows > 0);
        let bytes = passes.map(|(rows, all)| self.pass(rows, visible(rows, all)));
        bytes.max().unwrap_or(0)
    }

    /// Returns the temporary bytes of `input` more positions of other sequences in a pass, and
    /// of the logits of all.
    fn additional(&self, input: usize, sequences: usize) -> u64 {
        let positions = input.min(PREFILL_CHUNK) as u64;
        let channels = |copies: usize, width: usize| (copies as u64).saturating_mul(width as u64);
        let each = channels(OF_MLP, self.hidden).saturating_add(channels(OF_STREAM, self.width));
        let logits = (sequences.saturating_sub(1) as u64).saturating_mul(2 * self.vocab as u64);
        let numbers = positions.saturating_mul(each).saturating_add(logits);
        numbers.saturating_mul(size_of::<f32>() as u64)
    }

    /// Returns the temporary bytes of a pass of `rows` positions that attend to `visible`.
    fn pass(&self, rows: usize, visible: usize) -> u64 {
        let [rows, visible] = [rows, visible].map(|count| count as u64);
        let channels = |copies: usize, width: usize| (copies * width) as u64;
        let scores = visible.saturating_mul(channels(self.score_copies, self.heads));
        let of_attention = scores.saturating_add(channels(3, self.head_channels));
        let of_mlp = channels(OF_MLP, self.hidden);
        let of_stream = channels(OF_STREAM, self.width).saturating_add(visible);
        let each = of_attention.max(of_mlp).saturating_add(of_stream);
        let numbers = rows.saturating_mul(each);
        // Keys and values of one layer, and a step of their conversion.
        let converted = visible.saturating_mul(channels(2, self.converted));
        let numbers = numbers.saturating_add(converted);
        let numbers = numbers.saturating_add(channels(LOGITS, self.vocab));
        numbers.saturating_mul(size_of::<f32>() as u64)
    }
}

/// Returns the bytes of the key-value cache for each position.
fn cache_bytes(config: &DecoderConfig, format: CacheFormat) -> u64 {
    layer_bytes(config, format).saturating_mul(config.layers as u64)
}

/// Returns the bytes of a position in the cache of one layer.
fn layer_bytes(config: &DecoderConfig, format: CacheFormat) -> u64 {
    let heads = 2 * config.kv_heads as u64;
    heads.saturating_mul(format.head_bytes(config.head_dim) as u64)
}

/// Returns the most bytes that exist while a matrix is read and converted.
fn transient(tensor: &StoredTensor, options: &LoadedAs) -> u64 {
    let stored = tensor.bytes(tensor.dtype);
    let loaded = loaded_type(tensor, options.requantize);
    let whole = tensor.bytes(GgmlDType::F32);
    match loaded == tensor.dtype {
        true => 2 * stored,
        false if loaded == GgmlDType::F32 => stored + whole,
        false => stored + whole + tensor.bytes(loaded),
    }
}
