//! Writes a pulled run to a recording.

use std::path::Path;

use energy_data::rows::{
    Accounts, AttributionRow, AttributionRows, BalanceRow, BaselineRow, Basis, NodeEnergyRow,
    NodeRow, PhaseEnergyRow, RailRow, RunMetadata, RunRow, RunStatus,
};
use energy_data::sink::{Batch, Sink as _};
use energy_data::{Kernel, Provenance, RailKind};
use energy_store::{SqliteSink, Store};
use serde_json::Value;

use super::sums::PulledRun;
use super::tree::PulledTree;
use crate::columns::{ACCOUNTS, FleetTable, KINDS, NODES, PHASES, RAILS};
use crate::encode::Cell;
use crate::error::Result;
use crate::query::BETWEEN;

/// Tag of a pulled run: where it was pulled from.
const PULLED: &str = "pulled";
/// Tag of a pulled run that was being recorded: seconds of it that were sent.
const PARTIAL: &str = "partial";

/// Writes the run in place of one that was pulled before. Returns a warning if the file holds the run
/// itself, which stays.
pub(super) fn write(db: &Path, run: &PulledRun, root: &str) -> Result<Option<String>> {
    let store = Store::create(db)?;
    let uuid = run.facts.text("run").unwrap_or_default().to_owned();
    if let Some((no, _)) = store.stored_status(&uuid)? {
        let known = store.find_run(&uuid)?;
        if !known.row.metadata.tags.iter().any(|(key, _)| key == PULLED) {
            return Ok(Some(format!(
                "run {uuid}: {} holds the recording itself, which is not replaced",
                db.display()
            )));
        }
        store.delete_run(no)?;
    }
    drop(store);
    let mut sink = SqliteSink::create(db)?;
    sink.write(&batch(run, uuid, root))?;
    sink.finish()?;
    Ok(None)
}

fn batch(run: &PulledRun, uuid: String, root: &str) -> Batch {
    let rails = RailNumbers(
        run.rails
            .iter()
            .map(|row| RAILS.text(row, "rail"))
            .collect(),
    );
    let mut tree = match run.nodes.is_empty() {
        true => PulledTree::of_kinds(&run.kinds, &run.phases),
        false => PulledTree::of_nodes(&run.nodes),
    };
    let phases = phase_energy(run, &rails, &mut tree);
    let attribution = AttributionRows {
        head: Some(AttributionRow {
            id: u32::try_from(run.attribution).unwrap_or(1),
            method: run
                .method
                .clone()
                .unwrap_or_else(|| "proportional".to_owned()),
            version: 1,
            params: "{}".to_owned(),
            clock_offset_ns: None,
            diagnostics: "{}".to_owned(),
        }),
        balance: run
            .accounts
            .iter()
            .filter_map(|row| balance(&rails, row))
            .collect(),
        node_energy: node_energy(run, &rails, &tree),
        phase_energy: phases,
        ..AttributionRows::default()
    };
    Batch {
        time_ns: run.end_ns,
        heartbeat_unix_ns: energy_host::unix_ns(),
        run: Some(run_row(run, uuid, root)),
        rails: run
            .rails
            .iter()
            .filter_map(|row| rail(&rails, row))
            .collect(),
        baselines: run
            .rails
            .iter()
            .filter_map(|row| baseline(&rails, row))
            .collect(),
        callsites: tree.callsites,
        nodes: tree.nodes,
        attribution,
        ..Batch::default()
    }
}

fn run_row(run: &PulledRun, uuid: String, root: &str) -> RunRow {
    let text = |column| run.facts.text(column).map(str::to_owned);
    let status = run.facts.text("status").and_then(RunStatus::from_name);
    RunRow {
        uuid,
        status: match status {
            Some(RunStatus::Running) | None => RunStatus::Complete,
            Some(status) => status,
        },
        pid: std::process::id(),
        pid_start: None,
        boot_id: None,
        start_unix_ns: run.facts.start_unix_ns,
        end_ns: Some(run.end_ns),
        host_id: text("host_id"),
        host: text("host"),
        os: text("os"),
        chip: text("chip"),
        version: text("version").unwrap_or_default(),
        parent_run: None,
        metadata: RunMetadata {
            name: text("name"),
            model: text("model"),
            engine: text("engine"),
            precision: text("precision"),
            batch: run.facts.whole("batch"),
            input_tokens: run.input_tokens,
            output_tokens: run.output_tokens,
            tags: tags(run, root),
            ..RunMetadata::default()
        },
    }
}

fn tags(run: &PulledRun, root: &str) -> Vec<(String, String)> {
    let json = run.facts.text("tags").unwrap_or("{}");
    let json: Value = serde_json::from_str(json).unwrap_or_default();
    let sent = json.as_object().into_iter().flatten();
    let mut tags: Vec<(String, String)> = sent
        .filter(|(key, _)| key.as_str() != PULLED && key.as_str() != PARTIAL)
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    tags.push((PULLED.to_owned(), root.to_owned()));
    if !run.is_complete {
        tags.push((
            PARTIAL.to_owned(),
            format!("{} s", run.end_ns / 1_000_000_000),
        ));
    }
    tags
}

/// Numbers of rails by name.
struct RailNumbers<'r>(Vec<Option<&'r str>>);

impl RailNumbers<'_> {
    fn of(&self, name: Option<&str>) -> Option<u32> {
        let at = self
            .0
            .iter()
            .position(|known| *known == name && name.is_some())?;
        u32::try_from(at + 1).ok()
    }
}

/// Converts nanojoules to joules. Below 4.5 MJ, rounding gives the same nanojoules again.
fn joules(table: &FleetTable, row: &[Cell], column: &str) -> Option<f64> {
    table
        .whole(row, column)
        .map(|nanojoules| nanojoules as f64 / 1e9)
}

