//! The data of the charts as tables, which are readable without scripts.

use serde_json::{Value, json};

use super::drawn::DrawnRun;
use super::markup::{details, paragraph};
use crate::charts::{Flow, Flows, Matrix, MatrixCell, PowerTimeline, TokenSeries, TreeChart};
use crate::format::{Column, Sheet, energy, shorten};
use crate::query::{Condition, NodeGroup, average_w, sum_known};
use crate::summary::{hot, kinds_name};
use crate::views::ViewScope;

/// Maximum numbers of rows.
const HOTTEST: usize = 50;
const KINDS: usize = 200;
const GROUPS: usize = 300;
const NODES: usize = 400;
/// Maximum length of an operation's name, and of a hash.
const KIND: usize = 70;
const HASH: usize = 13;

/// Returns the tables of the last section.
pub(super) fn all(drawn: &DrawnRun) -> String {
    hottest(drawn) + &kinds(drawn) + &groups(drawn)
}

fn hottest(drawn: &DrawnRun) -> String {
    let columns = vec![
        Column::path("node", "call path"),
        Column::energy("energy_j", "self energy"),
        Column::interval("lo_j", "hi_j", "90 %"),
        Column::percent("share", "share"),
        Column::count("instances", "count"),
        Column::time("self_ns", "self time"),
        Column::text("basis", "basis"),
    ];
    let rows = hot(&drawn.ledger, &ViewScope::default(), HOTTEST);
    if rows.is_empty() {
        return paragraph("empty", "No span has energy.");
    }
    Sheet::new("hottest", "Hottest call paths (ledger)", columns, rows).html()
}

fn kinds(drawn: &DrawnRun) -> String {
    let kinds = &drawn.summary.kinds;
    if kinds.kinds.is_empty() {
        return String::new();
    }
    let columns = vec![
        Column::path("kind", "operation"),
        Column::energy("energy_j", "active"),
        Column::interval("lo_j", "hi_j", "90 %"),
        Column::energy("extrapolated_j", "extrapolated part"),
        Column::count("group", "group"),
        Column::text("basis", "basis"),
    ];
    let rows = kinds.kinds.iter().take(KINDS);
    let mut html = Sheet::new("kinds", "Operations, active self energy", columns, rows).html();
    html += &more(kinds.kinds.len(), KINDS, "energy ops");
    if kinds.groups.is_empty() {
        return html;
    }
    let columns = vec![
        Column::count("group", "group"),
        Column::text("kinds", "indistinguishable operations"),
        Column::count("count", "operations"),
        Column::energy("energy_j", "total"),
        Column::interval("lo_j", "hi_j", "90 %"),
    ];
    let row = |group: &crate::summary::KindGroup| {
        json!({
            "group": group.group, "kinds": kinds_name(&group.kinds, KIND),
            "count": group.kinds.len(),
            "energy_j": group.energy_j, "lo_j": group.lo_j, "hi_j": group.hi_j,
        })
    };
    let rows = kinds.groups.iter().take(GROUPS).map(row);
    html += &Sheet::new(
        "groups",
        "Groups of indistinguishable operations",
        columns,
        rows,
    )
    .html();
    html += &paragraph(
        "note",
        "Only the total of a group is estimated; its division among operations is an assumption.",
    );
    html
}

fn groups(drawn: &DrawnRun) -> String {
    let columns = || {
        vec![
            Column::text("name", "name"),
            Column::energy("energy_j", "energy"),
            Column::percent("share", "share"),
            Column::count("instances", "count"),
            Column::energy("j_per_instance", "per call"),
            Column::power("avg_w", "power"),
            Column::text("basis", "basis"),
        ]
    };
    let table = |title: &str, groups: &[NodeGroup]| match groups.is_empty() {
        true => String::new(),
        false => {
            let rows = groups.iter().take(GROUPS);
            Sheet::new("groups", title, columns(), rows).html()
                + &more(groups.len(), GROUPS, "energy layers")
        }
    };
    let summary = &drawn.summary;
    let html = table("Layers (ledger)", &summary.layers)
        + &table("Components (ledger)", &summary.components);
    match html.as_str() {
        "" => html,
        _ => {
            html + &paragraph(
                "note",
                "Layers and components are sums over several operations, so they have no interval.",
            )
        }
    }
}

