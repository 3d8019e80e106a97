//! Embeds data in the page, and restricts what the page may do.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// Serializes to JSON that is safe within a page: its strings cannot contain `</script>`, a
/// comment or a line terminator of JavaScript.
///
/// # Errors
/// Fails if the value cannot be serialized.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // These occur only within strings.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Ok(safe)
}

/// Returns a content security policy that forbids loading and sending data, and allows only
/// this script.
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
