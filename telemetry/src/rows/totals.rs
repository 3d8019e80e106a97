//! Totals of stored runs.

use std::collections::{BTreeMap, HashMap};

use energy_data::rows::{Basis, Role, RunStatus};
use energy_query::Result;
use energy_query::query::{self, Balance, Recording, Run};
use rusqlite::types::Type;

use crate::otlp::service_tag;
use crate::totals::{KindEnergy, KindTotals, RailTotals, RunTotals, limit_kinds};

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
        None => last_sample_ns(recording, run)?,
    };
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
        end_unix_ns: row.start_unix_ns.saturating_add(end_ns),
        energy_j: totals.energy_j,
        input_tokens: totals.input_tokens,
        output_tokens: totals.output_tokens,
        rails: rails(recording, run)?,
        kinds: kinds(recording, run)?,
    })
}

/// Totals of ended runs of one file, which are read once.
#[derive(Debug, Default)]
pub struct KnownTotals(HashMap<i64, (Run, RunTotals)>);

impl KnownTotals {
    /// Returns the totals of the newest `runs` of a file, those being recorded first, with at most
    /// `kinds` operations in total. Runs that belong to another one are left out: their energy is
    /// that one's. A run that cannot be read is left out.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(
        &mut self,
        recording: &Recording,
        runs: usize,
        kinds: usize,
    ) -> Result<Vec<RunTotals>> {
        let mut before = std::mem::take(&mut self.0);
        let mut totals = Vec::new();
        for uuid in newest(recording, runs)? {
            let Ok(run) = recording.run(&uuid) else {
                continue;
            };
            let known = before.remove(&run.no).filter(|(known, _)| *known == run);
            let of_run = match known {
                Some((_, totals)) if run.row.status != RunStatus::Running => totals,
                _ => run_totals(recording, &run)?,
            };
            totals.push(of_run.clone());
            self.0.insert(run.no, (run, of_run));
        }
        limit_kinds(&mut totals, kinds);
        Ok(totals)
    }
}

/// Returns the uuids of the newest independent runs, those being recorded first.
fn newest(recording: &Recording, count: usize) -> Result<Vec<String>> {
    let sql = "SELECT uuid FROM runs WHERE parent_run IS NULL
               ORDER BY status = 'running' DESC, no DESC LIMIT ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = statement.query_map([count], |r| r.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn rails(recording: &Recording, run: &Run) -> Result<Vec<RailTotals>> {
    let balance = query::balance(recording, run)?;
    let powers = match run.row.status {
        RunStatus::Running => latest_powers(recording, run)?,
        _ => HashMap::new(),
    };
    let rail = |rail: &Balance| RailTotals {
        id: rail.qualified(),
        name: rail.name.clone(),
        kind: rail.kind.clone(),
        parent: rail.parent.clone(),
        provenance: rail.provenance.clone(),
        measured_j: rail.measured_j,
        power_w: powers.get(&rail.id).copied(),
        accounts: rail.accounts().to_vec(),
    };
    Ok(balance.iter().map(rail).collect())
}

/// Returns the mean power of the latest sample of each root rail.
fn latest_powers(recording: &Recording, run: &Run) -> Result<HashMap<i64, f64>> {
    let sql = "
        SELECT l.id, s.energy_j * 1e9 / (s.end_ns - s.start_ns)
        FROM rails l
        JOIN samples s ON s.run = l.run AND s.rail = l.id AND s.start_ns = (
             SELECT max(o.start_ns) FROM samples o WHERE o.run = l.run AND o.rail = l.id)
        WHERE l.run = ?1 AND l.parent IS NULL AND s.end_ns > s.start_ns
              AND s.energy_j IS NOT NULL";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Returns the end of the latest sample that is attributed.
fn last_sample_ns(recording: &Recording, run: &Run) -> Result<i64> {
    let sql = "SELECT coalesce(max(end_ns), 0) FROM sample_balance
               WHERE run = ?1 AND attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row((run.no, run.attribution), |r| r.get(0))?)
}

/// A row of `node_energy` on a root rail.
struct NodeEnergy {
    node: u32,
    rail: String,
    self_j: f64,
    self_ns: i64,
    activations: i64,
    basis: Option<Basis>,
}

fn node_energies(recording: &Recording, run: &Run) -> Result<Vec<NodeEnergy>> {
    let sql = "
        SELECT e.node, l.source || '/' || l.name, e.self_j, e.self_ns, e.activations, e.basis
        FROM node_energy e
        JOIN rails l ON l.run = e.run AND l.id = e.rail AND l.parent IS NULL
        WHERE e.run = ?1 AND e.attribution = ?2 ORDER BY e.node, e.rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((run.no, run.attribution), |r| {
        Ok(NodeEnergy {
            node: r.get(0)?,
            rail: r.get(1)?,
            self_j: r.get(2)?,
            self_ns: r.get(3)?,
            activations: r.get(4)?,
            basis: Basis::from_name(r.get_ref(5)?.as_str().map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(5, Type::Text, Box::new(error))
            })?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Sums the energies of nodes by kind, which is what an account of spans consists of.
fn kinds(recording: &Recording, run: &Run) -> Result<Vec<KindTotals>> {
    let store = recording.store();
    let names = store.kinds(run.no, |_| 0)?;
    let roles = node_roles(recording, run)?;
    let mut kinds: BTreeMap<u32, KindTotals> = BTreeMap::new();
    let mut counted = None;
    for row in node_energies(recording, run)? {
        let Some(id) = names.kind_of(row.node) else {
            continue;
        };
        let kind = kinds.entry(id).or_insert_with(|| KindTotals {
            kind: names
                .get(id)
                .map(|kind| kind.name.clone())
                .unwrap_or_default(),
            role: roles.get(&row.node).map(|role| role.name()),
            ..KindTotals::default()
        });
        // Each rail has a row with the same time.
        if counted.replace(row.node) != Some(row.node) {
            kind.self_ns += row.self_ns;
            kind.activations += u64::try_from(row.activations).unwrap_or(0);
        }
        kind.add_energy(KindEnergy {
            rail: row.rail,
            self_j: row.self_j,
            basis: row.basis.map(Into::into),
        });
    }
    Ok(kinds.into_values().collect())
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
