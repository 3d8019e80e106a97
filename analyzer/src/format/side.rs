//! Words stand to the left in their column, figures to the right.

use super::UNKNOWN;

/// Whether each of `columns` columns stands to the left: the first one, and those with
/// few figures among their words.
pub(super) fn stand_left(rows: &[Vec<String>], columns: usize) -> Vec<bool> {
    let is_left = |at: usize| {
        let figures = cells(rows, at).filter(|cell| is_figure(cell)).count();
        at == 0 || words(rows, at).count() > 3 * figures
    };
    (0..columns).map(is_left).collect()
}

/// Whether column `at` is the first one or has words in it.
pub(super) fn has_words(rows: &[Vec<String>], at: usize) -> bool {
    at == 0 || words(rows, at).next().is_some()
}

fn words(rows: &[Vec<String>], at: usize) -> impl Iterator<Item = &str> {
    cells(rows, at).filter(|cell| !is_unknown(cell) && !is_figure(cell))
}

fn cells(rows: &[Vec<String>], at: usize) -> impl Iterator<Item = &str> {
    rows.iter()
        .filter_map(move |row| Some(row.get(at)?.as_str()))
}

fn is_unknown(cell: &str) -> bool {
    cell.is_empty() || cell == UNKNOWN
}

/// Whether it begins with a number.
fn is_figure(cell: &str) -> bool {
    let unsigned = cell.trim_start_matches(['+', '-', '<', '>', '~', '(', '[', ' ']);
    unsigned.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_outnumber_figures_by_far_decide_and_unknown_ones_do_not() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["1", "2.5 W", "cpu", UNKNOWN]),
            row(["2", UNKNOWN, "gpu", "+3.1 %"]),
            row(["3", "(total)", "ane", UNKNOWN]),
            row(["4", "7.1 W", "2nd", "-2 %"]),
            row(["5", "7.2 W", "dram", "-2 %"]),
        ];
        assert_eq!(stand_left(&rows, 4), [true, false, true, false]);
        assert_eq!([1, 3].map(|at| has_words(&rows, at)), [true, false]);
        assert_eq!(stand_left(&[], 2), [true, false]);
    }
}
