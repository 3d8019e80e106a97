//! Fits text and tables to a width.

use super::alignment::has_words;
use super::{shorten, shorten_path};

/// Characters between columns, and after the last one.
const GAP: usize = 2;
const END: usize = 1;
/// Minimum width of a text column.
const LEAST_WORDS: usize = 12;
/// Minimum number of columns of a table.
const LEAST_COLUMNS: usize = 2;

/// Wraps `text` to at most `max_lines` lines of `width` characters, if possible between
/// words. Lines after the first start with `indent` spaces. Excess text is replaced by an
/// ellipsis.
pub(super) fn wrap(text: &str, indent: usize, width: usize, max_lines: usize) -> String {
    let width = width.max(indent + LEAST_WORDS);
    let (mut lines, mut rest) = (Vec::new(), text.to_owned());
    while rest.chars().count() > width && lines.len() + 1 < max_lines {
        let at = break_at(&rest, width, indent);
        let after = rest.split_off(at);
        lines.push(rest.trim_end().to_owned());
        rest = " ".repeat(indent) + after.trim_start();
    }
    lines.push(shorten(&rest, width));
    lines.join("\n")
}

/// Returns the byte index at which to break a line that is too long: the last space after
/// the indent, else the width.
fn break_at(line: &str, width: usize, indent: usize) -> usize {
    let end = line
        .char_indices()
        .nth(width)
        .map_or(line.len(), |(at, _)| at);
    let next_is_space = line[end..].starts_with(' ');
    let space = line[..end].rfind(' ').filter(|_| !next_is_space);
    space.filter(|at| *at > indent).unwrap_or(end)
}

/// A table whose lines fit the width.
#[derive(Debug, PartialEq)]
pub(super) struct FittedTable {
    /// Headings of the kept columns.
    pub(super) header: Vec<String>,
    /// Their cells.
    pub(super) rows: Vec<Vec<String>>,
    /// Number of dropped columns.
    pub(super) dropped: usize,
}

/// Shortens text columns, widest first. If that is not enough, drops columns from the right.
/// Numbers are never cut, because a cut number is wrong.
pub(super) fn table<T: AsRef<str>>(
    header: &[T],
    rows: &[Vec<String>],
    width: usize,
) -> FittedTable {
    let mut fitted = FittedTable {
        header: header.iter().map(|text| text.as_ref().to_owned()).collect(),
        rows: rows.to_vec(),
        dropped: 0,
    };
    while fitted.width() > width && !fitted.cut_words(width) {
        if fitted.header.len() <= LEAST_COLUMNS {
            break;
        }
        fitted.header.pop();
        let left = fitted.header.len();
        fitted.rows.iter_mut().for_each(|row| row.truncate(left));
        fitted.dropped += 1;
    }
    fitted
}

impl FittedTable {
    fn width(&self) -> usize {
        let columns = 0..self.header.len();
        let columns = columns.map(|at| self.width_of(at) + GAP).sum::<usize>();
        columns.saturating_sub(GAP - END)
    }

    fn width_of(&self, at: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(at));
        let cells = cells.chain(self.header.get(at));
        cells.map(|text| text.chars().count()).max().unwrap_or(0)
    }

    /// Shortens text columns until the table fits. Returns `false` without changes if it
    /// cannot fit.
    fn cut_words(&mut self, width: usize) -> bool {
        let mut widths: Vec<usize> = (0..self.header.len()).map(|at| self.width_of(at)).collect();
        let words = 0..widths.len();
        let words: Vec<usize> = words.filter(|at| has_words(&self.rows, *at)).collect();
        let gaps = GAP * widths.len().saturating_sub(1) + END;
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        while over > 0 {
            let widest = words.iter().copied().max_by_key(|at| widths[*at]);
            let Some(widest) = widest.filter(|at| widths[*at] > LEAST_WORDS) else {
                return false;
            };
            widths[widest] -= 1;
            over -= 1;
        }
        for at in words {
            let width = widths[at];
            let cells = self.rows.iter_mut().filter_map(|row| row.get_mut(at));
            for cell in cells.chain(self.header.get_mut(at)) {
                *cell = shorten_path(cell, width);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = "  name  one two three four five";
        assert_eq!(
            wrap(text, 8, 20, 9),
            "  name  one two\n        three four\n        five"
        );
        assert_eq!(
            wrap(text, 8, 20, 2),
            "  name  one two\n        three four …"
        );
        assert_eq!(
            wrap("abcdefghijklmnopqrst", 0, 12, 9),
            "abcdefghijkl\nmnopqrst"
        );
    }

    #[test]
    fn text_columns_are_shortened_and_number_columns_are_dropped() {
        let header = ["name", "energy", "power"];
        let rows = vec![vec![
            "a long name of a thing".into(),
            "1.000 J".into(),
            "2.000 W".into(),
        ]];
        let wide = table(&header, &rows, 80);
        assert_eq!(
            (wide.dropped, wide.rows[0][0].as_str()),
            (0, "a long name of a thing")
        );
        let cut = table(&header, &rows, 32);
        assert_eq!(
            (cut.dropped, cut.rows[0].join("|").as_str()),
            (0, "a long name …|1.000 J|2.000 W")
        );
        let narrow = table(&header, &rows, 24);
        assert_eq!(
            (narrow.dropped, narrow.rows[0].join("|").as_str()),
            (1, "a long name o…|1.000 J")
        );
    }

    proptest! {
        #[test]
        fn every_line_fits_and_no_letter_is_lost(text in "[a-z ]{0,200}", width in 20_usize..60) {
            let wrapped = wrap(&text, 4, width, usize::MAX);
            prop_assert!(wrapped.lines().all(|line| line.chars().count() <= width));
            let letters = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(letters(&wrapped), letters(&text));
        }
    }
}
