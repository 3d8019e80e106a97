//! One safetensors file with a checked header.
//!
//! ```text
//! length u64 | header: JSON { name: { dtype, shape, data_offsets: [start, end] } } | data
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::weights::stored::plain;
use crate::weights::{foreign, regular_file};

/// Longest header; the largest public models have less than a megabyte.
const MAX_HEADER: u64 = 64 << 20;
/// Bytes that are converted at once: a multiple of every number's size.
const BLOCK: usize = 1 << 20;
/// Entry of the header that is not a tensor.
const METADATA: &str = "__metadata__";

/// An open file, in which every tensor lies inside of the data and none overlaps another.
pub(super) struct SafetensorsFile {
    path: PathBuf,
    file: File,
    pub(super) length: u64,
    /// First byte behind the header.
    data: u64,
    pub(super) tensors: BTreeMap<String, Entry>,
}

/// A tensor of the header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    /// Type of the numbers, such as `BF16`.
    pub(super) dtype: String,
    /// Outermost dimension first.
    pub(super) shape: Vec<usize>,
    data_offsets: [u64; 2],
}

impl Entry {
    /// Returns the type of the numbers; `None` if it cannot be read.
    pub(super) fn numbers(&self) -> Option<DType> {
        match self.dtype.as_str() {
            "F32" => Some(DType::F32),
            "F16" => Some(DType::F16),
            "BF16" => Some(DType::BF16),
            "F8_E4M3" => Some(DType::F8E4M3),
            _ => None,
        }
    }

    fn bytes(&self) -> u64 {
        let [start, end] = self.data_offsets;
        end.saturating_sub(start)
    }

    /// Returns what is wrong with it, in data of `length` bytes.
    fn fault(&self, length: u64) -> Option<String> {
        let [start, end] = self.data_offsets;
        if start > end || end > length {
            return Some(format!(
                "at bytes {start} to {end} reaches past the end of the data ({length} bytes)"
            ));
        }
        let mut dims = self.shape.iter();
        let elements = dims.try_fold(1_u64, |all, dim| all.checked_mul(*dim as u64));
        let fits = elements.is_some_and(|all| match self.numbers() {
            Some(numbers) => all.checked_mul(numbers.size_in_bytes() as u64) == Some(end - start),
            // Numbers of every other type have at least one bit.
            None => all / 8 <= end - start,
        });
        // A tensor without numbers could have any number of rows.
        let is_sound = fits && !self.shape.contains(&0);
        (!is_sound).then(|| {
            let (shape, dtype) = (&self.shape, &self.dtype);
            format!(
                "has {} bytes, not those of the shape {shape:?} in {dtype}",
                end - start
            )
        })
    }
}

