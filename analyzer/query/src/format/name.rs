//! Escaping and shortening of recorded names: prompts, span names, host names.

/// Escapes control characters, so that a recorded name cannot move the cursor or change
/// colours of the terminal.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_unsafe(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Returns whether a character controls the terminal instead of being displayed.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Returns whether a character changes the direction or position of others.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Shortens `text` to at most `width` characters, with an ellipsis if it was cut.
pub fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Shortens a path of labels to at most `width` characters. It keeps the end, which is most
/// specific, and the label below the root and the last one with a number, which distinguish
/// equal ends: `decode … layer 3 … up_proj`.
pub fn shorten_path(path: &str, width: usize) -> String {
    let labels: Vec<&str> = path.split(" > ").collect();
    let fits = |text: &String| text.chars().count() <= width;
    if labels.len() == 1 || fits(&path.to_owned()) {
        return shorten(path, width);
    }
    let end = |from: usize| labels[from..].join(" > ");
    let has_number = |label: &&&str| label.contains(|c: char| c.is_ascii_digit());
    let with_number = |from: usize| {
        let number = labels[2..from].iter().rev().find(has_number);
        let number = number.map_or(String::new(), |number| format!("{number} … "));
        format!("{} … {number}{}", labels[1], end(from))
    };
    let with_second = |from: usize| format!("{} … {}", labels[1], end(from));
    let without = |from: usize| format!("… {}", end(from));
    let cut = (3..labels.len()).map(with_number).find(fits);
    let cut = cut.or_else(|| (3..labels.len()).map(with_second).find(fits));
    let cut = cut.or_else(|| (1..labels.len()).map(without).find(fits));
    cut.unwrap_or_else(|| shorten(labels[labels.len() - 1], width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape("a\x1b[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert_eq!(escape("\u{202e}abc\u{9b}"), "\\u{202e}abc\\u{9b}");
        assert_eq!(escape("Grüße 日本"), "Grüße 日本");
    }

    #[test]
    fn a_shortened_path_keeps_its_end_and_the_label_below_its_root() {
        let path = "inference > decode > token > layer > mlp > up_proj";
        assert_eq!(shorten_path(path, 60), path);
        assert_eq!(shorten_path(path, 32), "decode … layer > mlp > up_proj");
        assert_eq!(shorten_path(path, 24), "decode … mlp > up_proj");
        assert_eq!(shorten_path(path, 20), "decode … up_proj");
        assert_eq!(shorten_path(path, 12), "… up_proj");
        assert_eq!(shorten_path(path, 5), "up_p…");
        assert_eq!(shorten_path("run > decode > a", 9), "… a");
        let path = "inference > decode > token > layers > layer 3 > mlp > up_proj";
        assert_eq!(shorten_path(path, 30), "decode … layer 3 … up_proj");
        assert_eq!(shorten_path(path, 36), "decode … layer 3 > mlp > up_proj");
        assert_eq!(shorten_path(path, 20), "decode … up_proj");
        assert_eq!(shorten_path("alone", 3), "al…");
    }

    #[test]
    fn shortening_counts_characters() {
        assert_eq!(shorten("Grüße", 5), "Grüße");
        assert_eq!(shorten("Grüße!", 5), "Grüß…");
    }
}
