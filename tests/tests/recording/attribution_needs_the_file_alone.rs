//! Attributing a stored run again gives the numbers it was stored with.

use std::time::Duration;

use energy_tests::{burn, record};
use rusqlite::{Connection, Row};
use tracing::info_span;

/// Node, rail, self energy, inclusive energy, idle energy and activations.
type NodeEnergy = (i64, i64, f64, f64, f64, i64);

fn node_energies(database: &Connection, attribution: u32) -> Vec<NodeEnergy> {
    let sql = "SELECT node, rail, self_j, inclusive_j, idle_j, activations FROM node_energy
        WHERE attribution = ?1 ORDER BY node, rail";
    let mut query = database.prepare(sql).expect("a query");
    let row = |row: &Row<'_>| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
        ))
    };
    query
        .query_map([attribution], row)
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect()
}

/// Two threads with spans, one of them entering the same span again and again.
fn program() {
    let run = info_span!("inference").entered();
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|scope| {
        let parent = run.id();
        scope.spawn(move || {
            let _default = tracing::dispatcher::set_default(&dispatch);
            for layer in 0..20_u64 {
                let span = info_span!(parent: parent.clone(), "layer", layer);
                span.in_scope(|| burn(Duration::from_millis(20)));
            }
        });
        let reentered = info_span!("section");
        for _ in 0..30 {
            reentered.in_scope(|| burn(Duration::from_millis(10)));
        }
    });
}

#[test]
fn attribution_needs_the_file_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let summary = record(&path, program);
    let again = energy_store::reattribute(&path, &summary.uuid, &Default::default()).expect("done");
    let database = Connection::open(&path).expect("the database");
    let (first, second) = (node_energies(&database, 1), node_energies(&database, again));
    assert!(again == 2 && first.len() == second.len() && first.len() > 20);
    let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs() + 1e-12;
    for (a, b) in first.iter().zip(&second) {
        assert_eq!((a.0, a.1, a.5), (b.0, b.1, b.5));
        assert!(
            is_close(a.2, b.2) && is_close(a.3, b.3) && is_close(a.4, b.4),
            "{a:?}, then {b:?}"
        );
    }
}
