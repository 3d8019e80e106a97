//! A GGUF file in several parts, as llama.cpp's tool splits it.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content, Value};

/// Writes the tensors of a file in `count` parts into its folder, and returns their paths.
pub fn write(whole: &Path, count: usize) -> Vec<PathBuf> {
    let mut file = File::open(whole).unwrap();
    let content = Content::read(&mut file).unwrap();
    let mut names: Vec<&String> = content.tensor_infos.keys().collect();
    names.sort();
    let all = names.len();
    let part = |(at, names): (usize, &[&String])| {
        let tensors: Vec<_> = names
            .iter()
            .map(|name| content.tensor(&mut &file, name, &Device::Cpu).unwrap())
            .collect();
        let tensors: Vec<_> = names
            .iter()
            .zip(&tensors)
            .map(|(n, t)| (n.as_str(), t))
            .collect();
        let of_split = [
            ("split.count", Value::U16(count as u16)),
            ("split.no", Value::U16(at as u16)),
            ("split.tensors.count", Value::I32(all as i32)),
        ];
        let mut metadata: Vec<_> = of_split.iter().map(|(key, value)| (*key, value)).collect();
        if at == 0 {
            metadata.extend(
                content
                    .metadata
                    .iter()
                    .map(|(key, value)| (key.as_str(), value)),
            );
        }
        let path = whole.with_file_name(format!("m-{:05}-of-{count:05}.gguf", at + 1));
        let mut file = BufWriter::new(File::create(&path).unwrap());
        gguf_file::write(&mut file, &metadata, &tensors).unwrap();
        path
    };
    names
        .chunks(all.div_ceil(count))
        .enumerate()
        .map(part)
        .collect()
}
