//! Words stand to the left in their column, figures to the right.

use super::UNKNOWN;

/// Whether each of `columns` columns stands to the left: the first one, and every one
/// with words in it.
pub(super) fn stand_left(rows: &[Vec<String>], columns: usize) -> Vec<bool> {
    let is_words = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.into_iter().any(|cell| !is_figure(cell))
    };
    (0..columns).map(|at| at == 0 || is_words(at)).collect()
}

/// Whether it is empty, not known, or begins with a number.
fn is_figure(cell: &str) -> bool {
    let unsigned = cell.trim_start_matches(['+', '-', '<', '>', '~', '(', '[', ' ']);
    cell.is_empty() || cell == UNKNOWN || unsigned.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_with_a_word_is_of_words() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["1", "2.5 W", "cpu", UNKNOWN]),
            row(["2", UNKNOWN, "7", "+3.1 %"]),
        ];
        assert_eq!(stand_left(&rows, 4), [true, false, true, false]);
        assert_eq!(stand_left(&[], 2), [true, false]);
    }
}
