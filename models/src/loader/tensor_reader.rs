//! Reads the tensors of a decoder and counts what it read.

use std::collections::BTreeMap;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::info::{LoadOptions, Parameters};
use crate::layers::linear::Linear;
use crate::loader::norm_style::NormStyle;
use crate::weights::packing::{Products, pack, packed_bytes};
use crate::weights::precision::{Precision, Prefill, gains_from_f32};
use crate::weights::split::split;
use crate::weights::stored::Weights;
use crate::weights::tensor_names;

/// Reads tensors of one model, each once.
pub(super) struct TensorReader<'l> {
    pub(super) weights: &'l mut dyn Weights,
    device: &'l Device,
    pub(super) norm: NormStyle,
    precision: Precision,
    prefill: Prefill,
    prefill_bytes: usize,
    packed_bytes: u64,
    /// Matrices with the products that they take part in.
    multiplied: Vec<(QMatMul, Products)>,
    parameters: Parameters,
    /// Tensors of a layer that it may lack, by the end of their names, with whether the first
    /// layer has them.
    optional: BTreeMap<String, bool>,
    /// Receives the bytes of each matrix that was read.
    progress: &'l mut dyn FnMut(u64),
    /// Whether only headers are read: matrices are placeholders.
    reads_headers_only: bool,
}

impl<'l> TensorReader<'l> {
    /// Creates a reader; all norms have the style `norm`.
    pub(super) fn new(
        weights: &'l mut dyn Weights,
        norm: NormStyle,
        options: &'l LoadOptions,
        progress: &'l mut dyn FnMut(u64),
    ) -> Self {
        Self {
            weights,
            device: &options.device,
            norm,
            precision: Precision::new(options.requantize),
            prefill: options.prefill,
            prefill_bytes: 0,
            packed_bytes: 0,
            multiplied: Vec::new(),
            parameters: Parameters::default(),
            optional: BTreeMap::new(),
            progress,
            reads_headers_only: false,
        }
    }

    /// Reads headers only from now on. What is built then has the structure of the model, but no
    /// numbers.
    pub(super) fn read_headers_only(&mut self) {
        self.reads_headers_only = true;
    }

    /// If only headers are read, checks that of a tensor and returns matrices of the shapes `parts`
    /// without numbers; `None` if the tensor must be read.
    pub(super) fn placeholders(
        &mut self,
        name: &str,
        shape: &[usize],
        parts: &[(usize, usize)],
    ) -> Result<Option<Vec<QMatMul>>> {
        if !self.reads_headers_only {
            return Ok(None);
        }
        self.weights.expect(&format!("{name}.weight"), shape)?;
        let zero = Tensor::zeros((1, 1), DType::F32, self.device)?;
        let part = |part: &(usize, usize)| Ok(QMatMul::Tensor(zero.broadcast_as(*part)?));
        parts.iter().map(part).collect::<Result<_>>().map(Some)
    }

