//! Weights in safetensors files, one or several.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::weights::fp8;
use crate::weights::safetensors_file::{Entry, SafetensorsFile};
use crate::weights::stored::{StoredTensor, Weights, plain, wrong_shape};
use crate::weights::tensor_names;

/// Ends of the names of scales, behind the matrix's name.
const SCALES: [&str; 2] = ["_scale_inv", "_scale"];

/// The files of one model.
pub(crate) struct Safetensors {
    path: PathBuf,
    files: Vec<SafetensorsFile>,
    /// File of each tensor, by the file's names.
    places: BTreeMap<String, usize>,
    /// GGUF's names, with those of the files.
    names: BTreeMap<String, String>,
    read: BTreeSet<String>,
    /// Norms multiply by 1 + weight.
    counts_norms_from_one: bool,
    /// Height and width of blocks that share a scale.
    block: [usize; 2],
}

impl Safetensors {
    /// Opens files that belong together; messages name `path`.
    ///
    /// # Errors
    /// When a file is missing, cut or no safetensors file.
    pub(crate) fn open(path: &Path, files: &[PathBuf]) -> Result<Self> {
        let open = |file: &PathBuf| SafetensorsFile::open(file);
        let files: Vec<_> = files.iter().map(open).collect::<Result<_>>()?;
        let mut places = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            for name in file.tensors.keys() {
                if places.insert(name.clone(), number).is_some() {
                    let thing = format!("tensor `{name}`");
                    return Err(Error::file(path, thing, "is in two files of the model"));
                }
            }
        }
        let names = tensor_names::table(places.keys().map(String::as_str));
        Ok(Self {
            path: path.to_owned(),
            files,
            places,
            names,
            read: BTreeSet::new(),
            counts_norms_from_one: false,
            block: fp8::BLOCK,
        })
    }

    /// Returns the rows of a matrix; `None` if it does not exist.
    pub(crate) fn rows(&self, name: &str) -> Option<usize> {
        self.entry(self.names.get(name)?)?.shape.first().copied()
    }

    /// Returns the names of the tensors in the files.
    pub(crate) fn file_names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Adds 1 to the weights of norms.
    pub(crate) fn count_norms_from_one(&mut self) {
        self.counts_norms_from_one = true;
    }

    /// Sets the height and width of blocks of 8-bit floats that share a scale.
    pub(crate) fn set_block(&mut self, block: [usize; 2]) {
        self.block = block;
    }

    /// Ignores a tensor: the output projection of a model with tied embeddings.
    pub(crate) fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Whether two tensors have the same type, shape and bytes.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(crate) fn are_equal(&self, name: &str, other: &str) -> Result<bool> {
        let (Some(mine), Some(theirs)) = (self.names.get(name), self.names.get(other)) else {
            return Ok(false);
        };
        self.file(mine)?.is_equal(mine, self.file(theirs)?, theirs)
    }

    fn fault(&self, name: &str, problem: impl ToString) -> Error {
        Error::file(&self.path, format!("tensor `{name}`"), problem)
    }

    fn file(&self, theirs: &str) -> Result<&SafetensorsFile> {
        let file = self
            .places
            .get(theirs)
            .and_then(|place| self.files.get(*place));
        file.ok_or_else(|| self.fault(theirs, "is missing"))
    }

    fn entry(&self, theirs: &str) -> Option<&Entry> {
        self.files
            .get(*self.places.get(theirs)?)?
            .tensors
            .get(theirs)
    }

    /// Returns a tensor's name in the files and its entry, which must have this shape and numbers of a
    /// known type.
    fn expected(&self, name: &str, shape: &[usize]) -> Result<(String, Entry)> {
        let theirs = self.names.get(name);
        let missing = || self.fault(&self.name_in_files(name), "is missing");
        let theirs = theirs.ok_or_else(missing)?.clone();
        let entry = self.entry(&theirs).cloned();
        let entry = entry.ok_or_else(|| self.fault(&theirs, "is missing"))?;
        if entry.shape != shape {
            return Err(wrong_shape(&self.path, &theirs, &entry.shape, shape));
        }
        self.file(&theirs)?.numbers_of(&theirs)?;
        Ok((theirs, entry))
    }

    fn load(&mut self, name: &str, shape: &[usize]) -> Result<(Tensor, GgmlDType)> {
        let (theirs, entry) = self.expected(name, shape)?;
        let mut numbers = self.file(&theirs)?.read(&theirs)?;
        if entry.numbers() == Some(DType::F8E4M3) {
            let (scales, factors_shape) = self.scales_of(name)?;
            let factors = self.file(&scales)?.read(&scales)?;
            let scaled = fp8::scale(&mut numbers, shape, (&factors, &factors_shape), self.block);
            scaled.map_err(|problem| self.fault(&scales, problem))?;
        }
        self.read.insert(name.to_owned());
        let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu);
        let tensor = tensor.map_err(|error| self.fault(&theirs, plain(&error)))?;
        Ok((tensor, in_gguf(&entry)))
    }

    /// Returns the name in the files and the shape of the scales of a matrix of 8-bit floats. They count
    /// as read.
    fn scales_of(&mut self, name: &str) -> Result<(String, Vec<usize>)> {
        let mut scales = SCALES.iter().map(|end| format!("{name}{end}"));
        let Some(scales) = scales.find(|scales| self.names.contains_key(scales)) else {
            let name = self.name_in_files(name);
            return Err(self.fault(&name, "has 8-bit floats without a `weight_scale`"));
        };
        let theirs = self.names.get(&scales).cloned().unwrap_or_default();
        let shape = self.entry(&theirs).map(|entry| entry.shape.clone());
        self.file(&theirs)?.numbers_of(&theirs)?;
        self.read.insert(scales);
        // Other programs round activations with it. Here they stay exact.
        if let Some(stem) = name.strip_suffix(".weight") {
            self.read.insert(format!("{stem}.input_scale"));
        }
        Ok((theirs, shape.unwrap_or_default()))
    }
}

