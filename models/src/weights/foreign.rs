//! Recognises files that are not of the kind of their name, by their first bytes.

use std::io::Read as _;
use std::path::Path;

use crate::error::{DOWNLOAD_AGAIN, Error, Result};
use crate::weights::regular_file;

/// Bytes that decide.
const START: usize = 64;

/// A kind of file that is not a model, settings or a tokenizer of the supported formats.
struct ForeignKind {
    /// What the file is, after "is".
    is: &'static str,
    /// The next step.
    next: &'static str,
    /// Whether the first bytes and the file's extension belong to it.
    fits: fn(&[u8], &str) -> bool,
}

const TO_SAFETENSORS: &str =
    "choose the model's safetensors or GGUF file, or save it again with safetensors";

const KINDS: [ForeignKind; 10] = [
    ForeignKind {
        is: "an empty file",
        next: DOWNLOAD_AGAIN,
        fits: |start, _| start.is_empty(),
    },
    ForeignKind {
        is: "a pointer of Git LFS, not the file itself",
        next: "run `git lfs pull` in its folder, or download the file",
        fits: |start, _| start.starts_with(b"version https://git-lfs"),
    },
    ForeignKind {
        is: "a web page",
        next: "download the file itself, not the page about it; a private file needs a login",
        fits: |start, _| {
            let text = String::from_utf8_lossy(start).trim_start().to_lowercase();
            text.starts_with("<!doctype html") || text.starts_with("<html")
        },
    },
    ForeignKind {
        is: "a file of ONNX",
        next: "choose the model's safetensors or GGUF file",
        fits: |_, extension| extension == "onnx",
    },
    ForeignKind {
        is: "a checkpoint of PyTorch",
        next: TO_SAFETENSORS,
        fits: |start, extension| {
            let is_of_torch = matches!(extension, "bin" | "pt" | "pth" | "ckpt");
            start.starts_with(b"\x80\x02") || (is_of_torch && start.starts_with(b"PK\x03\x04"))
        },
    },
    ForeignKind {
        is: "an archive",
        next: "unpack it and give the model inside",
        fits: |start, _| {
            let signs: [&[u8]; 3] = [b"PK\x03\x04", b"\x1f\x8b", b"\xfd7zXZ"];
            signs.iter().any(|sign| start.starts_with(sign))
        },
    },
    ForeignKind {
        is: "a GGML file of the format before GGUF",
        next: "convert the model again, or choose its GGUF file",
        fits: |start, _| {
            let signs: [&[u8]; 4] = [b"lmgg", b"fmgg", b"tjgg", b"algg"];
            signs.iter().any(|sign| start.starts_with(sign))
        },
    },
    ForeignKind {
        is: "a file of HDF5",
        next: TO_SAFETENSORS,
        fits: |start, _| start.starts_with(b"\x89HDF"),
    },
    ForeignKind {
        is: "a file of TensorFlow Lite",
        next: "choose the model's safetensors or GGUF file",
        fits: |start, _| start.get(4..8) == Some(b"TFL3"),
    },
    ForeignKind {
        is: "a GGUF file",
        next: "give its path with --model, and name it .gguf",
        fits: |start, extension| extension != "gguf" && start.starts_with(b"GGUF"),
    },
];

/// Refuses the contents of a file, of which `start` are the first bytes, if they are those of
/// another kind; `expected` names the part that should be there.
pub(crate) fn refuse(path: &Path, start: &[u8], expected: &str) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let extension = extension.to_lowercase();
    let start = &start[..start.len().min(START)];
    match KINDS.iter().find(|kind| (kind.fits)(start, &extension)) {
        Some(kind) => Err(Error::advise(
            path,
            expected,
            format!("is {}", kind.is),
            kind.next,
        )),
        None => Ok(()),
    }
}

/// Reads the first bytes of a file and refuses it as [`refuse`].
pub(crate) fn refuse_file(path: &Path, expected: &str) -> Result<()> {
    let file = regular_file::open(path, expected)?;
    let mut start = Vec::with_capacity(START);
    let read = file.take(START as u64).read_to_end(&mut start);
    read.map_err(|error| Error::io(path, error))?;
    refuse(path, &start, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_are_named() {
        for (file, start, named) in [
            ("a.gguf", &b""[..], "empty file"),
            (
                "a.gguf",
                b"version https://git-lfs.github.com/spec/v1\n",
                "Git LFS",
            ),
            ("config.json", b"\n<!DOCTYPE html><html>", "web page"),
            ("pytorch_model.bin", b"PK\x03\x04", "PyTorch"),
            ("model.pt", b"\x80\x02}q", "PyTorch"),
            ("model.onnx", b"\x08\x08\x12\x07", "ONNX"),
            ("model.zip", b"PK\x03\x04", "archive"),
            ("model.bin", b"tjgg\x03", "before GGUF"),
            ("model.safetensors", b"GGUF\x03", "GGUF"),
        ] {
            let error = refuse(Path::new(file), start, "file")
                .unwrap_err()
                .to_string();
            assert!(error.contains(named), "{file}: {error}");
        }
        for (file, start) in [("a.gguf", &b"GGUF\x03\0\0\0"[..]), ("config.json", b"{}")] {
            assert!(refuse(Path::new(file), start, "file").is_ok(), "{file}");
        }
    }
}
