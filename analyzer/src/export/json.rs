//! All of a run as one nested JSON document.
//!
//! ```text
//! { schema, figures, tables of the recording,
//!   tree:    [{ id, label, self_j, ..., children: [...] }]       nodes
//!   threads: [{ id, tid, name, spans: [{ ..., children: [...] }] }]
//!   rest_j }
//! ```
//!
//! Keys carry their units; null is not known. Spans of threads are written as they end
//! and put together thread by thread, so that memory does not grow with them.

use std::collections::HashMap;
use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::spool::Spool;
use super::tables;
use super::{Activation, Cost, Format, Makes, Output, Source, Visit, Walked};
use crate::error::Result;
use crate::query::{Node, TABLES, Table, Value};

/// Version of the document; it grows when a key changes its meaning or goes.
const SCHEMA: &str = "tracing-energy/export-1";
/// What has a place of its own in the document.
const NESTED: [&str; 3] = ["runs", "threads", "node_energy"];

/// The format.
pub(super) struct Nested;

impl Format for Nested {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "one nested JSON document"
    }

    fn makes(&self) -> Makes {
        Makes::Json("json")
    }

    fn write(&self, source: &Source<'_>, out: &mut Output<'_>) -> Result<Walked> {
        write!(out, "{{\"schema\":{},\"figures\":", json!(SCHEMA))?;
        value(out, &json!(source.figures()))?;
        for table in TABLES.iter().filter(|table| !NESTED.contains(&table.name)) {
            write!(out, ",\n{}:[", json!(table.name))?;
            objects(source, table, out)?;
            out.write_all(b"]")?;
        }
        write!(out, ",\n\"run\":")?;
        if let Some(table) = TABLES.iter().find(|table| table.name == "runs") {
            objects(source, table, out)?;
        }
        write!(out, ",\n\"tree\":")?;
        tree(source, out)?;
        let walked = threads(source, out)?;
        write!(out, ",\n\"rest_j\":{}}}\n", json!(source.rest_j(&walked)))?;
        Ok(walked)
    }
}

/// Rows as objects with commas between them.
fn objects(source: &Source<'_>, table: &Table, out: &mut Output<'_>) -> Result<()> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let mut is_first = true;
    tables::rows(source, table, |row| {
        let start = if is_first { "\n" } else { ",\n" };
        is_first = false;
        out.write_all(start.as_bytes())?;
        value(out, &object(&names, row))
    })
}

