//! Cleans recorded names for use as labels in folded stacks, SVG and text.

use super::{escape, shorten};

/// Maximum length of a label in characters; no frame is wide enough for longer ones.
const MAX_LENGTH: usize = 256;

/// Returns a label without control characters, stack separators, and surrounding space.
pub fn clean(name: &str) -> String {
    // Shortened first: a name may have a megabyte.
    let cut = shorten(name.trim(), MAX_LENGTH);
    let mut label = String::with_capacity(cut.len());
    for c in escape(&cut).chars() {
        match c {
            ';' => label.push(':'),
            c if is_invalid_xml(c) => label.extend(c.escape_unicode()),
            c => label.push(c),
        }
    }
    match label.as_str() {
        "" => "(unnamed)".to_owned(),
        // A folded line that starts with `#` would be a comment.
        "#" => '#'.escape_unicode().to_string(),
        _ => label,
    }
}

/// Returns whether XML does not allow a character.
fn is_invalid_xml(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Returns text for a title: one line of valid XML of at most `most` characters.
pub fn text(text: &str, most: usize) -> String {
    let shown: String = escape(&shorten(text, most));
    shown.chars().filter(|c| !is_invalid_xml(*c)).collect()
}

/// Replaces each space by `space`. Parsers of folded stacks treat a number after a space as a
/// count, so `layer 3 1250` would have two counts, 3 and 1250.
pub fn spaced(label: &str, space: char) -> String {
    let replace = |c: char| if c.is_whitespace() { space } else { c };
    label.chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_one_frame_of_one_line() {
        assert_eq!(clean("layer 3"), "layer 3");
        assert_eq!(clean("a;b\nc\x1b[0m"), "a:b\\nc\\u{1b}[0m");
        assert_eq!(clean(" \u{3000}"), "(unnamed)");
        assert_eq!(clean("#"), "\\u{23}");
        assert_eq!(clean("a\u{ffff}"), "a\\u{ffff}");
        assert_eq!(clean(&"x".repeat(1 << 20)).chars().count(), MAX_LENGTH);
        assert_eq!(spaced("layer\u{a0}3 4", '_'), "layer_3_4");
    }
}
