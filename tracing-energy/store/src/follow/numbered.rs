//! Tables with rows that are numbered in the order of writing and never change.

use rusqlite::Row;

use crate::error::from_sqlite;
use crate::recording::{callsite, event, node, span_event};
use crate::{Error, Store};
use energy_data::rows::{CallsiteRow, NodeRow, Role};
use energy_data::sink::Batch;
use std::collections::HashMap;

const CALLSITES: &str = "
    SELECT id, name, target, level, file, line, domain, role
    FROM callsites WHERE run = ?1 AND id > ?2 ORDER BY id";
const NODES: &str = "
    SELECT id, parent, callsite, label, depth, kind
    FROM nodes WHERE run = ?1 AND id > ?2 ORDER BY id";
const EVENTS: &str = "
    SELECT time_ns, kind, count, message, seq
    FROM events WHERE run = ?1 AND seq > ?2 ORDER BY seq";
const SPAN_EVENTS: &str = "
    SELECT time_ns, thread, span, callsite, json, seq
    FROM span_events WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

/// Last numbers that were read.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    callsite: i64,
    node: i64,
    event: i64,
    span_event: i64,
    roles: HashMap<u32, Role>,
    /// Roles of nodes that have one.
    role_of_node: HashMap<u32, Role>,
    has_losses: bool,
}

impl Numbered {
    /// Continues after the last event of a run.
    pub(super) fn skip_events(&mut self, store: &Store, no: i64) -> Result<(), Error> {
        self.event = newest(store, "SELECT max(seq) FROM events WHERE run = ?1", no)?;
        let span_events = "SELECT max(seq) FROM span_events WHERE run = ?1";
        self.span_event = newest(store, span_events, no)?;
        Ok(())
    }

    /// Returns the role of a node.
    pub(super) fn role(&self, node: u32) -> Option<Role> {
        self.role_of_node.get(&node).copied()
    }

    /// Returns whether the recorder has reported lost rows.
    pub(super) fn has_losses(&self) -> bool {
        self.has_losses
    }

    /// Adds new rows to `batch`, of which `left` are allowed.
    pub(super) fn read(
        &mut self,
        store: &Store,
        no: i64,
        left: &mut usize,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        // Few: callsites are code, nodes have a limit, events have few kinds.
        batch.callsites = rows(store, CALLSITES, (no, self.callsite), callsite)?;
        self.keep_roles(&batch.callsites);
        batch.nodes = rows(store, NODES, (no, self.node), node)?;
        self.keep_roles_of_nodes(&batch.nodes);
        let events = rows(store, EVENTS, (no, self.event), |r| {
            Ok((event(r)?, r.get(4)?))
        })?;
        for (row, seq) in events {
            self.event = seq;
            self.has_losses |= ["sink_error", "rows_dropped", "reopened"].contains(&&*row.kind);
            batch.events.push(row);
        }
        let limit = *left as i64;
        let bounds = (no, self.span_event, limit);
        let found = rows(store, SPAN_EVENTS, bounds, |r| {
            Ok((span_event(r)?, r.get(5)?))
        })?;
        *left -= found.len().min(*left);
        for (row, seq) in found {
            self.span_event = seq;
            batch.span_events.push(row);
        }
        Ok(())
    }

    fn keep_roles(&mut self, callsites: &[CallsiteRow]) {
        for row in callsites {
            self.callsite = self.callsite.max(row.id.into());
            self.roles.extend(row.role.map(|role| (row.id, role)));
        }
    }

    fn keep_roles_of_nodes(&mut self, nodes: &[NodeRow]) {
        for row in nodes {
            self.node = self.node.max(row.id.into());
            let role = row.callsite.and_then(|id| self.roles.get(&id));
            self.role_of_node.extend(role.map(|role| (row.id, *role)));
        }
    }
}

/// Reads rows.
pub(super) fn rows<T>(
    store: &Store,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let all = || -> rusqlite::Result<Vec<T>> {
        let mut statement = store.connection().prepare_cached(sql)?;
        statement.query_map(parameters, |r| read(r))?.collect()
    };
    all().map_err(from_sqlite(store.path()))
}

/// Returns a maximum, or 0.
pub(super) fn newest(store: &Store, sql: &str, no: i64) -> Result<i64, Error> {
    let found = rows(store, sql, [no], |r| r.get::<_, Option<i64>>(0))?;
    Ok(found.into_iter().flatten().next().unwrap_or(0))
}
