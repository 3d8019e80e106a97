//! Call paths of a pulled run: those that were sent, else one for each operation.
//!
//! ```text
//! decode > layer > matmul      decode        call paths above an operation are made
//!                                layer
//!                                  matmul
//! ```

use std::collections::BTreeMap;

use energy_data::rows::{CallsiteRow, Domain, NodeRow, Role};

use crate::columns::{KINDS, NODES, PHASES};
use crate::encode::Cell;

/// Separates the names of an operation's path.
const SEPARATOR: &str = " > ";

/// Call paths being made.
#[derive(Debug, Default)]
pub(super) struct PulledTree {
    pub(super) callsites: Vec<CallsiteRow>,
    pub(super) nodes: Vec<NodeRow>,
    callsite_of: BTreeMap<(String, Option<&'static str>), u32>,
    /// By operation and role, or by the number that was sent.
    of_kind: BTreeMap<(String, Option<&'static str>), u32>,
    of_number: BTreeMap<i64, u32>,
    phases: BTreeMap<String, u32>,
}

fn role(name: Option<&str>) -> Option<Role> {
    name.and_then(Role::from_name)
}

impl PulledTree {
    /// Makes the call paths of rows of `nodes`, parents first.
    pub(super) fn of_nodes(rows: &[Vec<Cell>]) -> Self {
        let mut tree = Self::default();
        let number = |row: &Vec<Cell>| NODES.whole(row, "node");
        let mut sorted: Vec<&Vec<Cell>> = rows.iter().collect();
        sorted.sort_by_key(|row| number(row));
        for row in sorted {
            let Some(number) = number(row).filter(|number| !tree.of_number.contains_key(number))
            else {
                continue;
            };
            let label = NODES.text(row, "label").unwrap_or("(unknown)");
            let kind = NODES.text(row, "kind");
            let parent = NODES.whole(row, "parent");
            // A parent without any energy or time was not sent.
            let parent = parent.and_then(|parent| tree.of_number.get(&parent).copied());
            let name = kind
                .and_then(|kind| kind.rsplit(SEPARATOR).next())
                .unwrap_or(label);
            let callsite = tree.callsite(name, role(NODES.text(row, "role")));
            let id = tree.add(parent, callsite, label, kind);
            tree.of_number.insert(number, id);
        }
        tree
    }

    /// Makes one call path for each operation of rows of `kinds`. Those of rows of `phases` are in
    /// the order of these.
    pub(super) fn of_kinds(rows: &[Vec<Cell>], phases: &[Vec<Cell>]) -> Self {
        let mut order: BTreeMap<&str, i64> = BTreeMap::new();
        for row in phases {
            if let Some(name) = PHASES.text(row, "phase") {
                let node = PHASES.whole(row, "node").unwrap_or(i64::MAX);
                let first = order.entry(name).or_insert(node);
                *first = node.min(*first);
            }
        }
        let place = |kind: &str| {
            let name = kind.rsplit(SEPARATOR).next().unwrap_or(kind);
            (
                kind.matches(SEPARATOR).count(),
                order.get(name).copied().unwrap_or(i64::MAX),
            )
        };
        let mut kinds: Vec<(&str, Option<Role>)> = rows
            .iter()
            .filter_map(|row| Some((KINDS.text(row, "kind")?, role(KINDS.text(row, "role")))))
            .collect();
        kinds.sort_by(|a, b| (place(a.0), a.0).cmp(&(place(b.0), b.0)));
        let mut tree = Self::default();
        for (kind, role) in kinds {
            tree.kind(kind, role);
        }
        tree
    }

    /// Returns the call path of a row of `nodes`.
    pub(super) fn node_of(&self, row: &[Cell]) -> Option<u32> {
        self.of_number.get(&NODES.whole(row, "node")?).copied()
    }

    /// Returns the call path of a row of `kinds`.
    pub(super) fn kind_of(&self, row: &[Cell]) -> Option<u32> {
        let role = role(KINDS.text(row, "role")).map(Role::name);
        let kind = KINDS.text(row, "kind")?;
        self.of_kind.get(&(kind.to_owned(), role)).copied()
    }

    /// Returns the call path of a phase, which is made if it is missing.
    pub(super) fn phase(&mut self, label: &str) -> u32 {
        if let Some(id) = self.phases.get(label) {
            return *id;
        }
        let callsite = self.callsite(label, Some(Role::Phase));
        self.add(None, callsite, label, Some(label))
    }

    fn kind(&mut self, kind: &str, role: Option<Role>) -> u32 {
        let key = (kind.to_owned(), role.map(Role::name));
        if let Some(id) = self.of_kind.get(&key) {
            return *id;
        }
        let (above, name) = match kind.rsplit_once(SEPARATOR) {
            Some((above, name)) => (Some(above), name),
            None => (None, kind),
        };
        let parent = above.map(|above| self.any_of_kind(above));
        let callsite = self.callsite(name, role);
        let id = self.add(parent, callsite, name, Some(kind));
        self.of_kind.insert(key, id);
        id
    }

    /// Returns a call path of an operation, of whatever role.
    fn any_of_kind(&mut self, kind: &str) -> u32 {
        let from = (kind.to_owned(), None);
        let found = self.of_kind.range(from..).next();
        match found.filter(|((known, _), _)| known == kind) {
            Some((_, id)) => *id,
            None => self.kind(kind, None),
        }
    }

    fn callsite(&mut self, name: &str, role: Option<Role>) -> u32 {
        let id = self.callsites.len() as u32 + 1;
        let key = (name.to_owned(), role.map(Role::name));
        let id = *self.callsite_of.entry(key).or_insert(id);
        if id as usize > self.callsites.len() {
            self.callsites.push(CallsiteRow {
                id,
                name: name.to_owned(),
                target: String::new(),
                level: "INFO".to_owned(),
                file: None,
                line: None,
                domain: Domain::Cpu,
                role,
            });
        }
        id
    }

    fn add(&mut self, parent: Option<u32>, callsite: u32, label: &str, kind: Option<&str>) -> u32 {
        let id = self.nodes.len() as u32 + 1;
        let above = parent.and_then(|parent| self.nodes.get(parent as usize - 1));
        self.nodes.push(NodeRow {
            id,
            parent,
            callsite: Some(callsite),
            label: label.to_owned(),
            depth: above.map_or(0, |above| above.depth + 1),
            kind: kind.map(str::to_owned),
        });
        let role = self
            .callsites
            .get(callsite as usize - 1)
            .and_then(|one| one.role);
        if role == Some(Role::Phase) {
            self.phases.entry(label.to_owned()).or_insert(id);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: &str, role: Option<&str>) -> Vec<Cell> {
        let mut row = vec![Cell::Null; KINDS.columns().count()];
        row[KINDS.position("kind").unwrap()] = Cell::from(kind);
        row[KINDS.position("role").unwrap()] = role.into();
        row
    }

    #[test]
    fn operations_become_call_paths_below_their_phases() {
        let rows = [
            kind("decode > layer > matmul", Some("op")),
            kind("decode", Some("phase")),
        ];
        let mut tree = PulledTree::of_kinds(&rows, &[]);
        let labels: Vec<(&str, u32)> = tree
            .nodes
            .iter()
            .map(|node| (node.label.as_str(), node.depth))
            .collect();
        assert_eq!(labels, [("decode", 0), ("layer", 1), ("matmul", 2)]);
        assert_eq!(tree.kind_of(&rows[0]), Some(3));
        assert_eq!(tree.phase("decode"), 1);
        assert_eq!(tree.phase("prefill"), 4);
        assert_eq!(tree.phase("prefill"), 4);
    }
}
