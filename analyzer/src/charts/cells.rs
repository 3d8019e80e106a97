//! Chart: a quantity of each token by layers and components.
//!
//! ```text
//! cells[token][layer][component]   a cell is the sum over the activations of the component in
//!                                  the layer, while the token was generated
//! ```

use std::ops::Range;

use serde::Serialize;

use super::name::name;
use super::run::provenance;
use super::token_parts::TokenParts;
use super::token_spans::token_spans;
use crate::error::Result;
use crate::query::{self, Recording, Run};

/// Quantity of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellMetric {
    /// Active energy in joules.
    Energy,
    /// Self time in milliseconds.
    Time,
    /// Energy over time in watts.
    Power,
    /// Mean of the absolute values of the output.
    Mean,
    /// Standard deviation of the output.
    Std,
    /// Largest absolute value of the output.
    Max,
    /// Share of the output near zero.
    Sparsity,
    /// Mean entropy of attention heads in nats.
    Entropy,
}

impl CellMetric {
    fn name_and_unit(self) -> (&'static str, &'static str) {
        match self {
            Self::Energy => ("energy", "J"),
            Self::Time => ("time", "ms"),
            Self::Power => ("power", "W"),
            Self::Mean => ("mean", ""),
            Self::Std => ("std", ""),
            Self::Max => ("max", ""),
            Self::Sparsity => ("sparsity", ""),
            Self::Entropy => ("entropy", "nat"),
        }
    }

    /// Returns the index of a statistic of activations; `None` for energy, time and power.
    fn statistic(self) -> Option<usize> {
        match self {
            Self::Energy | Self::Time | Self::Power => None,
            Self::Mean => Some(0),
            Self::Std => Some(1),
            Self::Max => Some(2),
            Self::Sparsity => Some(3),
            Self::Entropy => Some(4),
        }
    }
}

/// Description of cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellsHeader {
    /// Indices of the tokens in the order of time.
    pub tokens: Vec<usize>,
    /// Numbers of the tokens as recorded.
    pub numbers: Vec<Option<i64>>,
    /// Layers, `(remainder)` last if work is outside of layers.
    pub layers: Vec<String>,
    /// Components, `(remainder)` last if work is outside of components.
    pub components: Vec<String>,
    /// Quantity of the cells.
    pub metric: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// `measured`, `modelled, not measured`, ...
    pub provenance: String,
    /// Number of all tokens of the run.
    pub tokens_total: usize,
    /// Number of cells of each token that were recorded without a known quantity.
    pub unknown: Vec<usize>,
}

/// Cells of several tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenCells {
    /// Tokens, layers, components and quantity.
    pub header: CellsHeader,
    /// Cells by token, layer and component; NaN is unknown.
    pub values: Vec<f32>,
}

impl TokenCells {
    /// Number of tokens that are usually read at once.
    pub const TOKENS: usize = 500;
    /// Largest number of tokens to be read at once.
    pub const MOST_TOKENS: usize = 1000;

    /// Reads the cells of the tokens with these indices in the order of time.
    ///
    /// # Errors
    /// If the file cannot be read, or the run has no tokens or is not attributed.
    pub fn read(
        recording: &Recording,
        run: &Run,
        tokens: Range<usize>,
        metric: CellMetric,
    ) -> Result<Self> {
        let all = token_spans(recording, run)?;
        let total = all.len();
        let range = tokens.start.min(total)..tokens.end.min(total);
        let first = range.start;
        let ledger = query::ledger(recording, run, None)?;
        let mut parts = TokenParts::new(&ledger, all.get(range).unwrap_or_default());
        let mut unknown = vec![0; parts.tokens.len()];
        let values = match metric.statistic() {
            Some(statistic) => statistics(recording, run, &mut parts, statistic)?,
            None => energies(recording, run, &mut parts, metric, &mut unknown)?,
        };
        let (metric, unit) = metric.name_and_unit();
        Ok(Self {
            header: CellsHeader {
                tokens: (first..first + parts.tokens.len()).collect(),
                numbers: parts.tokens.iter().map(|token| token.number).collect(),
                layers: parts.axes.layers.iter().map(|text| name(text)).collect(),
                components: parts
                    .axes
                    .components
                    .iter()
                    .map(|text| name(text))
                    .collect(),
                metric,
                unit,
                provenance: provenance(run).to_owned(),
                tokens_total: total,
                unknown,
            },
            values,
        })
    }
}

fn energies(
    recording: &Recording,
    run: &Run,
    parts: &mut TokenParts<'_>,
    metric: CellMetric,
    unknown: &mut [usize],
) -> Result<Vec<f32>> {
    let mut values = vec![f32::NAN; parts.cell_count()];
    let per_token = (values.len() / unknown.len().max(1)).max(1);
    parts.walk(recording, run)?;
    for (key, sum) in &parts.cells() {
        let energy_j = sum.energy_j.unwrap_or(f64::NAN);
        let value = match metric {
            CellMetric::Time => sum.self_ns as f64 / 1e6,
            CellMetric::Power => {
                query::average_w(sum.energy_j, Some(sum.self_ns)).unwrap_or(f64::NAN)
            }
            _ => energy_j,
        };
        if let Some(cell) = values.get_mut(*key) {
            *cell = value as f32;
        }
        if value.is_nan()
            && let Some(count) = unknown.get_mut(*key / per_token)
        {
            *count += 1;
        }
    }
    Ok(values)
}

/// Returns the means of a statistic.
fn statistics(
    recording: &Recording,
    run: &Run,
    parts: &mut TokenParts<'_>,
    statistic: usize,
) -> Result<Vec<f32>> {
    parts.read_statistics(recording, run)?;
    let mean = |cell| parts.statistics(cell)[statistic].map_or(f32::NAN, |mean| mean as f32);
    Ok((0..parts.cell_count()).map(mean).collect())
}
