//! Chart: ledger energy of layers by components. Nodes outside of layers, or outside of
//! components, have a separate row or column, so that all cells sum to the ledger.

use std::collections::BTreeMap;

use serde::Serialize;

use super::name::NameTable;
use super::part::{NodePlaces, REMAINDER};
use crate::query::{Node, NodeLedger};

/// Maximum number of rows for layers; others are merged.
const LAYERS: usize = 256;
const COMPONENTS: usize = 16;
const PHASES: usize = 60;
/// Name of merged layers or components.
const OTHER: &str = "(other)";

/// Cells by phase, layer and component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// Layers, `(remainder)` last.
    pub layers: Vec<String>,
    /// Components, `(remainder)` last.
    pub components: Vec<String>,
    /// Phases.
    pub phases: Vec<String>,
    /// Cells with energy, by phase.
    pub cells: Vec<MatrixCell>,
    /// Cells summed over phases.
    pub all: Vec<MatrixCell>,
    /// Sum of all cells.
    pub energy_j: f64,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MatrixCell {
    /// Index of the phase; 0 in cells summed over phases.
    #[serde(rename = "p")]
    pub phase: usize,
    /// Index of the layer.
    #[serde(rename = "l")]
    pub layer: usize,
    /// Index of the component.
    #[serde(rename = "c")]
    pub component: usize,
    /// Ledger energy.
    #[serde(rename = "j")]
    pub energy_j: f64,
    /// Lower end of its 90 % interval; `None` if several nodes are summed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lo: Option<f64>,
    /// Upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hi: Option<f64>,
    /// Number of nodes with energy.
    #[serde(rename = "n")]
    pub nodes: usize,
}

/// Returns the matrix; `None` if no node is in a layer or component.
pub fn matrix(ledger: &NodeLedger, places: &NodePlaces) -> Option<Matrix> {
    let is_in = |node: &Node| node.layer.is_some() || node.component.is_some();
    if !ledger.nodes.iter().any(is_in) {
        return None;
    }
    let [mut layers, mut components, mut phases] = [LAYERS, COMPONENTS, PHASES].map(Axis::new);
    let mut cells: BTreeMap<(usize, usize, usize), MatrixCell> = BTreeMap::new();
    let mut all: BTreeMap<(usize, usize), MatrixCell> = BTreeMap::new();
    for (node, place) in ledger.nodes.iter().zip(&places.of) {
        let head = |id: Option<i64>| id.and_then(|id| ledger.node(id));
        let layer = layers.place(head(node.layer).map(|head| head.label.as_str()));
        let name = |head: &'_ Node| head.name.clone().unwrap_or_else(|| head.label.clone());
        let component = components.place(head(node.component).map(name).as_deref());
        let phase = phases.place(Some(places.names.get(place.phase)));
        cells
            .entry((phase, layer, component))
            .or_default()
            .add(node);
        all.entry((layer, component)).or_default().add(node);
    }
    let (rest_layer, rest_component) = (layers.names.len(), components.names.len());
    let at = |place: usize, remainder: usize| {
        if place == Axis::REMAINDER {
            remainder
        } else {
            place
        }
    };
    let finished = |phase: usize, layer: usize, component: usize, cell: MatrixCell| MatrixCell {
        phase,
        layer: at(layer, rest_layer),
        component: at(component, rest_component),
        ..cell
    };
    Some(Matrix {
        layers: layers.into_list(),
        components: components.into_list(),
        phases: phases.names.into_list(),
        cells: cells
            .into_iter()
            .filter(|(_, cell)| cell.nodes > 0)
            .map(|((p, l, c), cell)| finished(p, l, c, cell))
            .collect(),
        all: all
            .into_iter()
            .filter(|(_, cell)| cell.nodes > 0)
            .map(|((l, c), cell)| finished(0, l, c, cell))
            .collect(),
        energy_j: ledger.energy_j(),
    })
}

impl MatrixCell {
    fn add(&mut self, node: &Node) {
        if node.energy_j() == 0.0 {
            return;
        }
        self.energy_j += node.energy_j();
        self.nodes += 1;
        (self.lo, self.hi) = match self.nodes {
            1 => node.interval_j(),
            // Intervals of several nodes do not add up.
            _ => (None, None),
        };
    }
}

/// Names of rows or columns, in the order of their first nodes.
struct Axis {
    names: NameTable,
    limit: usize,
}

impl Axis {
    /// Position of nodes without a name on this axis.
    const REMAINDER: usize = usize::MAX;

    fn new(limit: usize) -> Self {
        Self {
            names: NameTable::default(),
            limit,
        }
    }

    fn place(&mut self, name: Option<&str>) -> usize {
        let Some(name) = name else {
            return Self::REMAINDER;
        };
        match self.names.len() < self.limit || self.names.contains(name) {
            true => self.names.number(name),
            false => self.names.number(OTHER),
        }
    }

    fn into_list(self) -> Vec<String> {
        let mut list = self.names.into_list();
        list.push(REMAINDER.to_owned());
        list
    }
}
