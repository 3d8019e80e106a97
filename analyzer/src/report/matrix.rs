//! Chart: layers by components, the ledger reading. What is in no layer, or in no
//! component of its layer, has a row or column of its own, so that all cells sum to the
//! ledger.

use std::collections::BTreeMap;

use serde::Serialize;

use super::name::Names;
use super::part::{Places, REST};
use crate::query::{Ledger, Node};

/// Layers that have rows of their own; the others are one row.
const LAYERS: usize = 256;
const COMPONENTS: usize = 16;
const PHASES: usize = 60;
/// What stands for layers or components beyond those.
const OTHER: &str = "(other)";

/// Cells of one number of a phase, layer and component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Matrix {
    /// Layers, `(rest)` last.
    pub(super) layers: Vec<String>,
    /// Components, `(rest)` last.
    pub(super) components: Vec<String>,
    /// Phases.
    pub(super) phases: Vec<String>,
    /// Cells that hold something, by phase.
    pub(super) cells: Vec<Cell>,
    /// Cells of all phases together.
    pub(super) all: Vec<Cell>,
    /// What all of them hold.
    pub(super) energy_j: f64,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Cell {
    /// Number of the phase; 0 in cells of all phases.
    #[serde(rename = "p")]
    pub(super) phase: usize,
    /// Number of the layer.
    #[serde(rename = "l")]
    pub(super) layer: usize,
    /// Number of the component.
    #[serde(rename = "c")]
    pub(super) component: usize,
    /// Ledger energy.
    #[serde(rename = "j")]
    pub(super) energy_j: f64,
    /// Lower end of its 90 % interval; none where several nodes are added up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lo: Option<f64>,
    /// Upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hi: Option<f64>,
    /// Nodes that hold its energy.
    #[serde(rename = "n")]
    pub(super) nodes: usize,
}

/// The matrix; none where no node is in a layer or component.
pub(super) fn matrix(ledger: &Ledger, places: &Places) -> Option<Matrix> {
    let is_in = |node: &Node| node.layer.is_some() || node.component.is_some();
    if !ledger.nodes.iter().any(is_in) {
        return None;
    }
    let [mut layers, mut components, mut phases] = [LAYERS, COMPONENTS, PHASES].map(Axis::new);
    let mut cells: BTreeMap<(usize, usize, usize), Cell> = BTreeMap::new();
    let mut all: BTreeMap<(usize, usize), Cell> = BTreeMap::new();
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
    let at = |place: usize, rest: usize| if place == Axis::REST { rest } else { place };
    let finished = |phase: usize, layer: usize, component: usize, cell: Cell| Cell {
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

impl Cell {
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
    names: Names,
    most: usize,
}

impl Axis {
    /// What has no name on this axis.
    const REST: usize = usize::MAX;

    fn new(most: usize) -> Self {
        Self {
            names: Names::default(),
            most,
        }
    }

    fn place(&mut self, name: Option<&str>) -> usize {
        let Some(name) = name else {
            return Self::REST;
        };
        match self.names.len() < self.most || self.names.knows(name) {
            true => self.names.number(name),
            false => self.names.number(OTHER),
        }
    }

    fn into_list(self) -> Vec<String> {
        let mut list = self.names.into_list();
        list.push(REST.to_owned());
        list
    }
}