/// Returns root spans by name, without shares.
pub(super) fn roots(drawn: &DrawnRun) -> String {
    let columns = vec![
        Column::text("name", "root span"),
        Column::energy("energy_j", "energy"),
        Column::count("instances", "count"),
        Column::energy("j_per_instance", "per call"),
        Column::time("busy_ns", "busy"),
        Column::power("avg_w", "power"),
        Column::text("basis", "basis"),
    ];
    let roots = &drawn.summary.roots;
    let rows = roots.iter().take(GROUPS);
    Sheet::new("roots", "Root spans (ledger)", columns, rows).html()
        + &more(roots.len(), GROUPS, "energy pipeline")
}

fn more(found: usize, shown: usize, command: &str) -> String {
    match found.saturating_sub(shown) {
        0 => String::new(),
        more => paragraph("note", &format!("{more} more are listed by `{command}`.")),
    }
}

pub(super) fn conditions(conditions: &[Condition]) -> String {
    let columns = vec![
        Column::text("key", "condition"),
        Column::text("start", "at the start"),
        Column::text("end", "at the end"),
        Column::text("changed", ""),
    ];
    let row = |one: &Condition| {
        // Hashes are shortened, but remain distinguishable.
        let shown = |value: &Option<String>| match one.key.ends_with("_sha256") {
            true => value.as_deref().map(|hash| shorten(hash, HASH)),
            false => value.clone(),
        };
        json!({
            "key": one.key, "start": shown(&one.start), "end": shown(&one.end),
            "changed": if one.has_changed() { "changed" } else { "" },
        })
    };
    Sheet::new(
        "conditions",
        "Conditions",
        columns,
        conditions.iter().map(row),
    )
    .html()
}

pub(super) fn phases(drawn: &DrawnRun) -> String {
    let columns = vec![
        Column::text("phase", "phase"),
        Column::time("duration_ns", "time"),
        Column::energy("energy_j", "energy"),
        Column::interval("lo_j", "hi_j", "90 %"),
        Column::energy("active_j", "active"),
        Column::energy("idle_j", "idle"),
        Column::percent("share", "share"),
        Column::power("avg_w", "average"),
        Column::power("peak_w", "peak"),
        Column::text("basis", "basis"),
    ];
    let mut rows: Vec<Value> = drawn.data.phases.iter().map(|phase| json!(phase)).collect();
    let (totals, phases) = (&drawn.summary.totals, &drawn.data.phases);
    rows.push(json!({
        "phase": "total", "duration_ns": totals.duration_ns, "energy_j": totals.energy_j,
        "lo_j": drawn.interval.lo_j, "hi_j": drawn.interval.hi_j, "active_j": totals.active_j,
        "idle_j": totals.idle_j, "basis": totals.basis,
        "share": sum_known(phases.iter().map(|phase| phase.share)),
        "avg_w": average_w(totals.energy_j, totals.duration_ns),
        "peak_w": phases.iter().filter_map(|phase| phase.peak_w).reduce(f64::max),
    }));
    Sheet::of_values("phases", "Phases (interval energies)", columns, rows).html()
}

pub(super) fn power(timeline: &PowerTimeline) -> String {
    let columns = vec![
        Column::text("rail", "rail"),
        Column::time("from", "from"),
        Column::time("to", "to"),
        Column::power("avg_w", "mean"),
        Column::power("min_w", "lowest"),
        Column::power("max_w", "highest"),
        Column::energy("energy_j", "energy"),
        Column::text("phase", "phase"),
    ];
    let rows: Vec<Value> = timeline
        .rails
        .iter()
        .flat_map(|rail| {
            rail.steps.iter().map(|step| {
                json!({
                    "rail": rail.rail, "from": step.start_ns, "to": step.end_ns,
                    "avg_w": average_w(Some(step.energy_j), Some(step.time_ns)),
                    "min_w": step.min_w, "max_w": step.max_w, "energy_j": step.energy_j,
                    "phase": step.phase,
                })
            })
        })
        .collect();
    let count = rows.len();
    let sheet = Sheet::of_values("power", "Power of rails, step by step", columns, rows);
    details("Power as a table", count, &sheet.html())
}