/// A row as an object. JSON that the recording holds as text is nested.
fn object(names: &[&str], row: &[Value<'_>]) -> Json {
    let pairs = names.iter().zip(row).map(|(name, value)| {
        let value = match value {
            Value::Null => Json::Null,
            Value::Whole(value) => json!(value),
            Value::Real(value) => json!(value),
            Value::Text(text) if matches!(*name, "fields" | "config") => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            Value::Text(text) => json!(text),
        };
        ((*name).to_owned(), value)
    });
    Json::Object(pairs.collect::<Map<_, _>>())
}

fn value(out: &mut dyn Write, value: &Json) -> Result<()> {
    Ok(serde_json::to_writer(out, value).map_err(std::io::Error::from)?)
}

/// An object without its closing brace.
fn open(object: &Json) -> Vec<u8> {
    let mut text = object.to_string().into_bytes();
    text.pop();
    text
}

/// Nodes within nodes. Depth is that of the tree, which a stack of our own follows.
fn tree(source: &Source<'_>, out: &mut dyn Write) -> Result<()> {
    let mut children: HashMap<Option<i64>, Vec<&Node>> = HashMap::new();
    for node in &source.ledger.nodes {
        let parent = node.parent.filter(|id| source.ledger.node(*id).is_some());
        children.entry(parent).or_default().push(node);
    }
    out.write_all(b"[")?;
    // Each level: what is left of it, last one first.
    let mut levels = vec![reversed(children.remove(&None))];
    let mut is_first = true;
    while let Some(level) = levels.last_mut() {
        let Some(node) = level.pop() else {
            levels.pop();
            out.write_all(if levels.is_empty() { b"]" } else { b"]}" })?;
            is_first = false;
            continue;
        };
        out.write_all(if is_first { b"\n" } else { b",\n" })?;
        let node_json = json!({
            "id": node.id, "label": node.label, "name": node.name, "role": node.role,
            "self_j": node.self_j,
            "lo_j": node.spread.around(node.self_j).0,
            "hi_j": node.spread.around(node.self_j).1,
            "basis": node.basis, "idle_j": node.idle_j, "self_ns": node.self_ns,
            "activations": node.activations, "instances": node.instances,
        });
        out.write_all(&open(&node_json))?;
        out.write_all(b",\"children\":[")?;
        levels.push(reversed(children.remove(&Some(node.id))));
        is_first = true;
    }
    Ok(())
}

fn reversed(nodes: Option<Vec<&Node>>) -> Vec<&Node> {
    let mut nodes = nodes.unwrap_or_default();
    nodes.reverse();
    nodes
}

/// Threads with their spans.
fn threads(source: &Source<'_>, out: &mut Output<'_>) -> Result<Walked> {
    let mut spans = Spans {
        source,
        spool: Spool::default(),
        begun: HashMap::new(),
    };
    let walked = source.walk(&mut spans)?;
    write!(out, ",\n\"threads\":[")?;
    let mut ids = spans.spool.texts();
    ids.extend(source.threads.iter().map(|thread| thread.id));
    ids.sort_unstable();
    ids.dedup();
    for (at, id) in ids.into_iter().enumerate() {
        let thread = source.thread(id);
        let head = json!({
            "id": id, "tid": source.tid(id), "pid": source.pid(id),
            "name": thread.and_then(|thread| thread.name.as_ref()),
            "role": thread.map(|thread| thread.role.name()),
        });
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        out.write_all(&open(&head))?;
        out.write_all(b",\"spans\":[")?;
        spans.spool.copy(id, out)?;
        out.write_all(b"]}")?;
    }
    out.write_all(b"]")?;
    Ok(walked)
}

struct Spans<'s, 'r> {
    source: &'s Source<'r>,
    spool: Spool,
    /// Depth that was written last on each thread: whether a comma is needed.
    begun: HashMap<u32, usize>,
}

impl Visit for Spans<'_, '_> {
    fn enter(&mut self, activation: &Activation) -> Result<()> {
        let row = &activation.row;
        let last = self.begun.insert(row.thread, activation.depth);
        let follows = last.is_some_and(|last| last > activation.depth);
        let start: &[u8] = if follows { b",\n" } else { b"\n" };
        let label = json!(self.source.label(row.node));
        self.spool.add(row.thread, |out| {
            out.extend_from_slice(start);
            // Writing to a vector does not fail.
            let _ = write!(
                out,
                "{{\"span\":{},\"node\":{},\"label\":{label},\"start_ns\":{},\"children\":[",
                row.seq, row.node, activation.start_ns
            );
        })?;
        Ok(())
    }

    fn exit(&mut self, activation: &Activation, cost: &Cost) -> Result<()> {
        let row = &activation.row;
        self.begun.insert(row.thread, activation.depth + 1);
        let fields = activation.fields.as_deref();
        let fields = fields.map_or(Json::Null, |text| object(&["fields"], &[Value::Text(text)]));
        let rest = json!({
            "end_ns": activation.end_ns, "token": row.token,
            "energy_j": cost.inclusive_j, "self_j": cost.self_j, "self_ns": cost.self_ns,
            "fields": fields["fields"],
        })
        .to_string();
        self.spool.add(row.thread, |out| {
            out.extend_from_slice(b"],");
            out.extend_from_slice(&rest.as_bytes()[1..]);
        })?;
        Ok(())
    }
}
