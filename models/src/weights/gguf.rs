//! A GGUF file with a checked header.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::{QTensor, gguf_file};
use gguf_file::{Content, TensorInfo, Value};

use crate::error::{Error, Result};
use crate::weights::header;
use crate::weights::stored::{StoredTensor, Weights, plain, wrong_shape};

/// An open GGUF file whose header is sound: every tensor lies inside of the
/// file and none overlaps another.
pub(crate) struct Gguf {
    path: PathBuf,
    length: u64,
    content: Content,
    reader: BufReader<File>,
    /// Names of tensors that were read.
    read: HashSet<String>,
}

impl Gguf {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// One that names the file, the part at fault and the next step.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let meta = file.metadata().map_err(|error| Error::io(path, error))?;
        let mut reader = BufReader::new(file);
        let content = read_header(path, &mut reader, meta.len())?;
        let gguf = Self {
            path: path.to_owned(),
            length: meta.len(),
            content,
            reader,
            read: HashSet::new(),
        };
        gguf.check_tensors()?;
        Ok(gguf)
    }

    /// All metadata.
    pub(crate) fn metadata(&self) -> &HashMap<String, Value> {
        &self.content.metadata
    }

    /// Returns the dimensions of a tensor, outermost first.
    pub(crate) fn dims(&self, name: &str) -> Result<&[usize]> {
        let missing = || self.fault(format!("tensor `{name}`"), "is missing");
        let info = self.content.tensor_infos.get(name).ok_or_else(missing)?;
        Ok(info.shape.dims())
    }

    /// An error about this file.
    pub(crate) fn fault(&self, thing: impl Into<String>, problem: impl ToString) -> Error {
        Error::file(&self.path, thing, problem)
    }

    /// No tensor may reach outside of the data or into another one.
    fn check_tensors(&self) -> Result<()> {
        let mut spans = Vec::with_capacity(self.content.tensor_infos.len());
        for (name, info) in &self.content.tensor_infos {
            let span = self
                .extent(info)
                .map_err(|problem| self.fault(format!("tensor `{name}`"), problem))?;
            spans.push((span, name));
        }
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let [((_, end), name), ((start, _), next)] = pair else {
                continue;
            };
            if start < end {
                let problem = format!("overlaps tensor `{next}`");
                return Err(self.fault(format!("tensor `{name}`"), problem));
            }
        }
        Ok(())
    }

    /// First and past-the-end byte of a tensor in the file.
    fn extent(&self, info: &TensorInfo) -> Result<(u64, u64), String> {
        let bytes = size(info)?;
        let start = self.content.tensor_data_offset.checked_add(info.offset);
        let end = start.and_then(|start| start.checked_add(bytes));
        match (start, end) {
            (Some(start), Some(end)) if end <= self.length => Ok((start, end)),
            _ => Err(format!(
                "of {bytes} bytes at offset {} reaches past the end of the file ({} bytes)",
                info.offset, self.length
            )),
        }
    }
}

impl Weights for Gguf {
    fn path(&self) -> &Path {
        &self.path
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn has(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.dims(name).ok().map(<[usize]>::to_vec)
    }

    fn tensor(&mut self, name: &str, shape: &[usize], device: &Device) -> Result<QTensor> {
        let found = self.dims(name)?;
        if found != shape {
            return Err(wrong_shape(&self.path, name, found, shape));
        }
        self.read.insert(name.to_owned());
        let tensor = self.content.tensor(&mut self.reader, name, device);
        tensor.map_err(|error| self.fault(format!("tensor `{name}`"), plain(&error)))
    }

    fn tensors(&self) -> Vec<StoredTensor> {
        let stored = |(name, info): (&String, &TensorInfo)| StoredTensor {
            name: name.clone(),
            dtype: info.ggml_dtype,
            shape: info.shape.dims().to_vec(),
        };
        self.content.tensor_infos.iter().map(stored).collect()
    }

    fn unread(&self) -> Option<&str> {
        let names = self.content.tensor_infos.keys();
        let unread = names.filter(|name| !self.read.contains(*name));
        unread.map(String::as_str).min()
    }
}

/// Bytes of a tensor, with every product checked.
fn size(info: &TensorInfo) -> Result<u64, String> {
    let dims = info.shape.dims();
    let block = info.ggml_dtype.block_size();
    let elements = dims
        .iter()
        .try_fold(1usize, |all, &dim| all.checked_mul(dim));
    let bytes = elements.and_then(|all| (all / block).checked_mul(info.ggml_dtype.type_size()));
    match (bytes, dims.last()) {
        (Some(bytes), Some(last)) if bytes > 0 && last % block == 0 => Ok(bytes as u64),
        _ => Err(format!(
            "has the impossible shape {dims:?} for type {:?}",
            info.ggml_dtype
        )),
    }
}

fn read_header(path: &Path, reader: &mut BufReader<File>, length: u64) -> Result<Content> {
    let fault = |problem: String| {
        let next = "make sure it is a complete GGUF file: download or convert it again";
        Error::advise(path, "GGUF header", problem, next)
    };
    header::check(reader, length).map_err(fault)?;
    reader.rewind().map_err(|error| Error::io(path, error))?;
    Content::read(reader).map_err(|error| fault(plain(&error)))
}
