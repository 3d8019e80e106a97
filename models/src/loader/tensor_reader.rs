//! Reads the tensors of a decoder and counts what it read.

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::info::{LoadOptions, Parameters};
use crate::layers::linear::Linear;
use crate::layers::norm::RmsNorm;
use crate::weights::packing::{Products, pack, packed_bytes};
use crate::weights::precision::{Precision, Prefill, gains_from_f32};
use crate::weights::split::split;
use crate::weights::stored::Weights;

/// Reads tensors of one model, each once.
pub(super) struct TensorReader<'l> {
    weights: &'l mut dyn Weights,
    device: &'l Device,
    norm_eps: f32,
    precision: Precision,
    prefill: Prefill,
    prefill_bytes: usize,
    packed_bytes: u64,
    /// Matrices with the products that they take part in.
    multiplied: Vec<(QMatMul, Products)>,
    parameters: Parameters,
    /// Receives the bytes of each matrix that was read.
    progress: &'l mut dyn FnMut(u64),
}

impl<'l> TensorReader<'l> {
    /// Creates a reader whose norms have this epsilon.
    pub(super) fn new(
        weights: &'l mut dyn Weights,
        norm_eps: f32,
        options: &'l LoadOptions,
        progress: &'l mut dyn FnMut(u64),
    ) -> Self {
        Self {
            weights,
            device: &options.device,
            norm_eps,
            precision: Precision::new(options.requantize),
            prefill: options.prefill,
            prefill_bytes: 0,
            packed_bytes: 0,
            multiplied: Vec::new(),
            parameters: Parameters::default(),
            progress,
        }
    }

    /// Whether a tensor of this name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.weights.has(name)
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

    /// Reads the norm of this name.
    pub(super) fn norm(&mut self, name: &str, width: usize) -> Result<RmsNorm> {
        let name = format!("{name}.weight");
        let weight = self.weights.dense(&name, &[width], self.device)?;
        self.count(&name, width);
        Ok(RmsNorm::new(weight, self.norm_eps))
    }

    /// Reads a norm; `None` if the tensor does not exist.
    pub(super) fn norm_if_there(&mut self, name: &str, width: usize) -> Result<Option<RmsNorm>> {
        let is_there = self.has(&format!("{name}.weight"));
        is_there.then(|| self.norm(name, width)).transpose()
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
        let tensor = self.tensor(name, rows, width)?;
        let bias = self.bias(name, rows)?;
        self.projection(name, tensor, bias)
    }

    fn projection(&mut self, name: &str, tensor: QTensor, bias: Option<Tensor>) -> Result<Linear> {
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
        if !self.has(&name) {
            return Ok(None);
        }
        self.count(&name, rows);
        self.weights.dense(&name, &[rows], self.device).map(Some)
    }

    /// Reads a matrix that is ready to multiply.
    pub(super) fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<QMatMul> {
        let tensor = self.tensor(name, rows, width)?;
        let products = Products::of(name, self.has("output.weight"), false);
        let stored = self.format(name);
        self.convert(tensor, &stored, products)
    }

    fn tensor(&mut self, name: &str, rows: usize, width: usize) -> Result<QTensor> {
        let name = format!("{name}.weight");
        let tensor = self.weights.tensor(&name, &[rows, width], self.device)?;
        self.count(&name, rows * width);
        (self.progress)(tensor.storage_size_in_bytes() as u64);
        Ok(tensor)
    }

    /// Adds to the number of weights of the part that a tensor belongs to.
    fn count(&mut self, name: &str, weights: usize) {
        let parts = &mut self.parameters;
        let part = match name {
            _ if name.contains("norm") => &mut parts.norms,
            _ if name.contains(".attn") => &mut parts.attention,
            _ if name.contains(".ffn") => &mut parts.mlp,
            _ => &mut parts.embedding,
        };
        *part += weights as u64;
    }
}

/// Converts to an array, or fails if the number of parts differs.
fn array<const N: usize>(linears: Vec<Linear>) -> Result<[Linear; N]> {
    let wrong = |all: Vec<Linear>| candle_core::Error::Msg(format!("{} parts", all.len()));
    Ok(linears.try_into().map_err(wrong)?)
}
