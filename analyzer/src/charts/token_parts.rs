//! Sums of the activations of tokens by layer, component and operation.

use std::collections::{BTreeMap, HashMap};

use super::part::REMAINDER;
use crate::error::Result;
use crate::query::{self, NodeLedger, Recording, Run};
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, walk};

/// Time of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSpan {
    /// Number as recorded.
    pub number: Option<i64>,
    /// Start, run time.
    pub start_ns: i64,
    /// End; the highest number while it is open.
    pub end_ns: i64,
}

impl TokenSpan {
    /// Returns the time from the first start to the last end; `None` without tokens.
    pub fn range(tokens: &[Self]) -> Option<(i64, i64)> {
        let start_ns = tokens.first()?.start_ns;
        let end_ns = tokens.iter().map(|token| token.end_ns).max()?;
        Some((start_ns, end_ns))
    }
}

/// Reads the times of tokens in order, as [`query::tokens`] lists them. An open one has
/// no end.
///
/// # Errors
/// If the file cannot be read, or the run has no tokens or is not attributed.
pub fn token_spans(recording: &Recording, run: &Run) -> Result<Vec<TokenSpan>> {
    if run.attribution.is_none() {
        return Err(run.not_attributed());
    }
    let times = query::token_times(recording, run)?;
    if times.is_empty() {
        let next = "see `energy pipeline`";
        return Err(run.missing("no measured span has the role `token`", next));
    }
    let span = |time: query::TokenTime| TokenSpan {
        number: time.token,
        start_ns: time.start_ns,
        end_ns: time.end_ns.unwrap_or(i64::MAX),
    };
    Ok(times.into_iter().map(span).collect())
}

/// Names of layers and components, and the place of each node on them.
#[derive(Debug, Clone, Default)]
pub struct PartAxes {
    /// Labels of layers in the order of the model, [`REMAINDER`] last.
    pub layers: Vec<String>,
    /// Names of components, [`REMAINDER`] last.
    pub components: Vec<String>,
    places: HashMap<i64, (usize, usize)>,
}

impl PartAxes {
    /// Reads the axes of a ledger's nodes below tokens.
    pub fn new(ledger: &NodeLedger) -> Self {
        let mut axes = Self::default();
        let (mut layers, mut components) = (AxisNames::default(), AxisNames::default());
        let mut in_token: HashMap<i64, bool> = HashMap::new();
        for node in &ledger.nodes {
            let above = node.parent.and_then(|id| in_token.get(&id)).copied();
            let is_inside = above == Some(true) || node.role.as_deref() == Some("token");
            in_token.insert(node.id, is_inside);
            if !is_inside {
                continue;
            }
            let head = |id: Option<i64>| id.and_then(|id| ledger.node(id));
            let layer = head(node.layer).map(|head| head.label.as_str());
            let component = head(node.component);
            let component = component.map(|head| head.name.as_deref().unwrap_or(&head.label));
            let place = (layers.place(layer), components.place(component));
            axes.places.insert(node.id, place);
        }
        for place in axes.places.values_mut() {
            *place = (layers.index(place.0), components.index(place.1));
        }
        (axes.layers, axes.components) = (layers.into_list(), components.into_list());
        axes
    }
}

/// Names in the order of their first use.
#[derive(Default)]
struct AxisNames {
    list: Vec<String>,
    places: HashMap<String, usize>,
    has_remainder: bool,
}

impl AxisNames {
    const REMAINDER: usize = usize::MAX;

    fn place(&mut self, name: Option<&str>) -> usize {
        let Some(name) = name else {
            self.has_remainder = true;
            return Self::REMAINDER;
        };
        if let Some(at) = self.places.get(name) {
            return *at;
        }
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), self.list.len() - 1);
        self.list.len() - 1
    }

    fn index(&self, place: usize) -> usize {
        place.min(self.list.len())
    }

    fn into_list(mut self) -> Vec<String> {
        if self.has_remainder {
            self.list.push(REMAINDER.to_owned());
        }
        self.list
    }
}

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
    sums: HashMap<(usize, i64), PartSum>,
}

impl<'t> TokenParts<'t> {
    /// Creates empty sums of these tokens.
    pub fn new(ledger: &NodeLedger, tokens: &'t [TokenSpan]) -> Self {
        Self {
            tokens,
            axes: PartAxes::new(ledger),
            sums: HashMap::new(),
        }
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
        let own = self.sums.iter().filter(|((at, _), _)| *at == token);
        own.map(|((_, node), sum)| (*node, *sum)).collect()
    }

    /// Returns the place of a node: its layer and component.
    pub fn place(&self, node: i64) -> Option<(usize, usize)> {
        self.axes.places.get(&node).copied()
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
        for ((token, node), sum) in &self.sums {
            if let Some(cell) = self.cell(*token, *node) {
                cells.entry(cell).or_insert(PartSum::NONE).add(sum);
            }
        }
        cells
    }

    fn cell(&self, token: usize, node: i64) -> Option<usize> {
        let (layer, component) = self.place(node)?;
        let (layers, components) = (self.axes.layers.len(), self.axes.components.len());
        Some((token * layers + layer) * components + component)
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
            && self.axes.places.contains_key(&node)
        {
            let sum = self.sums.entry((token, node)).or_insert(PartSum::NONE);
            sum.add(&PartSum {
                count: 1,
                self_ns: cost.self_ns,
                energy_j: cost.self_j,
            });
        }
        Ok(())
    }
}
