//! Places of call paths in the structure of a run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use energy_data::rows::{CallsiteRow, NodeRow, Role};

use crate::query::has_statistics;

/// Place of a call path: the names of the topmost paths of each role around it.
#[derive(Debug, Clone, Default)]
pub(super) struct LivePlace {
    /// Span name.
    pub(super) name: Arc<str>,
    /// Role of the path itself.
    pub(super) role: Option<Role>,
    /// Phase.
    pub(super) phase: Option<Arc<str>>,
    /// Section.
    pub(super) section: Option<Arc<str>>,
    /// Whether it is a token or inside of one.
    pub(super) is_in_token: bool,
    /// Layer, with its number.
    pub(super) layer: Option<Arc<str>>,
    /// Component.
    pub(super) component: Option<Arc<str>>,
    /// Operation.
    pub(super) operation: Option<Arc<str>>,
    /// Whether the path is the topmost of its role: its time is that of the role.
    pub(super) is_head: bool,
}

/// Places of all call paths of a run.
#[derive(Debug, Default)]
pub(super) struct LivePlaces {
    callsites: HashMap<u32, (Arc<str>, Option<Role>)>,
    places: HashMap<u32, LivePlace>,
    /// Callsites of events with statistics.
    statistics: HashSet<u32>,
}

impl LivePlaces {
    /// Adds new rows.
    pub(super) fn add(&mut self, callsites: &[CallsiteRow], nodes: &[NodeRow]) {
        for row in callsites {
            if has_statistics(&row.target) {
                self.statistics.insert(row.id);
            }
            self.callsites
                .insert(row.id, (row.name.as_str().into(), row.role));
        }
        for row in nodes {
            let place = self.place(row);
            self.places.insert(row.id, place);
        }
    }

    /// Returns the place of a node.
    pub(super) fn get(&self, node: u32) -> Option<&LivePlace> {
        self.places.get(&node)
    }

    /// Returns whether events of that callsite are statistics of activations.
    pub(super) fn is_statistics(&self, callsite: u32) -> bool {
        self.statistics.contains(&callsite)
    }

    fn place(&self, row: &NodeRow) -> LivePlace {
        let parent = row.parent.and_then(|id| self.places.get(&id));
        let label: Arc<str> = row.label.as_str().into();
        let callsite = row.callsite.and_then(|id| self.callsites.get(&id));
        let (name, role) = match callsite {
            Some((name, role)) => (Arc::clone(name), *role),
            None => (Arc::clone(&label), None),
        };
        let mut place = LivePlace {
            name: Arc::clone(&name),
            role,
            is_head: false,
            ..parent.cloned().unwrap_or_default()
        };
        let (slot, own) = match role {
            Some(Role::Phase) => (&mut place.phase, label),
            Some(Role::Section) => (&mut place.section, name),
            Some(Role::Layer) => (&mut place.layer, label),
            Some(Role::Component) => (&mut place.component, name),
            Some(Role::Op) => (&mut place.operation, name),
            Some(Role::Token) => {
                place.is_head = !place.is_in_token;
                place.is_in_token = true;
                return place;
            }
            Some(Role::Run) | None => return place,
        };
        if slot.is_none() {
            *slot = Some(own);
            place.is_head = true;
        }
        place
    }
}
