//! Matrices that a file holds as one.

use std::borrow::Cow;

use candle_core::quantized::{QStorage, QTensor};
use candle_core::{Device, Error};

/// Cuts a matrix between rows: `(a + b + .., width)` to `(a, width)`, `(b, width)`, ..
/// Rows are whole blocks of any number format, so nothing is rounded.
pub(crate) fn split(
    tensor: &QTensor,
    rows: &[usize],
    device: &Device,
) -> Result<Vec<QTensor>, Error> {
    let (all, width) = tensor.shape().dims2()?;
    let data = tensor.data()?;
    let row = data.len() / all;
    let mut first = 0;
    let part = |&count: &usize| {
        let bytes = data.get(first * row..(first + count) * row);
        let bytes = bytes.ok_or_else(|| Error::Msg(format!("it has {all} rows only")))?;
        first += count;
        let storage = QStorage::from_data(Cow::Borrowed(bytes), device, tensor.dtype())?;
        QTensor::new(storage, (count, width))
    };
    rows.iter().map(part).collect()
}

/// Cuts a stack of matrices: `(n, rows, width)` to `n` of `(rows, width)`.
pub(crate) fn blocks(
    tensor: &QTensor,
    (count, rows, width): (usize, usize, usize),
    device: &Device,
) -> Result<Vec<QTensor>, Error> {
    let data = tensor.data()?;
    let part = |bytes: &[u8]| {
        let storage = QStorage::from_data(Cow::Borrowed(bytes), device, tensor.dtype())?;
        QTensor::new(storage, (rows, width))
    };
    data.chunks_exact(data.len() / count.max(1))
        .map(part)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Tensor;
    use candle_core::quantized::GgmlDType;

    #[test]
    fn parts_have_the_original_rows() {
        let numbers: Vec<f32> = (0..5 * 64).map(|n| (n as f32).sin()).collect();
        let whole = Tensor::from_vec(numbers, (5, 64), &Device::Cpu).unwrap();
        for dtype in [
            GgmlDType::F32,
            GgmlDType::F16,
            GgmlDType::Q8_0,
            GgmlDType::Q4_1,
        ] {
            let whole = QTensor::quantize(&whole, dtype).unwrap();
            let parts = split(&whole, &[3, 2], &Device::Cpu).unwrap();
            let numbers = |tensor: &QTensor| {
                let tensor = tensor.dequantize(&Device::Cpu).unwrap();
                tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            let joined = [numbers(&parts[0]), numbers(&parts[1])].concat();
            assert_eq!(joined, numbers(&whole), "{dtype:?}");
            assert!(split(&whole, &[3, 3], &Device::Cpu).is_err());
        }
    }
}
