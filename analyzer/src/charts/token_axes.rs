//! Layers and components of the work of tokens, and the place of each node on them.

use std::collections::HashMap;

use super::part::REMAINDER;
use crate::query::NodeLedger;

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

    /// Returns layer and component of a node, as indices; `None` outside of tokens.
    pub fn place(&self, node: i64) -> Option<(usize, usize)> {
        self.places.get(&node).copied()
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
