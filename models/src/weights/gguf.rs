//! A model in one GGUF file, or in several parts, with checked headers.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::{QTensor, gguf_file};
use gguf_file::{Content, TensorInfo, Value};

use crate::error::{Error, Result};
use crate::weights::gguf_parts::{PartName, parts};
use crate::weights::precision;
use crate::weights::stored::{StoredTensor, Weights, plain, wrong_shape};
use crate::weights::{foreign, header, regular_file};

/// An open model with sound headers: every tensor lies inside of its file and none overlaps
/// another.
pub(crate) struct Gguf {
    /// The file that was named.
    path: PathBuf,
    /// In order; the first has the metadata.
    parts: Vec<Part>,
    /// Part of each tensor.
    places: HashMap<String, usize>,
    /// Names of tensors that were read.
    read: HashSet<String>,
}

/// An open file.
struct Part {
    path: PathBuf,
    length: u64,
    content: Content,
    reader: BufReader<File>,
}

impl Gguf {
    /// Opens a file and all parts of the same model, and checks their headers.
    ///
    /// # Errors
    /// One that names the file, the part at fault and the next step.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let named = Part::open(path)?;
        let parts = match named.count("split.count")? {
            None | Some(0 | 1) => vec![named],
            Some(count) => all_parts(named, count)?,
        };
        let mut places = HashMap::new();
        for (number, part) in parts.iter().enumerate() {
            for name in part.content.tensor_infos.keys() {
                if let Some(other) = places.insert(name.clone(), number) {
                    let problem = format!("is in part {}, too", other + 1);
                    return Err(part.fault(format!("tensor `{name}`"), problem));
                }
            }
        }
        Ok(Self {
            path: path.to_owned(),
            parts,
            places,
            read: HashSet::new(),
        })
    }

    /// All metadata.
    pub(crate) fn metadata(&self) -> &HashMap<String, Value> {
        static NONE: std::sync::LazyLock<HashMap<String, Value>> =
            std::sync::LazyLock::new(HashMap::new);
        let first = self.parts.first();
        first.map_or(&*NONE, |part| &part.content.metadata)
    }

    /// Returns the dimensions of a tensor, outermost first.
    pub(crate) fn dims(&self, name: &str) -> Result<&[usize]> {
        let missing = || self.fault(format!("tensor `{name}`"), "is missing");
        let info = self.info(name).ok_or_else(missing)?;
        Ok(info.shape.dims())
    }

    fn info(&self, name: &str) -> Option<&TensorInfo> {
        let part = self.parts.get(*self.places.get(name)?)?;
        part.content.tensor_infos.get(name)
    }

    fn infos(&self) -> impl Iterator<Item = (&String, &TensorInfo)> {
        let parts = self.parts.iter();
        parts.flat_map(|part| &part.content.tensor_infos)
    }

    /// An error about this file.
    pub(crate) fn fault(&self, thing: impl Into<String>, problem: impl ToString) -> Error {
        Error::file(&self.path, thing, problem)
    }
}

/// Opens the other parts of a model; its file `named` declares `count` parts.
fn all_parts(named: Part, count: usize) -> Result<Vec<Part>> {
    let key = "metadata `split.count`";
    let name = named.path.file_name().and_then(|name| name.to_str());
    let has_name = name.and_then(PartName::parse);
    if has_name.is_none_or(|name| name.count != count) {
        let problem = format!("declares {count} parts, which the file's name does not");
        let next = "give the parts their names again, NAME-00001-of-0000N.gguf, in one folder";
        return Err(Error::advise(&named.path, key, problem, next));
    }
    let paths = parts(&named.path);
    if let Some(path) = paths.iter().find(|path| !path.is_file()) {
        let thing = format!("one of the {count} parts of the model");
        let next = "put all parts into one folder";
        return Err(Error::advise(path, thing, "is missing", next));
    }
    let parts: Vec<Part> = paths
        .iter()
        .map(|path| Part::open(path))
        .collect::<Result<_>>()?;
    for (number, part) in parts.iter().enumerate() {
        if part.count("split.count")? != Some(count) {
            return Err(part.fault(key, format!("is not {count} as in the other parts")));
        }
        if part.count("split.no")? != Some(number) {
            let problem = format!("is not {number}, which its name requires");
            return Err(part.fault("metadata `split.no`", problem));
        }
    }
    let tensors: usize = parts
        .iter()
        .map(|part| part.content.tensor_infos.len())
        .sum();
    let key = "split.tensors.count";
    match named.count(key)?.filter(|declared| *declared != tensors) {
        Some(declared) => {
            let problem = format!("is {declared}, but the parts hold {tensors} tensors");
            Err(named.fault(format!("metadata `{key}`"), problem))
        }
        None => Ok(parts),
    }
}

impl Part {
    fn open(path: &Path) -> Result<Self> {
        foreign::refuse_file(path, "GGUF file")?;
        let file = regular_file::open(path, "model")?;
        let meta = file.metadata().map_err(|error| Error::io(path, error))?;
        let mut reader = BufReader::new(file);
        let content = read_header(path, &mut reader, meta.len())?;
        let part = Self {
            path: path.to_owned(),
            length: meta.len(),
            content,
            reader,
        };
        part.check_tensors()?;
        Ok(part)
    }

    fn fault(&self, thing: impl Into<String>, problem: impl ToString) -> Error {
        Error::file(&self.path, thing, problem)
    }

    /// Returns a number of the metadata; `None` if it is not there.
    fn count(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.content.metadata.get(key) else {
            return Ok(None);
        };
        // Converters store some of these as signed numbers.
        let number = match value {
            Value::I32(number) => u64::try_from(*number).ok(),
            value => value.to_u64().ok(),
        };
        let number = number.and_then(|number| usize::try_from(number).ok());
        let wrong = || self.fault(format!("metadata `{key}`"), "is not a number of 0 or more");
        number.map(Some).ok_or_else(wrong)
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
        self.parts.iter().map(|part| part.length).sum()
    }

    fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.dims(name).ok().map(<[usize]>::to_vec)
    }

    fn expect(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        let found = self.dims(name)?;
        if found != shape {
            return Err(wrong_shape(&self.path, name, found, shape));
        }
        self.read.insert(name.to_owned());
        Ok(())
    }

    fn tensor(&mut self, name: &str, shape: &[usize], device: &Device) -> Result<QTensor> {
        self.expect(name, shape)?;
        let place = self.places.get(name).copied().unwrap_or_default();
        let Some(part) = self.parts.get_mut(place) else {
            return Err(self.fault(format!("tensor `{name}`"), "is missing"));
        };
        let tensor = part.content.tensor(&mut part.reader, name, device);
        tensor.map_err(|error| part.fault(format!("tensor `{name}`"), plain(&error)))
    }

    fn tensors(&self) -> Vec<StoredTensor> {
        let stored = |(name, info): (&String, &TensorInfo)| StoredTensor {
            name: name.clone(),
            dtype: info.ggml_dtype,
            shape: info.shape.dims().to_vec(),
        };
        self.infos().map(stored).collect()
    }

    fn format(&self, name: &str) -> String {
        let info = self.info(name);
        info.map_or_else(String::new, |info| precision::name(info.ggml_dtype))
    }

    fn unread(&self) -> Option<&str> {
        let unread = self.places.keys().filter(|name| !self.read.contains(*name));
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
    let fault =
        |fault: header::HeaderFault| Error::advise(path, "GGUF header", fault.problem, fault.next);
    header::check(reader, length).map_err(fault)?;
    reader.rewind().map_err(|error| Error::io(path, error))?;
    Content::read(reader).map_err(|error| fault(plain(&error).into()))
}
