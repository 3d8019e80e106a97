//! Reads the prompt from a file.

use std::io::Read;
use std::path::Path;

use crate::error::Error;

/// Name of standard input.
const STDIN: &str = "-";

/// Reads the prompt from `path` or from standard input, without its last line break.
///
/// # Errors
/// If it cannot be read or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let result = match path.as_os_str() == STDIN {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => std::fs::read(path).map(|read| bytes = read),
    };
    let path = path.to_owned();
    result.map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Error::Input {
        path,
        message: "the prompt is not UTF-8; convert the file, for example with iconv".to_owned(),
    })?;
    Ok(without_line_break(text))
}

fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_is_removed() {
        for (text, prompt) in [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("", ""),
        ] {
            assert_eq!(without_line_break(text.to_owned()), prompt);
        }
    }
}