pub(super) fn matrix(matrix: &Matrix) -> String {
    let columns = vec![
        Column::text("layer", "layer"),
        Column::text("component", "component"),
        Column::energy("energy_j", "energy"),
        Column::interval("lo_j", "hi_j", "90 %"),
        Column::count("nodes", "call paths"),
    ];
    let row = |cell: &MatrixCell| {
        json!({
            "layer": matrix.layers[cell.layer], "component": matrix.components[cell.component],
            "energy_j": cell.energy_j, "lo_j": cell.lo, "hi_j": cell.hi, "nodes": cell.nodes,
        })
    };
    let rows = matrix.all.iter().map(row);
    let sheet = Sheet::new("matrix", "Layers by components, all phases", columns, rows);
    details("Cells as a table", matrix.all.len(), &sheet.html())
}

pub(super) fn tokens(series: &TokenSeries) -> String {
    let many = series.per_bar > 1;
    let mut columns = vec![Column::count("token", "token")];
    columns.push(match many {
        true => Column::count("n", "tokens"),
        false => Column::text("text", "text"),
    });
    columns.extend([
        Column::energy("j", "energy"),
        match many {
            true => Column::interval("min", "max", "lowest .. highest"),
            false => Column::interval("lo", "hi", "90 %"),
        },
        Column::time("ns", "time"),
        Column::text("phase", "phase"),
        Column::text("out", "outlier"),
        Column::text("note", "note"),
    ]);
    let rows = series.bars.iter().map(|bar| {
        let mut row = json!(bar);
        row["out"] = json!(match (many, bar.high, bar.low) {
            (_, 0, 0) => String::new(),
            (false, high, _) => if high > 0 { "high" } else { "low" }.to_owned(),
            (true, high, low) => format!("{high} high, {low} low"),
        });
        row
    });
    let sheet = Sheet::new("tokens", "Tokens (interval energies)", columns, rows);
    details("Tokens as a table", series.bars.len(), &sheet.html())
}

pub(super) fn flows(flows: &Flows) -> String {
    let columns = vec![
        Column::text("from", "from"),
        Column::text("to", "to"),
        Column::energy("energy_j", "energy"),
        Column::count("of", "names"),
    ];
    let row = |flow: &Flow| {
        let (from, to) = (&flows.nodes[flow.from], &flows.nodes[flow.to]);
        json!({
            "from": from.name, "to": to.name, "energy_j": flow.energy_j, "of": to.of,
        })
    };
    let rows = flows.links.iter().map(row);
    let title = format!("Flows; {} in total", energy(Some(flows.energy_j)));
    let sheet = Sheet::new("flows", title, columns, rows);
    details("Flows as a table", flows.links.len(), &sheet.html())
}

/// Returns the nodes with the highest inclusive energy.
pub(super) fn tree(tree: &TreeChart) -> String {
    let mut inclusive = tree.self_j.clone();
    for at in (0..inclusive.len()).rev() {
        if let Ok(above) = usize::try_from(tree.parent[at]) {
            inclusive[above] += inclusive[at];
        }
    }
    let mut order: Vec<usize> = (0..inclusive.len()).collect();
    order.sort_by(|a, b| inclusive[*b].total_cmp(&inclusive[*a]));
    let columns = vec![
        Column::path("path", "call path"),
        Column::energy("all_j", "inclusive"),
        Column::energy("own_j", "self"),
        Column::interval("lo_j", "hi_j", "90 % of self"),
        Column::count("merged", "merged"),
    ];
    let row = |at: &usize| {
        json!({
            "path": path(tree, *at), "all_j": inclusive[*at], "own_j": tree.self_j[*at],
            "lo_j": tree.lo[*at], "hi_j": tree.hi[*at],
            "merged": Some(tree.merged[*at]).filter(|merged| *merged > 0),
        })
    };
    let rows = order.iter().take(NODES).map(row);
    let sheet = Sheet::new("tree", "Call paths of the tree of spans", columns, rows);
    let html = sheet.html() + &more(order.len(), NODES, "energy flamegraph --folded -");
    details("Call paths as a table", order.len(), &html)
}

fn path(tree: &TreeChart, node: usize) -> String {
    let up = |at: &usize| usize::try_from(tree.parent[*at]).ok();
    let mut labels: Vec<&str> = std::iter::successors(Some(node), up)
        .map(|at| tree.names[tree.name[at]].as_str())
        .collect();
    labels.reverse();
    labels.join(" > ")
}
