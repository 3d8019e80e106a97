//! A run as one nested JSON document.
//!
//! ```text
//! { schema, figures, tables of the recording,
//!   tree:    [{ id, label, self_j, ..., children: [...] }]       nodes
//!   threads: [{ id, tid, name, spans: [{ ..., children: [...] }] }]
//!   remainder_j }
//! ```
//!
//! Keys carry their units; null means unknown. Spans are spooled as they end and assembled
//! thread by thread, so that memory does not grow with their number.

use std::collections::HashMap;
use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::format::{ExportFormat, FormatOutput};
use super::output::ExportWriter;
use super::source::ExportSource;
use super::spool::Spool;
use super::tables;
use crate::error::Result;
use crate::query::{CellValue, Node, StoredTable, TABLES};
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkStats};

/// Version of the document; increased when a key changes its meaning or is removed.
const SCHEMA: &str = "tracing-energy/export-1";
/// Tables that the document nests instead of listing.
const NESTED: [&str; 3] = ["runs", "threads", "node_energy"];

/// The JSON format.
pub(super) struct Nested;

impl ExportFormat for Nested {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "one nested JSON document"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::Json("json")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        write!(out, "{{\"schema\":{},\"figures\":", json!(SCHEMA))?;
        value(out, &json!(source.provenance()))?;
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
        write!(
            out,
            ",\n\"remainder_j\":{}}}\n",
            json!(source.remaining_j(&walked))
        )?;
        Ok(walked)
    }
}

/// Rows as objects with commas between them.
fn objects(
    source: &ExportSource<'_>,
    table: &StoredTable,
    out: &mut ExportWriter<'_>,
) -> Result<()> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let mut is_first = true;
    tables::rows(source, table, |row| {
        let start = if is_first { "\n" } else { ",\n" };
        is_first = false;
        out.write_all(start.as_bytes())?;
        value(out, &object(&names, row))
    })
}

/// Converts a row to an object. JSON stored as text in `fields` and `config` is nested.
fn object(names: &[&str], row: &[CellValue<'_>]) -> Json {
    let pairs = names.iter().zip(row).map(|(name, value)| {
        let value = match value {
            CellValue::Null => Json::Null,
            CellValue::Whole(value) => json!(value),
            CellValue::Real(value) => json!(value),
            CellValue::Text(text) if matches!(*name, "fields" | "config") => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            CellValue::Text(text) => json!(text),
        };
        ((*name).to_owned(), value)
    });
    Json::Object(pairs.collect::<Map<_, _>>())
}

fn value(out: &mut dyn Write, value: &Json) -> Result<()> {
    Ok(serde_json::to_writer(out, value).map_err(std::io::Error::from)?)
}

/// Serializes an object without its closing brace.
fn open(object: &Json) -> Vec<u8> {
    let mut text = object.to_string().into_bytes();
    text.pop();
    text
}

/// Writes nested nodes. Uses an explicit stack, because a tree may be deeper than the call
/// stack allows.
fn tree(source: &ExportSource<'_>, out: &mut dyn Write) -> Result<()> {
    let mut children: HashMap<Option<i64>, Vec<&Node>> = HashMap::new();
    for node in &source.ledger.nodes {
        let parent = node.parent.filter(|id| source.ledger.node(*id).is_some());
        children.entry(parent).or_default().push(node);
    }
    out.write_all(b"[")?;
    // Each level: its remaining nodes, last one first.
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

/// Writes threads with their spans.
fn threads(source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
    let mut spans = SpanSpooler {
        source,
        spool: Spool::default(),
        last_depth: HashMap::new(),
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

struct SpanSpooler<'s, 'r> {
    source: &'s ExportSource<'r>,
    spool: Spool,
    /// Depth written last on each thread, which decides whether a comma is needed.
    last_depth: HashMap<u32, usize>,
}

impl ActivationVisitor for SpanSpooler<'_, '_> {
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        let row = &activation.row;
        let last = self.last_depth.insert(row.thread, activation.depth);
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

    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let row = &activation.row;
        self.last_depth.insert(row.thread, activation.depth + 1);
        let fields = activation.fields.as_deref();
        let fields = fields.map_or(Json::Null, |text| {
            object(&["fields"], &[CellValue::Text(text)])
        });
        let fields_after_children = json!({
            "end_ns": activation.end_ns, "token": row.token,
            "energy_j": cost.inclusive_j, "self_j": cost.self_j, "self_ns": cost.self_ns,
            "fields": fields["fields"],
        })
        .to_string();
        self.spool.add(row.thread, |out| {
            out.extend_from_slice(b"],");
            out.extend_from_slice(&fields_after_children.as_bytes()[1..]);
        })?;
        Ok(())
    }
}
