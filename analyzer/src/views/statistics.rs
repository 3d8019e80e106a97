//! Statistics of energies and detection of outliers.

use serde_json::{Value, json};

use crate::format::energy;

/// Location and spread of a set of energies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EnergyStatistics {
    pub(crate) count: usize,
    pub(crate) mean_j: f64,
    pub(crate) sd_j: Option<f64>,
    pub(crate) min_j: f64,
    pub(crate) median_j: f64,
    pub(crate) p95_j: f64,
    pub(crate) max_j: f64,
    /// Median absolute deviation from the median.
    pub(crate) mad_j: f64,
}

impl EnergyStatistics {
    pub(crate) fn of(energies: &[f64]) -> Option<Self> {
        let mut sorted = energies.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min_j, max_j) = (*sorted.first()?, *sorted.last()?);
        let n = sorted.len() as f64;
        let mean_j = sorted.iter().sum::<f64>() / n;
        let squares: f64 = sorted.iter().map(|joules| (joules - mean_j).powi(2)).sum();
        let median_j = quantile(&sorted, 0.5);
        let mut distances: Vec<f64> = sorted
            .iter()
            .map(|joules| (joules - median_j).abs())
            .collect();
        distances.sort_by(f64::total_cmp);
        Some(Self {
            count: sorted.len(),
            mean_j,
            sd_j: (sorted.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
            min_j,
            median_j,
            p95_j: quantile(&sorted, 0.95),
            max_j,
            mad_j: quantile(&distances, 0.5),
        })
    }

    /// Returns `high` or `low` if the modified z-score, 0.6745 (x - median) / MAD, is beyond
    /// 3.5 (Iglewicz and Hoaglin 1993). It is robust against the outliers themselves.
    pub(crate) fn outlier(&self, energy_j: f64) -> Option<&'static str> {
        let score = 0.6745 * (energy_j - self.median_j) / self.mad_j;
        match score {
            score if score > 3.5 => Some("high"),
            score if score < -3.5 => Some("low"),
            _ => None,
        }
    }

    pub(super) fn value(&self) -> Value {
        json!({
            "count": self.count, "mean_j": self.mean_j, "sd_j": self.sd_j, "min_j": self.min_j,
            "median_j": self.median_j, "p95_j": self.p95_j, "max_j": self.max_j,
            "mad_j": self.mad_j,
        })
    }

    pub(crate) fn text(&self) -> String {
        let [median, mean, p95] =
            [self.median_j, self.mean_j, self.p95_j].map(|joules| energy(Some(joules)));
        format!(
            "{} tokens: median {median}, mean {mean}, 95 % below {p95}.",
            self.count
        )
    }
}

/// Returns a quantile, interpolated linearly.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distant_values_are_outliers() {
        let mut energies: Vec<f64> = (0..20).map(|n| 1.0 + 0.01 * f64::from(n)).collect();
        energies.push(3.0);
        energies.push(0.01);
        let statistics = EnergyStatistics::of(&energies).unwrap();
        let found: Vec<_> = energies
            .iter()
            .map(|joules| statistics.outlier(*joules))
            .collect();
        assert_eq!(found[20..], [Some("high"), Some("low")]);
        assert!(found[..20].iter().all(Option::is_none));
        assert!((statistics.median_j - 1.095).abs() < 1e-9);
    }

    #[test]
    fn equal_energies_have_no_outliers() {
        let statistics = EnergyStatistics::of(&[2.0, 2.0, 2.0]).unwrap();
        assert_eq!(
            (statistics.outlier(2.0), statistics.sd_j),
            (None, Some(0.0))
        );
        assert_eq!(EnergyStatistics::of(&[]), None);
    }
}
