//! Labels of frames: any recorded name, made fit for folded stacks, SVG and people.

use crate::format::{escape, shorten};

/// Longer names would fill the file, and no frame is so wide.
const LONGEST: usize = 256;

/// A label without control characters, separators of stacks, or space at its ends.
pub(crate) fn clean(name: &str) -> String {
    // Cut before anything else looks at it: a name may have a megabyte.
    let cut = shorten(name.trim(), LONGEST);
    let mut label = String::with_capacity(cut.len());
    for c in escape(&cut).chars() {
        match c {
            ';' => label.push(':'),
            c if is_private(c) => label.extend(c.escape_unicode()),
            c => label.push(c),
        }
    }
    match label.as_str() {
        "" => "(unnamed)".to_owned(),
        // A line that begins with it would be a comment.
        "#" => '#'.escape_unicode().to_string(),
        _ => label,
    }
}

/// Characters that XML does not have.
fn is_private(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Text for a title: one line that XML can hold, not longer than `most` characters.
pub(super) fn text(text: &str, most: usize) -> String {
    let shown: String = escape(&shorten(text, most));
    shown.chars().filter(|c| !is_private(*c)).collect()
}

/// With `space` in place of each space. Readers of folded stacks take a number after
/// a space for a count, so that `layer 3 1250` would be two counts, 3 and 1250.
pub(crate) fn spaced(label: &str, space: char) -> String {
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
        assert_eq!(clean(&"x".repeat(1 << 20)).chars().count(), LONGEST);
        assert_eq!(spaced("layer\u{a0}3 4", '_'), "layer_3_4");
    }
}
