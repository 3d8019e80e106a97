//! What did each node of the calling-context tree cost? The ledger reading:
//! self energy, and the share of idle power.
//!
//! One scan of `node_energy`, which has a row for each node and rail, whatever
//! the number of spans.

use std::collections::HashMap;

use rusqlite::Row;

use super::{Recording, Run};
use crate::error::{Error, Result};

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: i64,
    /// The node above it.
    pub parent: Option<i64>,
    /// Span name with the values of its key fields.
    pub label: String,
    /// The span's name; none for `(other)` and `(unknown)`.
    pub name: Option<String>,
    /// Role of its span.
    pub role: Option<String>,
    /// The topmost node of role layer above or at it.
    pub layer: Option<i64>,
    /// The topmost node of role component above or at it.
    pub component: Option<i64>,
    /// Active self energy, rails summed; nothing where it has no row.
    pub self_j: f64,
    /// Its share of idle energy; none where no baseline is known.
    pub idle_j: Option<f64>,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// Activations.
    pub activations: i64,
    /// Instances.
    pub instances: i64,
}

impl Node {
    /// Ledger energy: self and idle share. Without a baseline idle power was not
    /// taken off, so that self energy holds it.
    pub fn energy_j(&self) -> f64 {
        self.self_j + self.idle_j.unwrap_or(0.0)
    }
}

/// All nodes of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// By id, parents first.
    pub nodes: Vec<Node>,
    /// Whether idle energy is known, and with it what is active.
    pub has_idle: bool,
    by_id: HashMap<i64, usize>,
}

impl Ledger {
    /// The node with that id.
    pub fn node(&self, id: i64) -> Option<&Node> {
        self.by_id.get(&id).map(|at| &self.nodes[*at])
    }

    /// Labels from the root down to a node.
    pub fn path<'l>(&'l self, node: &'l Node) -> Vec<&'l str> {
        let mut labels = vec![node.label.as_str()];
        let mut above = node.parent.and_then(|id| self.node(id));
        // A cycle in a damaged file must not be followed for ever.
        while let Some(parent) = above.filter(|_| labels.len() <= self.nodes.len()) {
            labels.push(&parent.label);
            above = parent.parent.and_then(|id| self.node(id));
        }
        labels.reverse();
        labels
    }

    /// Energy of all nodes.
    pub fn energy_j(&self) -> f64 {
        self.nodes.iter().map(Node::energy_j).sum()
    }

    /// The `most` nodes with the highest ledger energy.
    pub fn hottest(&self, most: usize) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.nodes.iter().filter(|n| n.energy_j() > 0.0).collect();
        nodes.sort_by(|a, b| b.energy_j().total_cmp(&a.energy_j()).then(a.id.cmp(&b.id)));
        nodes.truncate(most);
        nodes
    }
}

/// The nodes of a run, on root rails or on the rail of that name.
///
/// # Errors
/// When the file cannot be read, or the run has no rail of that name.
pub fn ledger(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<Ledger> {
    let rails = rails(recording, run, rail)?;
    let list: Vec<String> = rails.iter().map(i64::to_string).collect();
    let sql = format!(
        "SELECT n.id, n.parent, n.label, c.name, c.role, n.layer, n.component,
                total(e.self_j),
                CASE WHEN count(e.idle_j) = count(e.node) THEN total(e.idle_j) END,
                coalesce(max(e.self_ns), 0), coalesce(max(e.activations), 0),
                coalesce(max(e.instances), 0), count(e.node)
         FROM nodes n
         LEFT JOIN callsites c ON c.run = n.run AND c.id = n.callsite
         LEFT JOIN node_energy e ON e.run = n.run AND e.node = n.id
              AND e.attribution = (SELECT max(id) FROM attributions WHERE run = ?1)
              AND e.rail IN ({})
         WHERE n.run = ?1 GROUP BY n.id ORDER BY n.id",
        list.join(",")
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let rows = statement.query_map([run.no], |r| Ok((read(r)?, r.get::<_, i64>(12)? > 0)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let has_idle = rows
        .iter()
        .all(|(node, is_known)| !is_known || node.idle_j.is_some());
    let nodes: Vec<Node> = rows.into_iter().map(|(node, _)| node).collect();
    let by_id = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.id, at))
        .collect();
    Ok(Ledger {
        nodes,
        has_idle,
        by_id,
    })
}

/// Ids of the root rails, or of the rail with that name or `source/name`.
pub(crate) fn rails(recording: &Recording, run: &Run, name: Option<&str>) -> Result<Vec<i64>> {
    let sql = "SELECT id, name, source, parent IS NULL FROM rails WHERE run = ?1 ORDER BY id";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        Ok((
            r.get::<_, i64>(0)?,
            r.get::<_, String>(1)?,
            r.get::<_, String>(2)?,
            r.get::<_, bool>(3)?,
        ))
    })?;
    let rails = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let Some(wanted) = name else {
        return Ok(rails
            .into_iter()
            .filter(|rail| rail.3)
            .map(|rail| rail.0)
            .collect());
    };
    let is_it = |rail: &&(i64, String, String, bool)| {
        rail.1 == wanted || format!("{}/{}", rail.2, rail.1) == wanted
    };
    let found: Vec<i64> = rails.iter().filter(is_it).map(|rail| rail.0).collect();
    if found.len() == 1 {
        return Ok(found);
    }
    let known: Vec<String> = rails
        .iter()
        .map(|rail| format!("{}/{}", rail.2, rail.1))
        .collect();
    Err(Error::Unknown {
        what: "rail",
        name: wanted.to_owned(),
        known: known.join(", "),
    })
}

fn read(r: &Row<'_>) -> rusqlite::Result<Node> {
    Ok(Node {
        id: r.get(0)?,
        parent: r.get(1)?,
        label: r.get(2)?,
        name: r.get(3)?,
        role: r.get(4)?,
        layer: r.get(5)?,
        component: r.get(6)?,
        self_j: r.get(7)?,
        idle_j: r.get(8)?,
        self_ns: r.get(9)?,
        activations: r.get(10)?,
        instances: r.get(11)?,
    })
}
