//! Alignment of table columns: text to the left, numbers to the right.

use super::UNKNOWN;

/// Returns whether each of `columns` columns is left-aligned: the first one, and those with
/// few numbers among their texts.
pub(super) fn left_aligned(rows: &[Vec<String>], columns: usize) -> Vec<bool> {
    let is_left = |at: usize| {
        let numbers = cells(rows, at).filter(|cell| is_number(cell)).count();
        at == 0 || words(rows, at).count() > 3 * numbers
    };
    (0..columns).map(is_left).collect()
}

/// Returns whether column `at` is the first one or contains text.
pub(super) fn has_words(rows: &[Vec<String>], at: usize) -> bool {
    at == 0 || words(rows, at).next().is_some()
}

fn words(rows: &[Vec<String>], at: usize) -> impl Iterator<Item = &str> {
    cells(rows, at).filter(|cell| !is_unknown(cell) && !is_number(cell))
}

fn cells(rows: &[Vec<String>], at: usize) -> impl Iterator<Item = &str> {
    rows.iter()
        .filter_map(move |row| Some(row.get(at)?.as_str()))
}

fn is_unknown(cell: &str) -> bool {
    cell.is_empty() || cell == UNKNOWN
}

/// Returns whether it starts with a number.
fn is_number(cell: &str) -> bool {
    let unsigned = cell.trim_start_matches(['+', '-', '<', '>', '~', '(', '[', ' ']);
    unsigned.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_left_aligned_if_text_clearly_outnumbers_numbers() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["1", "2.5 W", "cpu", UNKNOWN]),
            row(["2", UNKNOWN, "gpu", "+3.1 %"]),
            row(["3", "(total)", "ane", UNKNOWN]),
            row(["4", "7.1 W", "2nd", "-2 %"]),
            row(["5", "7.2 W", "dram", "-2 %"]),
        ];
        assert_eq!(left_aligned(&rows, 4), [true, false, true, false]);
        assert_eq!([1, 3].map(|at| has_words(&rows, at)), [true, false]);
        assert_eq!(left_aligned(&[], 2), [true, false]);
    }
}
