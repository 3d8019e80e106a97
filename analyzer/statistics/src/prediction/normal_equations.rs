//! Normal equations of few terms, and their non-negative solution.

use nalgebra::{SMatrix, SymmetricEigen};

use super::energy_model::{TERMS, Terms};

/// Eigenvalues below this share of the largest count as zero.
const RANK_TOLERANCE: f64 = 1e-10;
/// Squared share of a vector outside of the row space that counts as rounding.
const OUTSIDE_TOLERANCE: f64 = 1e-10;
/// Gradients below this share of the moments are rounding.
const GRADIENT_TOLERANCE: f64 = 1e-12;
/// Maximum number of changes of the set of positive coefficients.
const MAX_CHANGES: usize = 100;

type Square = SMatrix<f64, TERMS, TERMS>;

/// Sums over rows `(x, z)` of `x x'` and `x z`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NormalEquations {
    gram: Square,
    moment: Terms,
}

impl NormalEquations {
    /// Sums rows.
    pub(super) fn of(rows: &[(Terms, f64)]) -> Self {
        let mut sums = Self {
            gram: Square::zeros(),
            moment: Terms::zeros(),
        };
        for (x, z) in rows {
            sums.gram += x * x.transpose();
            sums.moment += x * *z;
        }
        sums
    }

    /// Returns the sums without one row.
    pub(super) fn without(&self, (x, z): &(Terms, f64)) -> Self {
        Self {
            gram: self.gram - x * x.transpose(),
            moment: self.moment - x * *z,
        }
    }

    /// Returns the non-negative coefficients with the least squares (Lawson and Hanson 1974).
    pub(super) fn non_negative(&self) -> Terms {
        let mut solution = Terms::zeros();
        let (mut positive, mut blocked) = ([false; TERMS], [false; TERMS]);
        let tolerance = GRADIENT_TOLERANCE * self.moment.amax();
        for _ in 0..MAX_CHANGES {
            let gradient = self.moment - self.gram * solution;
            let free = (0..TERMS).filter(|at| !positive[*at] && !blocked[*at]);
            let steepest = free.max_by(|a, b| gradient[*a].total_cmp(&gradient[*b]));
            let Some(entering) = steepest.filter(|at| gradient[*at] > tolerance) else {
                break;
            };
            positive[entering] = true;
            match self.descend(solution, &mut positive) {
                Some((next, is_reduced)) => {
                    solution = next;
                    if is_reduced {
                        blocked = [false; TERMS];
                        // A coefficient that leaves at once would enter again.
                        blocked[entering] = !positive[entering];
                    }
                }
                None => {
                    positive[entering] = false;
                    blocked[entering] = true;
                }
            }
        }
        solution
    }

    /// Moves to the least squares of the positive coefficients, and removes those that would become
    /// negative on the way. Returns whether some were removed; `None` if they are dependent.
    fn descend(&self, mut solution: Terms, positive: &mut [bool; TERMS]) -> Option<(Terms, bool)> {
        let mut is_reduced = false;
        loop {
            let target = self.least_squares(positive)?;
            let leaving = |at: &usize| positive[*at] && target[*at] <= 0.0;
            let share = |at: usize| match solution[at] > 0.0 {
                true => solution[at] / (solution[at] - target[at]),
                false => 0.0,
            };
            let mut leaving: Vec<usize> = (0..TERMS).filter(leaving).collect();
            let Some(first) = leaving.iter().map(|at| share(*at)).reduce(f64::min) else {
                return Some((target, is_reduced));
            };
            leaving.retain(|at| share(*at) <= first);
            solution += (target - solution) * first;
            for at in leaving {
                positive[at] = false;
                solution[at] = 0.0;
            }
            is_reduced = true;
        }
    }

    /// Solves for the selected coefficients; the others are zero. Returns `None` if they are
    /// dependent.
    fn least_squares(&self, selected: &[bool; TERMS]) -> Option<Terms> {
        let both = |row: usize, column: usize| selected[row] && selected[column];
        let gram = Square::from_fn(|row, column| match both(row, column) {
            true => self.gram[(row, column)],
            false => f64::from(u8::from(row == column)),
        });
        let moment = Terms::from_fn(|at, _| if selected[at] { self.moment[at] } else { 0.0 });
        let factor = gram.cholesky()?;
        let pivots = factor.l_dirty().diagonal();
        let is_independent = |at: usize| pivots[at].powi(2) > RANK_TOLERANCE * gram[(at, at)];
        (0..TERMS)
            .all(is_independent)
            .then(|| factor.solve(&moment))
    }

