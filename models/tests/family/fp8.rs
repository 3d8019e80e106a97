//! A folder with projections in 8-bit floats with scales.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use candle_core::{DType, Tensor};
use serde_json::{Value as Json, json};

use super::Family;

/// The number that eight bits stand for: a sign, four bits of exponent, three of fraction.
pub fn of_e4m3(byte: u8) -> f32 {
    let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => sign * fraction * 2_f32.powi(-9),
        _ => sign * (1.0 + fraction / 8.0) * 2_f32.powi(exponent - 7),
    }
}

/// A tensor of a safetensors file: type, shape and bytes.
pub type Stored = (&'static str, Vec<usize>, Vec<u8>);

pub fn write_safetensors(path: &Path, tensors: &[(String, Stored)]) {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, (dtype, shape, bytes)) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets });
        header.insert(name.clone(), entry);
        data.extend_from_slice(bytes);
    }
    let header = Json::Object(header).to_string();
    let mut file = File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.write_all(&data).unwrap();
}

pub fn bytes_of(numbers: impl IntoIterator<Item = f32>) -> Vec<u8> {
    numbers.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// Scales of a matrix of 8-bit floats.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scales {
    /// One for all numbers.
    Matrix,
    /// One for each row.
    Rows,
    /// One for each block of this height and width.
    Blocks([usize; 2]),
}

impl Scales {
    fn shape(self, rows: usize, width: usize) -> Vec<usize> {
        match self {
            Self::Matrix => vec![],
            Self::Rows => vec![rows, 1],
            Self::Blocks([high, wide]) => vec![rows.div_ceil(high), width.div_ceil(wide)],
        }
    }

    /// The scale of a number; powers of two keep products exact.
    fn at(self, row: usize, column: usize) -> f32 {
        let exponent = match self {
            Self::Matrix => 0,
            Self::Rows => row % 4,
            Self::Blocks([high, wide]) => (row / high * 3 + column / wide) % 4,
        };
        2_f32.powi(exponent as i32 - 9)
    }

    fn all(self, rows: usize, width: usize) -> Vec<f32> {
        match self {
            Self::Matrix => vec![self.at(0, 0)],
            Self::Rows => (0..rows).map(|row| self.at(row, 0)).collect(),
            Self::Blocks([high, wide]) => {
                let firsts = |count: usize, step: usize| (0..count).step_by(step);
                let row = |row| firsts(width, wide).map(move |column| self.at(row, column));
                firsts(rows, high).flat_map(row).collect()
            }
        }
    }
}

/// Writes a folder with projections in 8-bit floats, and one with the same numbers in f32.
pub fn write(family: &Family, scales: Scales, folders: [&Path; 2]) {
    let mut tensors: Vec<(String, Tensor)> = family.tensors().into_iter().collect();
    tensors.sort_by(|one, other| one.0.cmp(&other.0));
    let (mut in_fp8, mut in_f32) = (Vec::new(), Vec::new());
    let mut state = 7_u32;
    for (name, tensor) in tensors {
        let dims = tensor.dims().to_vec();
        let plain = bytes_of(tensor.flatten_all().unwrap().to_vec1().unwrap());
        let [rows, width] = match dims[..] {
            [rows, width] if name.contains("proj") => [rows, width],
            _ => {
                let stored: Stored = ("F32", dims, plain);
                in_fp8.push((name.clone(), stored.clone()));
                in_f32.push((name, stored));
                continue;
            }
        };
        // Every bit pattern except those of NaN.
        let bytes: Vec<u8> = (0..rows * width)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let byte = (state >> 24) as u8;
                if byte & 0x7f == 0x7f { byte - 1 } else { byte }
            })
            .collect();
        let number = |at: usize| of_e4m3(bytes[at]) * scales.at(at / width, at % width);
        let numbers = bytes_of((0..rows * width).map(number));
        in_f32.push((name.clone(), ("F32", dims.clone(), numbers)));
        in_fp8.push((name.clone(), ("F8_E4M3", dims, bytes)));
        let (end, shape) = match scales {
            Scales::Blocks(_) => ("_scale_inv", scales.shape(rows, width)),
            _ => ("_scale", scales.shape(rows, width)),
        };
        let factors = bytes_of(scales.all(rows, width));
        in_fp8.push((format!("{name}{end}"), ("F32", shape, factors)));
        let input = name.replace(".weight", ".input_scale");
        in_fp8.push((input, ("F32", vec![], bytes_of([0.25]))));
    }
    for (folder, tensors) in folders.iter().zip([in_fp8, in_f32]) {
        super::folder::write(family, folder, DType::F32, 1);
        write_safetensors(&folder.join("model.safetensors"), &tensors);
    }
}
