//! A recording that keeps totals instead of rows has the same nodes, activations and
//! instances as with rows, and no more rows than windows. After a second attribution from
//! its file, the run's energy and the nodes' times are the same; energies that cannot be
//! recomputed are unknown, with a warning.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use energy_data::rows::RunStatus;
use energy_tests::{StoredRun, burn, modelled, record_with};
use tracing::info_span;
use tracing_energy::Detail;

/// Steps of the program; each is a root with spans below it.
const STEPS: u64 = 60;

/// Two threads, nested spans, spans entered again and again.
fn program() {
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _default = tracing::dispatcher::set_default(&dispatch);
            steps("helper");
        });
        steps("main");
    });
}

fn steps(name: &'static str) {
    let again = info_span!(parent: None, "again", name);
    for step in 0..STEPS {
        let _step = info_span!(parent: None, "step", name, step).entered();
        for layer in 0..3_u64 {
            info_span!("layer", layer).in_scope(|| burn(Duration::from_micros(500)));
        }
        again.in_scope(|| burn(Duration::from_micros(200)));
    }
}

fn recorded(path: &Path, detail: Detail) -> (StoredRun, String) {
    let builder = modelled(path).detail(detail);
    let summary = record_with(builder, program);
    // Each step with its layers, and the span that is entered again.
    assert_eq!(summary.activations, 2 * STEPS * 5);
    let run = StoredRun::open(path, &summary.uuid);
    assert_eq!(run.status, RunStatus::Complete);
    run.assert_balanced();
    (run, summary.uuid)
}

/// Path of each node, with its activations and instances.
fn nodes(run: &StoredRun) -> BTreeMap<String, (i64, i64)> {
    let sql = "
        WITH RECURSIVE path(id, text) AS (
            SELECT id, label FROM nodes WHERE run = ?1 AND parent IS NULL
            UNION ALL
            SELECT n.id, p.text || '/' || n.label FROM nodes n JOIN path p ON n.parent = p.id
            WHERE n.run = ?1)
        SELECT p.text, e.activations, e.instances FROM path p
        JOIN node_energy e ON e.run = ?1 AND e.attribution = 1 AND e.node = p.id AND e.rail = 1";
    let connection = run.store().connection();
    let mut query = connection.prepare(sql).expect("a query");
    let rows = query.query_map([run.no], |row| {
        Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
    });
    rows.and_then(Iterator::collect).expect("nodes")
}

/// Checks that the totals in the file sum to those of the live attribution. Self times of single
/// nodes may differ: a thread that is preempted while it records delivers its records after those
/// of other threads, and the live attribution does not go back.
fn assert_totals(run: &StoredRun) {
    let of_windows = "SELECT node, sum(self_ns) AS self_ns, sum(activations) AS activations
                      FROM node_windows WHERE run = ?1 GROUP BY node";
    let activations = format!(
        "SELECT count(*) FROM node_energy e JOIN ({of_windows}) w ON w.node = e.node
         WHERE e.run = ?1 AND e.attribution = 1 AND e.activations != w.activations"
    );
    assert_eq!(run.number(&activations), 0.0, "nodes differ from windows");
    let self_ns = format!(
        "SELECT abs(sum(e.self_ns) * 1.0 / sum(w.self_ns) - 1) FROM node_energy e
         JOIN ({of_windows}) w ON w.node = e.node WHERE e.run = ?1 AND e.attribution = 1"
    );
    let error = run.number(&self_ns);
    assert!(error < 0.01, "self times differ by {error} in sum");
    let windows = run.number("SELECT count(DISTINCT start_ns) FROM node_windows WHERE run = ?1");
    let rows = run.number("SELECT count(*) FROM node_windows WHERE run = ?1");
    let places =
        run.number("SELECT count(DISTINCT node || ' ' || thread) FROM node_windows WHERE run = ?1");
    assert!(rows <= windows * places, "{rows} rows in {windows} windows");
}

/// Attributes again, and checks what must not change and what must be unknown.
fn assert_attributed_again(path: &Path, run: &StoredRun, uuid: &str) {
    let again = energy_store::reattribute(path, uuid, &Default::default()).expect("done");
    assert_eq!(again, 2);
    run.assert_balanced();
    for figure in [
        "measured_j",
        "idle_j",
        "spans_j + unattributed_j",
        "other_processes_j",
        "profiler_j",
    ] {
        let of = |id: u32| {
            let sql = format!(
                "SELECT {figure} FROM balance WHERE run = ?1 AND attribution = {id} AND rail = 1"
            );
            run.number(&sql)
        };
        let (first, second) = (of(1), of(2));
        let scale = first.abs().max(1e-6);
        assert!(
            (first - second).abs() <= 1e-9 * scale,
            "{figure}: {first}, then {second}"
        );
    }
    let differ = "
        SELECT count(*) FROM node_energy a JOIN node_energy b
        ON b.run = a.run AND b.attribution = 2 AND b.node = a.node AND b.rail = a.rail
        WHERE a.run = ?1 AND a.attribution = 1
          AND (a.activations != b.activations OR a.idle_j IS NULL OR b.idle_j IS NOT NULL)";
    assert_eq!(run.number(differ), 0.0);
    let from_windows = "
        SELECT count(*) FROM node_energy e
        JOIN (SELECT node, sum(self_ns) AS self_ns FROM node_windows WHERE run = ?1 GROUP BY node) w
             ON w.node = e.node
        WHERE e.run = ?1 AND e.attribution = 2 AND e.self_ns != w.self_ns";
    assert_eq!(run.number(from_windows), 0.0, "nodes differ from windows");
    let sql = "
        SELECT json_extract(diagnostics, '$.from_totals') FROM attributions
        WHERE run = ?1 ORDER BY id DESC LIMIT 1";
    assert_eq!(run.number(sql), 1.0);
}

#[test]
fn totals_need_no_rows_of_spans() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (all, _) = recorded(&path, Detail::Spans);
    assert_eq!(all.spans().len() as u64, 2 * STEPS * 5);

    let (totals, uuid) = recorded(&path, Detail::Nodes);
    assert_eq!(totals.spans().len(), 0);
    assert_eq!(nodes(&totals), nodes(&all));
    assert_totals(&totals);
    assert_attributed_again(&path, &totals, &uuid);

    let one_in = 10;
    let (sampled, sampled_uuid) = recorded(&path, Detail::Sampled(one_in as u32));
    assert_eq!(nodes(&sampled), nodes(&all));
    assert_totals(&sampled);
    let roots = sampled
        .spans()
        .into_iter()
        .filter(|span| span.parent.is_none());
    assert_eq!(roots.count() as u64, 2 * STEPS / one_in);
    assert_eq!(sampled.spans().len() as u64, 2 * STEPS / one_in * 5);
    sampled.assert_closed();
    assert_attributed_again(&path, &sampled, &sampled_uuid);
}