    /// Whether a tensor of this name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.weights.has(name)
    }

    /// Whether a tensor exists that a model may lack: in all layers or in none.
    pub(super) fn has_optional(&mut self, name: &str) -> Result<bool> {
        let is_there = self.has(name);
        let of_layer = name
            .strip_prefix("blk.")
            .and_then(|name| name.split_once('.'));
        let Some((_, end)) = of_layer else {
            return Ok(is_there);
        };
        let first = *self.optional.entry(end.to_owned()).or_insert(is_there);
        let problem = match (first, is_there) {
            (true, false) => "is missing, but other layers have it",
            (false, true) => "is not in the layers before",
            _ => return Ok(is_there),
        };
        Err(self.fault(name, problem))
    }

    /// Returns an error about a tensor, by its name in the files.
    fn fault(&self, name: &str, problem: &str) -> Error {
        let thing = format!("tensor `{}`", self.weights.name_in_files(name));
        Error::file(self.weights.path(), thing, problem)
    }

    /// Returns the files.
    pub(super) fn weights(&self) -> &dyn Weights {
        &*self.weights
    }

    /// Returns the device of the tensors.
    pub(super) fn device(&self) -> &'l Device {
        self.device
    }

    /// Returns the number of weights read, by part of the model.
    pub(super) fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Returns the bytes of the matrices in memory.
    pub(super) fn weight_bytes(&self) -> usize {
        self.precision.bytes()
    }

    /// Returns the bytes of prefill's additional f32 matrices.
    pub(super) fn prefill_bytes(&self) -> usize {
        self.prefill_bytes
    }

    /// Returns the bytes of the copies that kernels read.
    pub(super) fn packed_bytes(&self) -> u64 {
        self.packed_bytes
    }

    /// Makes the copies that kernels read, of all matrices.
    pub(super) fn pack(&mut self) -> Result<()> {
        let mut all = self.multiplied.drain(..);
        all.try_for_each(|(weight, products)| pack(&weight, products))
    }

    /// Converts a matrix, which will take part in these products.
    fn convert(&mut self, tensor: QTensor, stored: &str, products: Products) -> Result<QMatMul> {
        let shape = tensor.shape().clone();
        let weight = self.precision.convert(tensor, stored, self.device)?;
        if let (QMatMul::QTensor(tensor), true) = (&weight, self.device.is_cpu()) {
            self.packed_bytes += packed_bytes(tensor.dtype(), shape.dims(), products);
            self.multiplied.push((weight.clone(), products));
        }
        Ok(weight)
    }

    /// Returns the name of a tensor's type in the file.
    fn format(&self, name: &str) -> String {
        self.weights.format(&format!("{name}.weight"))
    }

    /// Returns the number formats, with prefill's additional f32 matrices.
    pub(super) fn precision(&self) -> String {
        let formats = self.precision.describe();
        match self.prefill_bytes {
            0 => formats,
            bytes => format!(
                "{formats}, prefill in f32 (+{} MB)",
                bytes.div_ceil(1_000_000)
            ),
        }
    }

    /// Fails if a tensor of a layer is missing; one of queries, keys and values may be part
    /// of another.
    pub(super) fn require(&self, layer: &str, end: &str) -> Result<()> {
        let names = [Some(end.to_owned()), tensor_names::fused(end)];
        let names = names.into_iter().flatten();
        let mut names = names.map(|name| format!("{layer}{name}"));
        match names.any(|name| self.has(&name)) {
            true => Ok(()),
            false => Err(self.fault(&format!("{layer}{end}"), "is missing")),
        }
    }

    /// Reads `count` numbers in f32; `None` if the tensor does not exist.
    pub(super) fn numbers(&mut self, name: &str, count: usize) -> Result<Option<Vec<f32>>> {
        if !self.has(name) {
            return Ok(None);
        }
        let tensor = self.weights.dense(name, &[count], self.device)?;
        Ok(Some(tensor.to_vec1()?))
    }

    /// Reads projections of one input that are stored as separate tensors.
    pub(super) fn apart<const N: usize>(
        &mut self,
        prefix: &str,
        parts: [(&str, usize); N],
        width: usize,
    ) -> Result<[Linear; N]> {
        let linear = |(part, rows): (&str, usize)| {
            let name = format!("{prefix}{part}");
            self.linear(&name, rows, width)
        };
        array(parts.into_iter().map(linear).collect::<Result<_>>()?)
    }

    /// Reads projections of one input that are stored as one tensor, and splits it so
    /// that each has its own span.
    pub(super) fn fused<const N: usize>(
        &mut self,
        name: &str,
        parts: [(&str, usize); N],
        width: usize,
    ) -> Result<[Linear; N]> {
        let rows = parts.map(|(_, rows)| rows);
        let all = rows.iter().sum();
        let shapes = rows.map(|rows| (rows, width));
        if let Some(weights) = self.placeholders(name, &[all, width], &shapes)? {
            self.bias(name, all)?;
            return array(weights.into_iter().map(Linear::without_bias).collect());
        }
        let tensor = self.tensor(name, all, width)?;
        let bias = self.bias(name, all)?;
        let mut first = 0;
        let mut linears = Vec::with_capacity(N);
        for part in split(&tensor, &rows, self.device)? {
            let count = part.shape().dims2()?.0;
            let own = bias.as_ref().map(|bias| bias.narrow(0, first, count));
            first += count;
            linears.push(self.projection(name, part, own.transpose()?)?);
        }
        array(linears)
    }

    /// Reads a projection, with its bias if there is one.
    pub(super) fn linear(&mut self, name: &str, rows: usize, width: usize) -> Result<Linear> {
        let shape = (rows, width);
        if let Some(weights) = self.placeholders(name, &[rows, width], &[shape])? {
            let bias = self.bias(name, rows)?;
            let [weight] = array(weights)?;
            return Ok(Linear {
                bias,
                ..Linear::without_bias(weight)
            });
        }
        let tensor = self.tensor(name, rows, width)?;
        let bias = self.bias(name, rows)?;
        self.projection(name, tensor, bias)
    }

    pub(super) fn projection(
        &mut self,
        name: &str,
        tensor: QTensor,
        bias: Option<Tensor>,
    ) -> Result<Linear> {
        let dense = match gains_from_f32(tensor.dtype(), self.prefill) {
            true => Some(tensor.dequantize(self.device)?),
            false => None,
        };
        let count = dense.as_ref().map_or(0, Tensor::elem_count);
        self.prefill_bytes += count * size_of::<f32>();
        let products = Products::of(name, self.has("output.weight"), dense.is_some());
        let stored = self.format(name);
        Ok(Linear {
            weight: self.convert(tensor, &stored, products)?,
            bias,
            dense,
        })
    }

    /// Reads a bias; `None` if the tensor does not exist.
    pub(super) fn bias(&mut self, name: &str, rows: usize) -> Result<Option<Tensor>> {
        let name = format!("{name}.bias");
        if !self.has_optional(&name)? {
            return Ok(None);
        }
        self.count(&name, rows);
        self.weights.dense(&name, &[rows], self.device).map(Some)
    }

    /// Reads a matrix that is ready to multiply.
    pub(super) fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<QMatMul> {
        let shape = (rows, width);
        if let Some(weights) = self.placeholders(name, &[rows, width], &[shape])? {
            let [weight] = array(weights)?;
            return Ok(weight);
        }
        let tensor = self.tensor(name, rows, width)?;
        let products = Products::of(name, self.has("output.weight"), false);
        let stored = self.format(name);
        self.convert(tensor, &stored, products)
    }

    fn tensor(&mut self, name: &str, rows: usize, width: usize) -> Result<QTensor> {
        self.tensor_of(name, &[rows, width])
    }

    /// Reads a tensor of this shape.
    pub(super) fn tensor_of(&mut self, name: &str, shape: &[usize]) -> Result<QTensor> {
        let name = format!("{name}.weight");
        let tensor = self.weights.tensor(&name, shape, self.device)?;
        self.count(&name, shape.iter().product());
        (self.progress)(tensor.storage_size_in_bytes() as u64);
        Ok(tensor)
    }

    /// Reads a matrix of one row, which may be stored as a vector.
    pub(super) fn row(&mut self, name: &str, width: usize) -> Result<Linear> {
        let full = format!("{name}.weight");
        let is_vector = self
            .weights
            .shape(&full)
            .is_some_and(|shape| shape.len() == 1);
        if !is_vector {
            return self.linear(name, 1, width);
        }
        let numbers = self.weights.dense(&full, &[width], self.device)?;
        self.count(&full, width);
        let row = QTensor::quantize(&numbers.reshape((1, width))?, GgmlDType::F32)?;
        Ok(Linear {
            weight: QMatMul::from_qtensor(row)?,
            bias: self.bias(name, 1)?,
            dense: None,
        })
    }

    /// Adds to the number of weights of the part that a tensor belongs to.
    pub(super) fn count(&mut self, name: &str, weights: usize) {
        let parts = &mut self.parameters;
        let part = match name {
            _ if name.contains("norm") => &mut parts.norms,
            _ if is_of_expert(name) => &mut parts.experts,
            _ if name.contains(".attn") => &mut parts.attention,
            _ if name.contains(".ffn") => &mut parts.mlp,
            _ => &mut parts.embedding,
        };
        *part += weights as u64;
    }
}

/// Whether a tensor belongs to experts that tokens choose: `ffn_up_exps`, or `ffn_up.7`.
fn is_of_expert(name: &str) -> bool {
    let number = name.rsplit('.').nth(1);
    let is_number = number.is_some_and(|part| part.parse::<usize>().is_ok());
    name.contains("_exps.") || (name.contains(".ffn_") && is_number)
}

/// Converts to an array, or fails if the number of parts differs.
fn array<T, const N: usize>(all: Vec<T>) -> Result<[T; N]> {
    let wrong = |all: Vec<T>| candle_core::Error::Msg(format!("{} parts", all.len()));
    Ok(all.try_into().map_err(wrong)?)
}
