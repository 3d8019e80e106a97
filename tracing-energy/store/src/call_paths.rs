//! Energy of each call path of a run, for programs that read their own recording.

use crate::Error;
use crate::error::from_sqlite;
use crate::store::Store;

/// A call path: a path in the tree of spans, and what it cost.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CallPath {
    /// Name of the span; `None` for spans merged beyond the limit of nodes.
    pub name: Option<String>,
    /// Name with the values of key fields: `request /search`.
    pub label: String,
    /// Number of spans above it.
    pub depth: u32,
    /// Number of spans created; `None` if only totals were kept and the run was attributed
    /// again from them.
    pub count: Option<u64>,
    /// Active energy of its spans without those below them, in joules; `None` if unknown.
    pub self_j: Option<f64>,
    /// Active energy of its spans and all below them, in joules; `None` if unknown.
    pub inclusive_j: Option<f64>,
}

impl Store {
    /// Returns the call paths of a run, parents first, with the energy of all root rails.
    /// `run` selects it as [`Store::find_run`] does.
    ///
    /// # Errors
    /// When the run is unknown, or the database cannot be read.
    pub fn call_paths(&self, run: &str) -> Result<Vec<CallPath>, Error> {
        let no = self.find_run(run)?.no;
        // Entries without spans: the run was attributed from totals, which do not count spans.
        let sql = "SELECT name, label, depth,
                          CASE WHEN instances > 0 OR activations = 0 THEN instances END,
                          self_j, inclusive_j
                   FROM v_nodes WHERE run = ?1 ORDER BY node";
        let read = || -> rusqlite::Result<Vec<CallPath>> {
            let mut statement = self.connection().prepare(sql)?;
            let rows = statement.query_map([no], |row| {
                Ok(CallPath {
                    name: row.get(0)?,
                    label: row.get(1)?,
                    depth: row.get(2)?,
                    count: row
                        .get::<_, Option<i64>>(3)?
                        .and_then(|count| count.try_into().ok()),
                    self_j: row.get(4)?,
                    inclusive_j: row.get(5)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(from_sqlite(self.path()))
    }
}
