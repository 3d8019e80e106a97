//! Text inside of `<script>`, and what the page may do.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// As JSON that a page can hold: whatever is in its strings, no `</script>`, comment or
/// line end of JavaScript is among it.
///
/// # Errors
/// When the value has no JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // These stand in strings only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Ok(safe)
}

/// A policy under which the page loads nothing, sends nothing and runs this script only.
pub(super) fn policy(script: &str) -> String {
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(script.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_cannot_end_the_script() {
        let text = json(&["</script><!--&\u{2028}\"\\"]).unwrap();
        assert_eq!(
            text,
            "[\"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\\\"\\\\\"]"
        );
        let back: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, ["</script><!--&\u{2028}\"\\"]);
    }
}
