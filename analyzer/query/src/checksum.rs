//! Checksums of files and texts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Returns the SHA-256 of a file in hexadecimal. For a folder, it is computed from the names
/// and checksums of the model's files.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let io = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(io)?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| {
            file.extension()
                .is_some_and(|end| end == "safetensors" || end == "json")
        });
        files.sort();
        files.retain(|file| file.is_file());
        return sha256_of_files(&files);
    }
    let mut file = File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut block = vec![0_u8; 1 << 20];
    loop {
        match file.read(&mut block).map_err(io)? {
            0 => break,
            n => hash.update(&block[..n]),
        }
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// Returns the SHA-256 of the names and checksums of files that belong together.
///
/// # Errors
/// If one cannot be read.
pub fn sha256_of_files(files: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        hash.update(format!("{name}\0{}\n", sha256(file)?));
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// Returns the SHA-256 of bytes in hexadecimal.
pub fn sha256_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_a_folder_depends_on_its_model_files() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let hash = || sha256(folder.path()).unwrap();
        write("config.json", "{}");
        write("model.safetensors", "weights");
        let first = hash();
        write("README.md", "read me");
        assert_eq!(hash(), first);
        write("model.safetensors", "other weights");
        assert_ne!(hash(), first);
        write("model.safetensors", "weights");
        assert_eq!(hash(), first);
        std::fs::rename(
            folder.path().join("config.json"),
            folder.path().join("c.json"),
        )
        .unwrap();
        assert_ne!(hash(), first);
    }
}