fn rail(rails: &RailNumbers<'_>, row: &[Cell]) -> Option<RailRow> {
    let text = |column| RAILS.text(row, column);
    Some(RailRow {
        id: rails.of(text("rail"))?,
        source: text("source")?.to_owned(),
        name: text("name")?.to_owned(),
        parent: rails.of(text("parent")),
        kind: text("kind")
            .and_then(RailKind::from_name)
            .unwrap_or(RailKind::Other),
        unit: "nJ".to_owned(),
        interval_ns: RAILS.whole(row, "interval_ns").unwrap_or(0),
        kernel: Kernel::Box,
        provenance: text("provenance").and_then(Provenance::from_name)?,
    })
}

fn baseline(rails: &RailNumbers<'_>, row: &[Cell]) -> Option<BaselineRow> {
    Some(BaselineRow {
        rail: rails.of(RAILS.text(row, "rail"))?,
        start_ns: 0,
        end_ns: 0,
        power_w: RAILS.cell(row, "idle_w")?.real()?,
        samples: 0,
        spread_w: None,
    })
}

fn balance(rails: &RailNumbers<'_>, row: &[Cell]) -> Option<BalanceRow> {
    let energy = |column| joules(&ACCOUNTS, row, column);
    Some(BalanceRow {
        rail: rails.of(ACCOUNTS.text(row, "rail"))?,
        accounts: Accounts {
            measured_j: energy("measured_nj")?,
            idle_j: energy("idle_nj"),
            spans_j: energy("spans_nj").unwrap_or(0.0),
            unattributed_j: energy("unattributed_nj"),
            other_processes_j: energy("other_processes_nj"),
            profiler_j: energy("profiler_nj"),
            residual_j: energy("residual_nj").unwrap_or(0.0),
            unknown_j: energy("unknown_nj"),
        },
        extrapolated_j: energy("extrapolated_nj").unwrap_or(0.0),
        duration_ns: ACCOUNTS.whole(row, "duration_ns"),
        covered_ns: ACCOUNTS.whole(row, "covered_ns"),
        lo_j: None,
        hi_j: None,
        peak_w: None,
        peak_ns: None,
    })
}

fn node_energy(run: &PulledRun, rails: &RailNumbers<'_>, tree: &PulledTree) -> Vec<NodeEnergyRow> {
    let (table, rows) = match run.nodes.is_empty() {
        true => (&KINDS, &run.kinds),
        false => (&NODES, &run.nodes),
    };
    let row = |row: &Vec<Cell>| {
        let node = match run.nodes.is_empty() {
            true => tree.kind_of(row)?,
            false => tree.node_of(row)?,
        };
        let count = |column| u64::try_from(table.whole(row, column).unwrap_or(0)).unwrap_or(0);
        let self_j = joules(table, row, "self_nj")?;
        let basis = table.text(row, "basis").and_then(Basis::from_name);
        Some(NodeEnergyRow {
            node,
            rail: rails.of(table.text(row, "rail"))?,
            self_j,
            lo_j: joules(table, row, "lo_nj"),
            hi_j: joules(table, row, "hi_nj"),
            inclusive_j: self_j,
            idle_j: joules(table, row, "idle_nj"),
            self_ns: table.whole(row, "self_ns").unwrap_or(0),
            covered_ns: table.whole(row, "covered_ns").unwrap_or(0),
            activations: count("activations"),
            instances: count("instances"),
            min_w: None,
            avg_w: None,
            peak_w: None,
            // Several bases: the least certain one.
            basis: basis.unwrap_or(Basis::Proportional),
        })
    };
    let mut all: Vec<NodeEnergyRow> = rows.iter().filter_map(row).collect();
    add_inclusive(&mut all, &tree.nodes);
    all
}

/// Adds the energies below each call path to its inclusive energy.
fn add_inclusive(rows: &mut [NodeEnergyRow], nodes: &[NodeRow]) {
    let parent = |node: u32| nodes.get(node as usize - 1).and_then(|node| node.parent);
    let own: Vec<(u32, u32, f64)> = rows
        .iter()
        .map(|row| (row.node, row.rail, row.self_j))
        .collect();
    let at: std::collections::BTreeMap<(u32, u32), usize> = own
        .iter()
        .enumerate()
        .map(|(at, (node, rail, _))| ((*node, *rail), at))
        .collect();
    for (node, rail, self_j) in own {
        let mut above = parent(node);
        while let Some(node) = above {
            if let Some(at) = at.get(&(node, rail)) {
                rows[*at].inclusive_j += self_j;
            }
            above = parent(node);
        }
    }
}

fn phase_energy(
    run: &PulledRun,
    rails: &RailNumbers<'_>,
    tree: &mut PulledTree,
) -> Vec<PhaseEnergyRow> {
    let mut rows: Vec<PhaseEnergyRow> = Vec::new();
    for row in &run.phases {
        let energy = |column| joules(&PHASES, row, column);
        let (Some(label), Some(rail)) = (
            PHASES.text(row, "phase"),
            rails.of(PHASES.text(row, "rail")),
        ) else {
            continue;
        };
        rows.push(PhaseEnergyRow {
            node: (label != BETWEEN).then(|| tree.phase(label)),
            rail,
            duration_ns: PHASES.whole(row, "duration_ns").unwrap_or(0),
            energy_j: energy("measured_nj"),
            idle_j: energy("idle_nj"),
            spans_j: energy("spans_nj"),
            peak_w: None,
            lo_j: None,
            hi_j: None,
            gap_j: None,
            edge_j: None,
            covered_ns: PHASES.whole(row, "covered_ns").unwrap_or(0),
            extrapolated_j: energy("extrapolated_nj"),
        });
    }
    rows
}
