//! Reads a run from its file.

use std::collections::BTreeMap;
use std::path::Path;

use energy_attribution::balances;
use energy_data::rows::{Accounts, ConditionTime, RunStatus, SpanRow};
use energy_store::Store;

use crate::oracle;

/// A run in a file.
#[derive(Debug)]
pub struct StoredRun {
    store: Store,
    /// Its number in the file.
    pub no: i64,
    /// How it ended.
    pub status: RunStatus,
}

/// The parts of a balance, as columns.
const ACCOUNTS: &str = "measured_j, idle_j, spans_j, unattributed_j, other_processes_j, \
     profiler_j, residual_j, unknown_j";

impl StoredRun {
    /// The run that `which` means (id, name or `last`) in the file at `path`, which must
    /// hold nothing impossible.
    pub fn open(path: &Path, which: &str) -> Self {
        oracle::assert_possible(path);
        Self::open_unchecked(path, which)
    }

    /// The same, of a file that was made to hold impossible numbers.
    pub fn open_unchecked(path: &Path, which: &str) -> Self {
        let store = Store::open(path).expect("a readable file");
        let run = store.find_run(which).expect("the run");
        Self {
            store,
            no: run.no,
            status: run.row.status,
        }
    }

    /// The same, as soon as it is there; none before.
    pub fn try_open(path: &Path, which: &str) -> Option<Self> {
        let store = Store::open(path).ok()?;
        let run = store.find_run(which).ok()?;
        Some(Self {
            store,
            no: run.no,
            status: run.row.status,
        })
    }

    /// The file.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its activations.
    pub fn spans(&self) -> Vec<SpanRow> {
        let rows = self.store.spans(self.no).and_then(|rows| rows.all());
        rows.expect("activations")
    }

    /// How many activations each node label has.
    pub fn labels(&self) -> BTreeMap<String, usize> {
        let nodes = self.store.nodes(self.no).and_then(|rows| rows.all());
        let labels: BTreeMap<u32, String> = nodes
            .expect("nodes")
            .into_iter()
            .map(|node| (node.id, node.label))
            .collect();
        let mut counts = BTreeMap::new();
        for span in self.spans() {
            *counts.entry(labels[&span.node].clone()).or_default() += 1;
        }
        counts
    }

    /// How often an event of that kind happened.
    pub fn events(&self, kind: &str) -> u64 {
        let events = self.store.events(self.no).and_then(|rows| rows.all());
        let events = events.expect("events").into_iter();
        events
            .filter(|event| event.kind == kind)
            .map(|event| event.count)
            .sum()
    }

    /// A condition at the run's start or end.
    pub fn condition(&self, time_point: ConditionTime, key: &str) -> Option<String> {
        let rows = self.store.conditions(self.no).and_then(|rows| rows.all());
        let rows = rows.expect("conditions").into_iter();
        let mut found = rows.filter(|row| row.time_point == time_point && row.key == key);
        found.next().map(|row| row.value)
    }

    /// One number that a query about the run (`?1`) gives.
    pub fn number(&self, sql: &str) -> f64 {
        let connection = self.store.connection();
        let number = connection.query_row(sql, [self.no], |row| row.get::<_, f64>(0));
        number.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Checks that every span has ended, inside the run and not before it began.
    pub fn assert_closed(&self) {
        for span in self.spans() {
            let end = span
                .end_ns
                .unwrap_or_else(|| panic!("{span:?} is still open"));
            assert!(end >= span.start_ns, "{span:?}");
        }
    }

    /// Checks that something was measured and no joule of it lost: in every
    /// window, in the run, and from the run's spans down to the nodes.
    pub fn assert_balanced(&self) {
        let windows = self.accounts("sample_balance");
        let totals = self.accounts("balance");
        for accounts in windows.iter().chain(&totals) {
            assert!(balances(accounts), "{accounts:?}");
        }
        let measured: f64 = totals.iter().map(|accounts| accounts.measured_j).sum();
        let spans: f64 = totals.iter().map(|accounts| accounts.spans_j).sum();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        let of_windows: f64 = windows.iter().map(|accounts| accounts.measured_j).sum();
        assert!(measured > 0.0 && close(measured, of_windows));
        let nodes = self.number(&format!(
            "SELECT total(self_j) FROM node_energy WHERE run = ?1 AND {SHOWN}"
        ));
        assert!(close(nodes, spans), "nodes {nodes} J, spans {spans} J");
    }

    /// A run that ended in order, with nothing lost: `spans` activations, closed
    /// and balanced.
    pub fn assert_whole(&self, spans: usize) {
        assert_eq!(self.status, RunStatus::Complete);
        assert_eq!(self.spans().len(), spans);
        self.assert_closed();
        self.assert_balanced();
        for loss in ["records_dropped", "rows_dropped", "imbalance", "sink_error"] {
            assert_eq!(self.events(loss), 0, "{loss}");
        }
    }

    /// Returns the warnings of the newest attribution.
    pub fn warnings(&self) -> Vec<String> {
        let sql = format!("SELECT diagnostics FROM attributions WHERE run = ?1 AND {SHOWN_ID}");
        let connection = self.store.connection();
        let text: String = connection
            .query_row(&sql, [self.no], |row| row.get(0))
            .expect("an attribution");
        let diagnostics: serde_json::Value = serde_json::from_str(&text).expect("a document");
        let rails = diagnostics["rails"].as_array().into_iter().flatten();
        let warnings = rails.flat_map(|rail| rail["warnings"].as_array().into_iter().flatten());
        let words = warnings.map(|warning| warning.as_str().unwrap_or_default().to_owned());
        words.collect()
    }

    /// All accounts in a table of balances.
    pub(crate) fn accounts(&self, table: &str) -> Vec<Accounts> {
        let sql = format!("SELECT {ACCOUNTS} FROM {table} WHERE run = ?1 AND {SHOWN}");
        let connection = self.store.connection();
        let mut query = connection.prepare(&sql).expect("a query");
        let rows = query.query_map([self.no], |row| {
            Ok(Accounts {
                measured_j: row.get(0)?,
                idle_j: row.get(1)?,
                spans_j: row.get(2)?,
                unattributed_j: row.get(3)?,
                other_processes_j: row.get(4)?,
                profiler_j: row.get(5)?,
                residual_j: row.get(6)?,
                unknown_j: row.get(7)?,
            })
        });
        let rows = rows.and_then(Iterator::collect);
        rows.expect("accounts")
    }
}

/// The attribution that is shown, in its own table.
const SHOWN_ID: &str = "id = (SELECT max(id) FROM attributions WHERE run = ?1)";
/// Of the attribution that is shown.
pub(crate) const SHOWN: &str = "attribution = (SELECT max(id) FROM attributions WHERE run = ?1)";