/// Returns the GGUF type of the numbers after they were read.
fn in_gguf(entry: &Entry) -> GgmlDType {
    match entry.numbers() {
        Some(DType::F16) => GgmlDType::F16,
        Some(DType::BF16) => GgmlDType::BF16,
        _ => GgmlDType::F32,
    }
}

impl Weights for Safetensors {
    fn path(&self) -> &Path {
        &self.path
    }

    fn length(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    fn name_in_files(&self, name: &str) -> String {
        match self.names.get(name) {
            Some(theirs) => theirs.clone(),
            None => tensor_names::of_missing(name, &self.names),
        }
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let entry = self.entry(self.names.get(name)?)?;
        Some(entry.shape.clone())
    }

    fn expect(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        let (_, entry) = self.expected(name, shape)?;
        if entry.numbers() == Some(DType::F8E4M3) {
            self.scales_of(name)?;
        }
        self.read.insert(name.to_owned());
        Ok(())
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
            let entry = self.entry(theirs)?;
            let is_scale = SCALES.iter().any(|end| name.ends_with(end));
            (!is_scale).then(|| StoredTensor {
                name: name.clone(),
                dtype: in_gguf(entry),
                shape: entry.shape.clone(),
            })
        };
        self.names.iter().filter_map(stored).collect()
    }

    fn format(&self, name: &str) -> String {
        let theirs = self.names.get(name);
        let entry = theirs.and_then(|theirs| self.entry(theirs));
        entry.map_or_else(String::new, |entry| entry.dtype.to_lowercase())
    }

    fn unread(&self) -> Option<&str> {
        let mut names = self.names.iter();
        let unread = names.find(|(name, _)| !self.read.contains(*name));
        unread.map(|(_, theirs)| theirs.as_str())
    }
}
