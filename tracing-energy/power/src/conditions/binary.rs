//! The hash of the program's executable file, read in pieces.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// Bytes hashed between two calls of `go_on`: a millisecond or two of work.
const PIECE: usize = 1 << 20;
/// Larger files are not hashed.
const LIMIT: u64 = 1 << 30;

/// Cached, because the executable of a running program does not change.
static OWN: OnceLock<String> = OnceLock::new();

/// Returns the SHA-256 of this program's executable in hexadecimal. `go_on` is called after
/// each piece with the time that it took; it may sleep, or return false to cancel. `None` if
/// cancelled, or if the file is unreadable or larger than 1 GiB.
pub(super) fn own_sha256(go_on: impl FnMut(Duration) -> bool) -> Option<String> {
    if let Some(known) = OWN.get() {
        return Some(known.clone());
    }
    let file = File::open(own_path()?).ok()?;
    let hash = sha256(file, LIMIT, go_on)?;
    Some(OWN.get_or_init(|| hash).clone())
}

/// On Linux the link to the running file, even if it was replaced or renamed.
fn own_path() -> Option<PathBuf> {
    if cfg!(target_os = "linux") {
        return Some("/proc/self/exe".into());
    }
    std::env::current_exe().ok()
}

fn sha256(mut file: File, limit: u64, mut go_on: impl FnMut(Duration) -> bool) -> Option<String> {
    if file.metadata().ok()?.len() > limit {
        return None;
    }
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let begin = Instant::now();
        let length = file.read(&mut piece).ok()?;
        if length == 0 {
            break;
        }
        hash.update(&piece[..length]);
        if !go_on(begin.elapsed()) {
            return None;
        }
    }
    let bytes = hash.finalize();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> File {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, bytes).unwrap();
        File::open(path).unwrap()
    }

    #[test]
    fn known_answers() {
        let hash = |bytes: &[u8]| sha256(file(bytes), LIMIT, |_| true).unwrap();
        assert_eq!(
            hash(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let million = vec![b'a'; 1_000_000];
        assert_eq!(
            hash(&million),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    #[test]
    fn pieces_give_the_hash_of_the_whole() {
        let bytes: Vec<u8> = (0..PIECE * 2 + 17).map(|at| (at * 31) as u8).collect();
        let mut pieces = 0;
        let count = |_| {
            pieces += 1;
            true
        };
        let streamed = sha256(file(&bytes), LIMIT, count).unwrap();
        let whole = Sha256::digest(&bytes);
        let whole: String = whole.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(streamed, whole);
        assert!(pieces >= 3, "{pieces} pieces");
    }

    #[test]
    fn it_stops_when_cancelled_and_at_the_limit() {
        assert_eq!(sha256(file(&[0; 100]), LIMIT, |_| false), None);
        assert_eq!(sha256(file(&[0; 100]), 99, |_| true), None);
        assert!(sha256(file(&[0; 100]), 100, |_| true).is_some());
    }
}
