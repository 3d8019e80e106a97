//! Writes a folder as a tar archive (POSIX ustar).

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

const BLOCK: usize = 512;

/// Writes the files in `folder` and its subfolders.
///
/// # Errors
/// If a file cannot be read, its name is too long for the format, or `out` cannot be written.
pub(super) fn write_folder(folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut names = Vec::new();
    collect(folder, "", &mut names)?;
    names.sort();
    for name in &names {
        let mut file = File::open(folder.join(name))?;
        let length = file.metadata()?.len();
        out.write_all(&header(name, length)?)?;
        let copied = io::copy(&mut file, out)?;
        if copied != length {
            return Err(io::Error::other("a file changed while it was archived"));
        }
        let rest = usize::try_from(length % BLOCK as u64).unwrap_or(0);
        if rest > 0 {
            out.write_all(&[0; BLOCK][rest..])?;
        }
    }
    out.write_all(&[0; 2 * BLOCK])
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), names)?,
            false => names.push(name),
        }
    }
    Ok(())
}

/// Returns the header of a file.
fn header(name: &str, length: u64) -> io::Result<[u8; BLOCK]> {
    let mut header = [0; BLOCK];
    let (prefix, name) = split(name)?;
    put(&mut header, 0, name.as_bytes());
    put(&mut header, 100, b"0000600\0");
    put(&mut header, 108, b"0000000\0");
    put(&mut header, 116, b"0000000\0");
    match length < 1 << 33 {
        true => put(&mut header, 124, format!("{length:011o}\0").as_bytes()),
        // Larger numbers are binary, with the first bit set.
        false => {
            header[124] = 0x80;
            put(&mut header, 128, &length.to_be_bytes());
        }
    }
    put(&mut header, 136, b"00000000000\0");
    put(&mut header, 148, b"        ");
    header[156] = b'0';
    put(&mut header, 257, b"ustar\x0000");
    put(&mut header, 345, prefix.as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

/// Splits a path into a prefix of at most 155 and a name of at most 100 bytes.
fn split(path: &str) -> io::Result<(&str, &str)> {
    if path.len() <= 100 {
        return Ok(("", path));
    }
    let fits = |at: &usize| *at <= 155 && path.len() - at - 1 <= 100;
    let at = path.match_indices('/').map(|(at, _)| at).find(fits);
    at.map(|at| (&path[..at], &path[at + 1..]))
        .ok_or_else(|| io::Error::other(format!("the name {path} is too long for an archive")))
}

fn put(header: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    header[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let deep = "d".repeat(90);
        std::fs::create_dir_all(from.join(&deep)).unwrap();
        std::fs::create_dir_all(&to).unwrap();
        let files = [
            ("a.csv".to_owned(), vec![b'a'; 512]),
            ("empty".to_owned(), Vec::new()),
            (format!("{deep}/b.csv"), vec![b'b'; 1000]),
        ];
        for (name, content) in &files {
            std::fs::write(from.join(name), content).unwrap();
        }
        let mut archive = Vec::new();
        write_folder(&from, &mut archive).unwrap();
        assert_eq!(archive.len() % BLOCK, 0);
        let path = folder.path().join("a.tar");
        std::fs::write(&path, archive).unwrap();
        let tar = std::process::Command::new("tar")
            .arg("-xf")
            .arg(&path)
            .arg("-C")
            .arg(&to)
            .status();
        if !tar.is_ok_and(|status| status.success()) {
            panic!("tar cannot read the archive");
        }
        for (name, content) in &files {
            assert_eq!(&std::fs::read(to.join(name)).unwrap(), content, "{name}");
        }
    }
}