    /// Returns the row space.
    pub(super) fn row_space(&self) -> RowSpace {
        let eigen = SymmetricEigen::new(self.gram);
        let largest = eigen.eigenvalues.max();
        let inverse = eigen
            .eigenvalues
            .map(|value| match value > RANK_TOLERANCE * largest {
                true => 1.0 / value,
                false => 0.0,
            });
        RowSpace {
            vectors: eigen.eigenvectors,
            inverse,
        }
    }
}

/// The space of rows: which predictions the data determine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowSpace {
    vectors: Square,
    /// Inverse eigenvalues; zero outside of the space.
    inverse: Terms,
}

impl RowSpace {
    /// Returns the dimension: the number of coefficients that the data determine.
    pub(super) fn rank(&self) -> usize {
        self.inverse.iter().filter(|one| **one > 0.0).count()
    }

    /// Returns whether the data determine the prediction of a row.
    pub(super) fn contains(&self, x: &Terms) -> bool {
        if self.rank() == TERMS {
            return true;
        }
        let parts = self.vectors.tr_mul(x);
        let outside = parts
            .iter()
            .zip(&self.inverse)
            .filter(|(_, inverse)| **inverse == 0.0);
        let outside: f64 = outside.map(|(part, _)| part * part).sum();
        outside <= OUTSIDE_TOLERANCE * x.norm_squared()
    }

    /// Returns the variance of the prediction of a row, per variance of a measured row.
    pub(super) fn leverage(&self, x: &Terms) -> f64 {
        let parts = self.vectors.tr_mul(x);
        parts.component_mul(&parts).dot(&self.inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn squares(rows: &[(Terms, f64)], b: &Terms) -> f64 {
        rows.iter().map(|(x, z)| (z - x.dot(b)).powi(2)).sum()
    }

    /// Returns the least squares of all sets of positive coefficients, by solving each of them.
    fn least_of_all_sets(rows: &[(Terms, f64)]) -> f64 {
        let solve = |set: usize| {
            let selected: Vec<usize> = (0..TERMS).filter(|at| set >> at & 1 == 1).collect();
            let x = nalgebra::DMatrix::from_fn(rows.len(), selected.len(), |row, at| {
                rows[row].0[selected[at]]
            });
            let z = nalgebra::DVector::from_iterator(rows.len(), rows.iter().map(|row| row.1));
            let b = (x.tr_mul(&x)).lu().solve(&x.tr_mul(&z))?;
            let mut all = Terms::zeros();
            for (at, value) in selected.iter().zip(b.iter()) {
                all[*at] = *value;
            }
            all.iter()
                .all(|one| *one >= 0.0)
                .then(|| squares(rows, &all))
        };
        let none = squares(rows, &Terms::zeros());
        (1..1 << TERMS).filter_map(solve).fold(none, f64::min)
    }

    proptest! {
        #[test]
        fn no_set_of_positive_coefficients_fits_better(
            numbers in prop::collection::vec((prop::array::uniform6(-1.0..1.0_f64), -1.0..1.0_f64), 7..12)
        ) {
            let rows: Vec<(Terms, f64)> =
                numbers.iter().map(|(x, z)| (Terms::from_column_slice(x), *z)).collect();
            let found = NormalEquations::of(&rows).non_negative();
            prop_assert!(found.iter().all(|one| *one >= 0.0));
            let (found, least) = (squares(&rows, &found), least_of_all_sets(&rows));
            prop_assert!(found <= least * (1.0 + 1e-7) + 1e-12, "{} {}", found, least);
        }

        /// Columns four and five are copies of others.
        #[test]
        fn dependent_columns_do_not_change_the_fit(
            numbers in prop::collection::vec((prop::array::uniform3(0.1..1.0_f64), 0.1..1.0_f64), 4..9)
        ) {
            let row = |copy: bool| move |(x, z): &([f64; 3], f64)| {
                let more = if copy { [x[0], 2.0 * x[1]] } else { [0.0, 0.0] };
                (Terms::from_column_slice(&[x[0], x[1], x[2], more[0], more[1], 0.0]), *z)
            };
            let rows: Vec<_> = numbers.iter().map(row(true)).collect();
            let single: Vec<_> = numbers.iter().map(row(false)).collect();
            let equations = NormalEquations::of(&rows);
            let (found, expected) = (equations.non_negative(), NormalEquations::of(&single).non_negative());
            let (found, expected) = (squares(&rows, &found), squares(&single, &expected));
            prop_assert!((found - expected).abs() <= 1e-7 * expected + 1e-10, "{} {}", found, expected);
            let space = equations.row_space();
            prop_assert_eq!(space.rank(), 3);
            prop_assert!(space.contains(&rows[0].0));
            prop_assert!(!space.contains(&single[0].0));
        }
    }
}
