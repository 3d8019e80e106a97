//! Totals of stored runs.

use std::collections::HashMap;

use energy_data::rows::{Basis, Role, RunStatus};
use energy_query::Result;
use energy_query::query::{self, Balance, Recording, Run};

use crate::otlp::service_tag;
use crate::totals::{KindTotals, NodeTotals, RailTotals, RunTotals, power_valid_ns, sum_kinds};

/// Returns the totals of a run. Energy and tokens are those of its summary.
///
/// # Errors
/// If the file cannot be read.
pub fn run_totals(recording: &Recording, run: &Run) -> Result<RunTotals> {
    let row = &run.row;
    let phases = query::phases(recording, run)?;
    let totals = query::totals(recording, run, &phases)?;
    let end_ns = match row.end_ns {
        Some(end_ns) => end_ns,
        None => covered_ns(recording, run)?,
    };
    let power_ns = match row.status {
        RunStatus::Running => last_seen_ns(recording, run)?,
        _ => end_ns,
    };
    let unix_ns = |time_ns| row.start_unix_ns.saturating_add(time_ns);
    Ok(RunTotals {
        uuid: row.uuid.clone(),
        name: row.metadata.name.clone(),
        service: service_tag(row).map(str::to_owned),
        model: row.metadata.model.clone(),
        precision: row.metadata.precision.clone(),
        host: row.host.clone(),
        chip: row.chip.clone(),
        status: row.status.name(),
        provenance: run.provenance.map(|set| set.to_string()),
        start_unix_ns: row.start_unix_ns,
        end_unix_ns: unix_ns(end_ns),
        power_unix_ns: unix_ns(power_ns),
        energy_j: totals.energy_j,
        input_tokens: totals.input_tokens,
        output_tokens: totals.output_tokens,
        rails: rails(recording, run, power_ns)?,
        kinds: kinds(recording, run)?,
    })
}

fn rails(recording: &Recording, run: &Run, now_ns: i64) -> Result<Vec<RailTotals>> {
    let balance = query::balance(recording, run)?;
    let powers = match run.row.status {
        RunStatus::Running => latest_powers(recording, run, now_ns)?,
        _ => HashMap::new(),
    };
    let rail = |rail: &Balance| RailTotals {
        id: rail.qualified(),
        name: rail.name.clone(),
        kind: rail.kind.clone(),
        is_root: rail.is_root,
        provenance: rail.provenance.clone(),
        measured_j: rail.measured_j,
        power_w: powers.get(&rail.id).copied(),
        accounts: rail.accounts().to_vec(),
    };
    Ok(balance.iter().map(rail).collect())
}

/// Returns the mean power of the latest sample of each root rail. A sensor that has stopped has none.
fn latest_powers(recording: &Recording, run: &Run, now_ns: i64) -> Result<HashMap<i64, f64>> {
    let sql = "
        SELECT l.id, s.energy_j * 1e9 / (s.end_ns - s.start_ns), s.end_ns, l.interval_ns
        FROM rails l
        JOIN samples s ON s.run = l.run AND s.rail = l.id AND s.start_ns = (
             SELECT max(o.start_ns) FROM samples o WHERE o.run = l.run AND o.rail = l.id)
        WHERE l.run = ?1 AND l.parent IS NULL AND s.end_ns > s.start_ns
              AND s.energy_j IS NOT NULL";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        let age_ns = now_ns.saturating_sub(r.get(2)?);
        let is_current = age_ns <= power_valid_ns(r.get(3)?);
        Ok((is_current, (r.get(0)?, r.get(1)?)))
    })?;
    let rows: Vec<(bool, (i64, f64))> = rows.collect::<rusqlite::Result<_>>()?;
    let current = rows.into_iter().filter(|(is_current, _)| *is_current);
    Ok(current.map(|(_, power)| power).collect())
}

/// Returns the end of the time that the accounts cover, which are older than the latest samples.
fn covered_ns(recording: &Recording, run: &Run) -> Result<i64> {
    let sql = "SELECT coalesce(max(duration_ns), 0) FROM balance
               WHERE run = ?1 AND attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row((run.no, run.attribution), |r| r.get(0))?)
}

/// Returns the time of the latest rows.
fn last_seen_ns(recording: &Recording, run: &Run) -> Result<i64> {
    let sql = "SELECT coalesce(last_seen_ns, 0) FROM runs WHERE no = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row([run.no], |r| r.get(0))?)
}

fn node_energies(recording: &Recording, run: &Run) -> Result<Vec<NodeTotals>> {
    let sql = "
        SELECT e.node, l.source || '/' || l.name, e.self_j, e.self_ns, e.activations, e.basis
        FROM node_energy e
        JOIN rails l ON l.run = e.run AND l.id = e.rail AND l.parent IS NULL
        WHERE e.run = ?1 AND e.attribution = ?2 ORDER BY e.node, e.rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((run.no, run.attribution), |r| {
        let basis = Basis::from_name(&r.get::<_, String>(5)?);
        Ok(NodeTotals {
            node: r.get(0)?,
            root_rail: r.get(1)?,
            self_j: r.get(2)?,
            self_ns: r.get(3)?,
            activations: u64::try_from(r.get::<_, i64>(4)?).unwrap_or(0),
            basis: basis.map(Into::into),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Sums the energies of nodes by operation, which is what an account of spans consists of.
fn kinds(recording: &Recording, run: &Run) -> Result<Vec<KindTotals>> {
    let names = recording.store().kinds(run.no, |_| 0)?;
    let roles = node_roles(recording, run)?;
    let name = |node| {
        let kind = names.get(names.kind_of(node)?)?;
        Some((kind.name.as_str(), roles.get(&node).copied()))
    };
    Ok(sum_kinds(node_energies(recording, run)?, name))
}

fn node_roles(recording: &Recording, run: &Run) -> Result<HashMap<u32, Role>> {
    let store = recording.store();
    let callsites = store.callsites(run.no)?.all()?;
    let roles = callsites.iter().filter_map(|row| Some((row.id, row.role?)));
    let roles: HashMap<u32, Role> = roles.collect();
    let nodes = store.nodes(run.no)?.all()?;
    let of_node = nodes
        .iter()
        .filter_map(|node| Some((node.id, *roles.get(&node.callsite?)?)));
    Ok(of_node.collect())
}
