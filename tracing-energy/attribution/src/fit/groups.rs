//! Groups kinds that the samples do not separate.

use nalgebra::DMatrix;

/// Relative standard deviation below which a group is final.
const SURE: f64 = 0.20;
/// Correlation below which two groups may be merged.
const TIED: f64 = -0.2;

/// Columns that belong together, their energy and its standard deviation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnGroup {
    pub(super) columns: Vec<usize>,
    pub(super) energy_j: f64,
    pub(super) sd_j: f64,
}

/// Merges the least certain column with the one that compensates most of its error, until all
/// are certain or no column compensates. `covariance` is that of log energies. `together` are
/// pairs of columns that run in a fixed proportion; they are merged first.
pub(super) fn groups(
    energy_j: &[f64],
    covariance: &DMatrix<f64>,
    together: &[(usize, usize)],
) -> Vec<ColumnGroup> {
    let n = energy_j.len();
    let mut state = GroupState {
        z: DMatrix::from_fn(n, n, |j, k| covariance[(j, k)] * energy_j[j] * energy_j[k]),
        energy: energy_j.to_vec(),
        columns: (0..n).map(|k| vec![k]).collect(),
        active: (0..n).collect(),
    };
    for &(a, b) in together {
        let find = |k: usize, s: &GroupState| {
            s.active
                .iter()
                .copied()
                .find(|&g| s.columns[g].contains(&k))
        };
        if let (Some(a), Some(b)) = (find(a, &state), find(b, &state))
            && a != b
        {
            state.merge(a, b);
        }
    }
    let mut settled = vec![false; n];
    while let Some(worst) = state.worst(&settled) {
        match state.partner(worst) {
            Some(partner) => state.merge(worst, partner),
            None => settled[worst] = true,
        }
    }
    let result = state.active.iter().map(|&g| ColumnGroup {
        columns: state.columns[g].clone(),
        energy_j: state.energy[g],
        sd_j: state.sd(g),
    });
    result.collect()
}

struct GroupState {
    z: DMatrix<f64>,
    energy: Vec<f64>,
    columns: Vec<Vec<usize>>,
    active: Vec<usize>,
}

impl GroupState {
    fn sd(&self, g: usize) -> f64 {
        self.z[(g, g)].max(0.0).sqrt()
    }

    fn worst(&self, settled: &[bool]) -> Option<usize> {
        let uncertain = |g: &&usize| !settled[**g] && self.sd(**g) > SURE * self.energy[**g];
        self.active
            .iter()
            .filter(uncertain)
            .copied()
            .max_by(|a, b| self.z[(*a, *a)].total_cmp(&self.z[(*b, *b)]))
    }

    fn partner(&self, g: usize) -> Option<usize> {
        let tie = |h: usize| self.z[(g, h)] / (self.sd(g) * self.sd(h)).max(1e-150);
        let others = self.active.iter().copied().filter(|h| *h != g);
        let best = others
            .map(|h| (tie(h), h))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        (best.0 <= TIED).then_some(best.1)
    }

    fn merge(&mut self, g: usize, h: usize) {
        let mut other = std::mem::take(&mut self.columns[h]);
        self.columns[g].append(&mut other);
        self.energy[g] += self.energy[h];
        for k in 0..self.energy.len() {
            self.z[(g, k)] += self.z[(h, k)];
        }
        for k in 0..self.energy.len() {
            self.z[(k, g)] += self.z[(k, h)];
        }
        self.active.retain(|one| *one != h);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_with_compensating_errors_is_one_group() {
        let covariance = DMatrix::from_row_slice(
            3,
            3,
            &[0.25, -0.249, 0.0, -0.249, 0.25, 0.0, 0.0, 0.0, 0.001],
        );
        let found = groups(&[1.0, 1.0, 5.0], &covariance, &[]);
        assert_eq!(found.len(), 2);
        let pair = found
            .iter()
            .find(|g| g.columns.len() == 2)
            .expect("the pair is merged");
        assert!((pair.energy_j - 2.0).abs() < 1e-12);
        assert!(pair.sd_j < 0.1);
    }

    #[test]
    fn columns_without_compensating_errors_stay_separate() {
        let covariance = DMatrix::from_diagonal_element(2, 2, 1.0);
        assert_eq!(groups(&[1.0, 1.0], &covariance, &[]).len(), 2);
    }
}
