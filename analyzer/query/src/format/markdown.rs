//! Tables and text for Markdown (GitHub's).

use super::alignment::left_aligned;

/// Escapes `text` for Markdown and HTML.
pub(super) fn escape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '@' => {
                plain.push('\\');
                plain.push(c);
            }
            c => plain.push(c),
        }
    }
    plain
}

/// Returns a table; text is left-aligned, numbers are right-aligned.
pub(super) fn table<T: AsRef<str>>(header: &[T], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let sides = left_aligned(rows, header.len()).into_iter();
    let sides = sides.map(|left| if left { ":--" } else { "--:" }.to_owned());
    let mut lines = vec![
        line(header.iter().map(|text| escape(text.as_ref())).collect()),
        line(sides.collect()),
    ];
    let row = |row: &Vec<String>| line(row.iter().map(|text| escape(text)).collect());
    lines.extend(rows.iter().map(row));
    // Without an empty line, following text would become a row.
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_cells() {
        let row = vec!["a|b<img>".to_owned(), "`1_2`".to_owned()];
        let expected = "| name | x |\n| :-- | :-- |\n| a\\|b&lt;img&gt; | \\`1\\_2\\` |\n";
        assert_eq!(table(&["name", "x"], &[row]), expected);
    }
}
