//! The program to execute: whether it is there.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::escape;

/// Fails if the program is not found.
pub(super) fn find(program: &str) -> Result<()> {
    let path = Path::new(program);
    let is_there = match path.components().count() {
        0 => false,
        1 => {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&folders).any(|folder| is_file(&folder.join(path)))
        }
        _ => is_file(path),
    };
    is_there.then_some(()).ok_or_else(|| missing(program))
}

fn is_file(path: &Path) -> bool {
    path.is_file() || cfg!(windows) && path.with_extension("exe").is_file()
}

/// Returns the error of a program that is not there.
pub(super) fn missing(program: &str) -> Error {
    Error::NotExecuted {
        program: escape(program),
        what: "program not found; give its path, or add its folder to PATH".to_owned(),
        code: 127,
    }
}

/// Returns the error of a program that cannot be started.
pub(super) fn cannot(program: &str, error: &std::io::Error) -> Error {
    Error::NotExecuted {
        program: escape(program),
        what: format!("it cannot be started: {error}"),
        code: 126,
    }
}
