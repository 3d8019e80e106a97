//! Sums of the activations of tokens by layer, component and operation.

use std::collections::{BTreeMap, HashMap};

use super::token_axes::PartAxes;
use super::token_spans::TokenSpan;
use crate::error::Result;
use crate::query::{self, NodeLedger, Recording, Run};
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, walk};

/// Sum of activations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartSum {
    /// Number of activations.
    pub count: u64,
    /// Self time.
    pub self_ns: i64,
    /// Active self energy; `None` if that of an activation is unknown.
    pub energy_j: Option<f64>,
}

impl PartSum {
    const NONE: Self = Self {
        count: 0,
        self_ns: 0,
        energy_j: Some(0.0),
    };

    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.self_ns += other.self_ns;
        self.energy_j = self.energy_j.zip(other.energy_j).map(|(a, b)| a + b);
    }
}

/// Sums by token and node of several tokens.
#[derive(Debug)]
pub struct TokenParts<'t> {
    /// The tokens.
    pub tokens: &'t [TokenSpan],
    /// Layers and components.
    pub axes: PartAxes,
    /// Sums by node, for each token.
    sums: Vec<HashMap<i64, PartSum>>,
    statistics: HashMap<usize, StatisticSums>,
}

/// Sum and number of each statistic, in the order of its values.
type StatisticSums = [(f64, u32); 5];

impl<'t> TokenParts<'t> {
    /// Creates empty sums of these tokens.
    pub fn new(ledger: &NodeLedger, tokens: &'t [TokenSpan]) -> Self {
        Self {
            tokens,
            axes: PartAxes::new(ledger),
            sums: vec![HashMap::new(); tokens.len()],
            statistics: HashMap::new(),
        }
    }

    /// Adds the statistics of activations of the tokens.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_statistics(&mut self, recording: &Recording, run: &Run) -> Result<()> {
        let Some(range) = TokenSpan::range(self.tokens) else {
            return Ok(());
        };
        query::span_metrics(recording, run, range, |metrics| {
            let Some(cell) = self.cell_at(metrics.time_ns, metrics.node) else {
                return;
            };
            let sums = self.statistics.entry(cell).or_default();
            for (sum, value) in sums.iter_mut().zip(metrics.of.values()) {
                if let Some(value) = value {
                    *sum = (sum.0 + value, sum.1 + 1);
                }
            }
        })
    }

    /// Returns the mean statistics of a cell, in the order of
    /// [`ActivationStatistics::values`](query::ActivationStatistics::values).
    pub fn statistics(&self, cell: usize) -> [Option<f64>; 5] {
        let sums = self.statistics.get(&cell).copied().unwrap_or_default();
        sums.map(|(sum, count)| (count > 0).then(|| sum / f64::from(count)))
    }

    /// Returns the cell of a token, layer and component with these names.
    pub fn cell_named(&self, token: usize, layer: &str, component: &str) -> Option<usize> {
        let layer = self.axes.layers.iter().position(|name| name == layer)?;
        let component = self
            .axes
            .components
            .iter()
            .position(|name| name == component)?;
        Some(self.cell_of(token, (layer, component)))
    }

    /// Adds the activations of the tokens.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn walk(&mut self, recording: &Recording, run: &Run) -> Result<()> {
        let Some(window) = TokenSpan::range(self.tokens) else {
            return Ok(());
        };
        let filter = WalkFilter {
            window: Some(window),
            least_j: None,
        };
        walk(recording, run, &filter, self).map(|_| ())
    }

    /// Returns the sums of a token by node.
    pub fn of_token(&self, token: usize) -> BTreeMap<i64, PartSum> {
        let own = self.sums.get(token).into_iter().flatten();
        own.map(|(node, sum)| (*node, *sum)).collect()
    }

    /// Returns the place of a node: its layer and component.
    pub fn place(&self, node: i64) -> Option<(usize, usize)> {
        self.axes.place(node)
    }

    /// Returns the number of cells: tokens x layers x components.
    pub fn cell_count(&self) -> usize {
        self.tokens.len() * self.axes.layers.len() * self.axes.components.len()
    }

    /// Returns the cell of a node at a time; `None` outside of the tokens.
    pub fn cell_at(&self, time_ns: i64, node: i64) -> Option<usize> {
        self.cell(self.token_at(time_ns)?, node)
    }

    /// Returns the sums by cell.
    pub fn cells(&self) -> HashMap<usize, PartSum> {
        let mut cells: HashMap<usize, PartSum> = HashMap::new();
        for (token, own) in self.sums.iter().enumerate() {
            for (node, sum) in own {
                if let Some(cell) = self.cell(token, *node) {
                    cells.entry(cell).or_insert(PartSum::NONE).add(sum);
                }
            }
        }
        cells
    }

    fn cell(&self, token: usize, node: i64) -> Option<usize> {
        Some(self.cell_of(token, self.place(node)?))
    }

    fn cell_of(&self, token: usize, (layer, component): (usize, usize)) -> usize {
        let (layers, components) = (self.axes.layers.len(), self.axes.components.len());
        (token * layers + layer) * components + component
    }

    fn token_at(&self, time_ns: i64) -> Option<usize> {
        let after = self
            .tokens
            .partition_point(|token| token.start_ns <= time_ns);
        let at = after.checked_sub(1)?;
        let is_inside = time_ns < self.tokens[at].end_ns;
        is_inside.then_some(at)
    }
}

impl ActivationVisitor for TokenParts<'_> {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let node = i64::from(activation.row.node);
        if let Some(token) = self.token_at(activation.start_ns)
            && self.axes.place(node).is_some()
        {
            let sum = self.sums[token].entry(node).or_insert(PartSum::NONE);
            sum.add(&PartSum {
                count: 1,
                self_ns: cost.self_ns,
                energy_j: cost.self_j,
            });
        }
        Ok(())
    }
}
