//! Number formats of the weights in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QMatMul, QTensor};

use crate::error::Result;
use crate::weights::stored::StoredTensor;

/// Conversion of weights on loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Requantize {
    /// Types without a vectorised kernel become `Q8_0`, all others stay.
    #[default]
    Auto,
    /// All types stay as in the file.
    None,
    /// Every matrix becomes `Q8_0`.
    Q8_0,
    /// Every matrix becomes f32.
    F32,
}

impl Requantize {
    /// Returns the target type of a matrix of type `from`.
    fn target(self, from: GgmlDType) -> GgmlDType {
        match self {
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::F32 => GgmlDType::F32,
            Self::Auto if !is_fast(from) => GgmlDType::Q8_0,
            Self::Auto | Self::None => from,
        }
    }
}

/// Weights of passes of several positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Prefill {
    /// The same as for single positions.
    #[default]
    Same,
    /// Additional projections of layers in f32: Candle multiplies many rows by f32
    /// matrices faster than by quantised ones.
    F32,
}

/// Whether a projection of this type gets an additional f32 weight for prefill.
pub(crate) fn gains_from_f32(dtype: GgmlDType, prefill: Prefill) -> bool {
    use GgmlDType::{BF16, F16, F32};
    prefill == Prefill::F32 && !matches!(dtype, F32 | F16 | BF16)
}

/// Whether Candle multiplies this type with vector instructions on a CPU.
/// Half floats count, because they become f32 when loaded.
fn is_fast(dtype: GgmlDType) -> bool {
    use GgmlDType::{BF16, F16, F32, Q2K, Q3K, Q4_0, Q4K, Q5K, Q6K, Q8_0};
    matches!(
        dtype,
        F32 | F16 | BF16 | Q4_0 | Q8_0 | Q2K | Q3K | Q4K | Q5K | Q6K
    )
}

/// Whether a matrix of this shape can have a type.
fn fits(dims: &[usize], to: GgmlDType) -> bool {
    let last = dims.last();
    last.is_some_and(|width| width % to.block_size() == 0)
}

/// Returns the type of a stored matrix after [`Precision::convert`].
pub(crate) fn loaded_type(stored: &StoredTensor, requantize: Requantize) -> GgmlDType {
    let to = match requantize.target(stored.dtype) {
        to if fits(&stored.shape, to) => to,
        _ => stored.dtype,
    };
    match to {
        // Candle multiplies half numbers in f32 on a CPU.
        GgmlDType::F16 | GgmlDType::BF16 => GgmlDType::F32,
        to => to,
    }
}

/// Converts matrices and records the conversions.
#[derive(Debug, Default)]
pub(crate) struct Precision {
    requantize: Requantize,
    /// Elements per (type in the file, type in memory).
    elements: BTreeMap<(String, String), usize>,
    bytes: usize,
}

impl Precision {
    pub(crate) fn new(requantize: Requantize) -> Self {
        Self {
            requantize,
            ..Self::default()
        }
    }

    /// Returns a matrix that is ready to multiply.
    ///
    /// Widths that `Q8_0` blocks do not divide stay as they are.
    /// `stored` names the type in the file.
    pub(crate) fn convert(
        &mut self,
        tensor: QTensor,
        stored: &str,
        device: &Device,
    ) -> Result<QMatMul> {
        let (from, count) = (tensor.dtype(), tensor.shape().elem_count());
        let to = self.requantize.target(from);
        let tensor = match to != from && fits(tensor.shape().dims(), to) {
            true => QTensor::quantize(&tensor.dequantize(device)?, to)?,
            false => tensor,
        };
        let weights = QMatMul::from_arc(Arc::new(tensor))?;
        self.note(stored, &weights, count);
        Ok(weights)
    }

    fn note(&mut self, from: &str, weights: &QMatMul, count: usize) {
        let (to, bytes) = match weights {
            QMatMul::QTensor(tensor) => (name(tensor.dtype()), tensor.storage_size_in_bytes()),
            QMatMul::Tensor(tensor) | QMatMul::TensorF16(tensor) => {
                let dtype = tensor.dtype();
                (dtype.as_str().to_owned(), count * dtype.size_in_bytes())
            }
        };
        *self.elements.entry((from.to_owned(), to)).or_default() += count;
        self.bytes += bytes;
    }

    /// Bytes of all converted matrices in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lists the conversions, such as `q4_1->q8_0, q8_0`, most elements first.
    pub(crate) fn describe(&self) -> String {
        let mut kinds: Vec<_> = self.elements.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let texts: Vec<_> = kinds
            .into_iter()
            .map(|((from, to), _)| arrow(from, to))
            .collect();
        texts.join(", ")
    }
}

fn arrow(from: &str, to: &str) -> String {
    match from == to {
        true => from.to_owned(),
        false => format!("{from}->{to}"),
    }
}

/// Returns the name of a type, such as `q8_0`.
pub(crate) fn name(dtype: GgmlDType) -> String {
    format!("{dtype:?}").to_lowercase()
}
