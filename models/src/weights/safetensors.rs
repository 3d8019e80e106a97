//! Weights in safetensors files, one or several, mapped into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::weights::stored::{StoredTensor, Weights, plain, wrong_shape};
use crate::weights::tensor_names;

/// The files of one model.
pub(crate) struct Safetensors {
    path: PathBuf,
    length: u64,
    files: MmapedSafetensors,
    /// GGUF's names, with those of the files.
    names: BTreeMap<String, String>,
    read: BTreeSet<String>,
    /// Norms multiply by 1 + weight.
    counts_norms_from_one: bool,
}

impl Safetensors {
    /// Opens files that belong together; messages name `path`.
    ///
    /// # Errors
    /// When a file is missing, cut or no safetensors file.
    pub(crate) fn open(path: &Path, files: &[PathBuf]) -> Result<Self> {
        let mut length = 0;
        for file in files {
            let about = std::fs::metadata(file).map_err(|error| Error::io(file, error))?;
            length += about.len();
            // Each file separately first, so that a message names the one at fault.
            map(std::slice::from_ref(file))
                .map_err(|error| Error::file(file, "safetensors", plain(&error)))?;
        }
        let files = map(files).map_err(|error| Error::file(path, "safetensors", plain(&error)))?;
        let all = files.tensors();
        let names = tensor_names::table(all.iter().map(|(name, _)| name.as_str()));
        drop(all);
        Ok(Self {
            path: path.to_owned(),
            length,
            files,
            names,
            read: BTreeSet::new(),
            counts_norms_from_one: false,
        })
    }

    /// Returns the rows of a matrix; `None` if it does not exist.
    pub(crate) fn rows(&self, name: &str) -> Option<usize> {
        let view = self.files.get(self.names.get(name)?).ok()?;
        view.shape().first().copied()
    }

    /// Adds 1 to the weights of norms.
    pub(crate) fn count_norms_from_one(&mut self) {
        self.counts_norms_from_one = true;
    }

    /// Ignores a tensor: the output projection of a model with tied embeddings.
    pub(crate) fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }

    fn load(&mut self, name: &str, shape: &[usize]) -> Result<(Tensor, GgmlDType)> {
        let fault = |problem: String| Error::file(&self.path, format!("tensor `{name}`"), problem);
        let theirs = self.names.get(name);
        let theirs = theirs.ok_or_else(|| fault("is missing".to_owned()))?;
        let tensor = self.files.load(theirs, &Device::Cpu);
        let tensor = tensor.map_err(|error| fault(plain(&error)))?;
        if tensor.dims() != shape {
            return Err(wrong_shape(&self.path, theirs, tensor.dims(), shape));
        }
        let dtype = tensor.dtype();
        let wrong = || fault(format!("has numbers of type {}", dtype.as_str()));
        let dtype = in_gguf(dtype).ok_or_else(wrong)?;
        self.read.insert(name.to_owned());
        Ok((tensor.to_dtype(DType::F32)?, dtype))
    }
}

/// Returns the GGUF type with the same numbers.
fn in_gguf(dtype: DType) -> Option<GgmlDType> {
    match dtype {
        DType::F32 => Some(GgmlDType::F32),
        DType::F16 => Some(GgmlDType::F16),
        DType::BF16 => Some(GgmlDType::BF16),
        _ => None,
    }
}

fn map(files: &[PathBuf]) -> candle_core::Result<MmapedSafetensors> {
    // SAFETY: the files are only read; whoever changes a model's file while it is loaded
    // gets wrong weights, as with any program that maps it.
    unsafe { MmapedSafetensors::multi(files) }
}

impl Weights for Safetensors {
    fn path(&self) -> &Path {
        &self.path
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let view = self.files.get(self.names.get(name)?).ok()?;
        Some(view.shape().to_vec())
    }

    fn tensor(&mut self, name: &str, shape: &[usize], device: &Device) -> Result<QTensor> {
        let (tensor, dtype) = self.load(name, shape)?;
        Ok(QTensor::quantize(&tensor.to_device(device)?, dtype)?)
    }

    fn dense(&mut self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        let (tensor, _) = self.load(name, shape)?;
        let tensor = tensor.to_device(device)?;
        match self.counts_norms_from_one && name.ends_with("norm.weight") {
            true => Ok((tensor + 1.0)?),
            false => Ok(tensor),
        }
    }

    fn tensors(&self) -> Vec<StoredTensor> {
        let stored = |(name, theirs): (&String, &String)| {
            let view = self.files.get(theirs).ok()?;
            let dtype = DType::try_from(view.dtype()).ok().and_then(in_gguf)?;
            let shape = view.shape().to_vec();
            let name = name.clone();
            Some(StoredTensor { name, dtype, shape })
        };
        self.names.iter().filter_map(stored).collect()
    }

    fn unread(&self) -> Option<&str> {
        let mut names = self.names.iter();
        let unread = names.find(|(name, _)| !self.read.contains(*name));
        unread.map(|(_, theirs)| theirs.as_str())
    }
}