impl SafetensorsFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// When it is missing, cut, or no safetensors file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        foreign::refuse_file(path, "safetensors")?;
        let io = |error| Error::io(path, error);
        let fault = |problem: String| Error::file(path, "safetensors", problem);
        let mut file = regular_file::open(path, "safetensors")?;
        let length = file.metadata().map_err(io)?.len();
        let mut count = [0; 8];
        let cut = |_| fault("ends early, within its header".to_owned());
        file.read_exact(&mut count).map_err(cut)?;
        let header = u64::from_le_bytes(count);
        let data = header.saturating_add(8);
        if header > MAX_HEADER || data > length {
            let problem = format!("declares a header of {header} bytes in a file of {length}");
            return Err(fault(problem));
        }
        let mut json = vec![0; header as usize];
        file.read_exact(&mut json).map_err(cut)?;
        let tensors = entries(&json).map_err(fault)?;
        let opened = Self {
            path: path.to_owned(),
            file,
            length,
            data,
            tensors,
        };
        opened.check()?;
        Ok(opened)
    }

    /// No tensor may reach outside of the data or into another one.
    fn check(&self) -> Result<()> {
        let length = self.length - self.data;
        for (name, entry) in &self.tensors {
            if let Some(problem) = entry.fault(length) {
                return Err(self.fault(name, problem));
            }
        }
        let spans = self
            .tensors
            .iter()
            .map(|(name, entry)| (entry.data_offsets, name));
        let mut spans: Vec<_> = spans.filter(|([start, end], _)| start < end).collect();
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let [([_, end], name), ([start, _], next)] = pair else {
                continue;
            };
            if start < end {
                return Err(self.fault(name, format!("overlaps tensor `{next}`")));
            }
        }
        Ok(())
    }

    fn fault(&self, name: &str, problem: impl ToString) -> Error {
        Error::file(&self.path, format!("tensor `{name}`"), problem)
    }

    /// Returns a tensor and the type of its numbers.
    ///
    /// # Errors
    /// If it is not there, or its numbers are of another type.
    pub(super) fn numbers_of(&self, name: &str) -> Result<(&Entry, DType)> {
        let entry = self.tensors.get(name);
        let entry = entry.ok_or_else(|| self.fault(name, "is missing"))?;
        if let Some(dtype) = entry.numbers() {
            return Ok((entry, dtype));
        }
        let problem = format!(
            "has numbers of type {}, which is not supported",
            entry.dtype
        );
        let next = "choose a file in f32, f16, bf16 or F8_E4M3, or a GGUF file";
        let thing = format!("tensor `{name}`");
        Err(Error::advise(&self.path, thing, problem, next))
    }

    /// Reads a tensor's numbers as f32, block by block.
    ///
    /// # Errors
    /// As [`Self::numbers_of`].
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>> {
        let (entry, dtype) = self.numbers_of(name)?;
        let count = entry.bytes() as usize / dtype.size_in_bytes();
        let mut numbers = Vec::with_capacity(count);
        for block in self.blocks(entry) {
            let read = converted(&block?, dtype);
            numbers.extend(read.map_err(|error| self.fault(name, plain(&error)))?);
        }
        Ok(numbers)
    }

    /// Returns the bytes of a tensor, block by block.
    fn blocks(&self, entry: &Entry) -> impl Iterator<Item = Result<Vec<u8>>> {
        let ([start, end], data) = (entry.data_offsets, self.data);
        let read = move |at: u64| {
            let mut file = &self.file;
            let mut block = vec![0; (end - at).min(BLOCK as u64) as usize];
            let read = file.seek(SeekFrom::Start(data + at));
            let read = read.and_then(|_| file.read_exact(&mut block));
            read.map_err(|error| Error::io(&self.path, error))?;
            Ok(block)
        };
        (start..end).step_by(BLOCK).map(read)
    }

    /// Whether a tensor has the same type, shape and bytes as one of another file.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn is_equal(&self, name: &str, other: &Self, theirs: &str) -> Result<bool> {
        let (Some(mine), Some(theirs)) = (self.tensors.get(name), other.tensors.get(theirs)) else {
            return Ok(false);
        };
        if (&mine.dtype, &mine.shape) != (&theirs.dtype, &theirs.shape) {
            return Ok(false);
        }
        for (block, of_other) in self.blocks(mine).zip(other.blocks(theirs)) {
            if block? != of_other? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn converted(bytes: &[u8], dtype: DType) -> candle_core::Result<Vec<f32>> {
    let count = bytes.len() / dtype.size_in_bytes();
    let tensor = Tensor::from_raw_buffer(bytes, dtype, &[count], &Device::Cpu)?;
    tensor.to_dtype(DType::F32)?.to_vec1()
}

fn entries(json: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let fault = |error: serde_json::Error| format!("has a header that cannot be read: {error}");
    let mut all: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(json).map_err(fault)?;
    all.remove(METADATA);
    let entry = |(name, value): (String, serde_json::Value)| {
        let entry = Entry::deserialize(value).map_err(|error| {
            format!("has a header that cannot be read: tensor `{name}`: {error}")
        })?;
        Ok((name, entry))
    };
    all.into_iter().map(entry).collect()
}
