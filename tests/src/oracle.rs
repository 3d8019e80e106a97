//! Checks invariants that every recording must hold.
//!
//! Uses the product's plausibility rules, and independent SQL statements.

use std::path::Path;

use energy_analyzer::plausibility;
use energy_analyzer::query::Recording;
use rusqlite::Connection;
use tracing_energy::RunSummary;

/// Each statement returns the run and a text for each violation. `shown` is the newest
/// attribution of each ended run, and `lost` lists the runs that lost rows.
const STATEMENTS: [(&str, &str); 14] = [
    (
        "the accounts of a rail sum to what was measured",
        "SELECT run, rail || ': ' || (coalesce(idle_j, 0) + spans_j + coalesce(unattributed_j, 0)
                + coalesce(other_processes_j, 0) + coalesce(profiler_j, 0) + residual_j
                + coalesce(unknown_j, 0)) || ' J of ' || measured_j
         FROM shown JOIN balance USING (run, attribution)
         WHERE NOT abs(coalesce(idle_j, 0) + spans_j + coalesce(unattributed_j, 0)
                + coalesce(other_processes_j, 0) + coalesce(profiler_j, 0) + residual_j
                + coalesce(unknown_j, 0) - measured_j)
               <= 1e-9 + 1e-6 * (abs(measured_j) + abs(spans_j) + abs(residual_j))",
    ),
    (
        "windows sum to the balance",
        "SELECT b.run, b.rail || ': ' || total(w.measured_j) || ' J of ' || b.measured_j
         FROM shown JOIN balance b USING (run, attribution)
         LEFT JOIN sample_balance w USING (run, attribution, rail)
         WHERE b.run NOT IN (SELECT run FROM lost) GROUP BY b.run, b.rail
         HAVING NOT abs(total(w.measured_j) - b.measured_j) <= 1e-9 + 1e-6 * abs(b.measured_j)",
    ),
    (
        "windows hold no more than the samples",
        "SELECT b.run, b.rail || ': ' || b.measured_j || ' J of ' || total(s.energy_j)
         FROM shown JOIN balance b USING (run, attribution)
         JOIN samples s ON s.run = b.run AND s.rail = b.rail
         WHERE b.run NOT IN (SELECT run FROM lost) GROUP BY b.run, b.rail
         HAVING b.measured_j > total(s.energy_j) * (1 + 1e-6) + 1e-9",
    ),
    (
        "no window has more power than the samples that it is cut from",
        "SELECT w.run, w.rail || ' at ' || w.start_ns || ': '
                || w.measured_j * 1e9 / (w.end_ns - w.start_ns) || ' W'
         FROM shown JOIN sample_balance w USING (run, attribution)
         WHERE w.run NOT IN (SELECT run FROM lost)
           AND w.measured_j * 1e9 / (w.end_ns - w.start_ns) > 1e-3 + 1.000001 * (
             SELECT max(s.energy_j * 1e9 / (s.end_ns - s.start_ns)) FROM samples s
             WHERE s.run = w.run AND s.rail = w.rail)",
    ),
    (
        "the peak is at most the largest sample",
        "SELECT run, rail || ': ' || peak_w || ' W'
         FROM shown JOIN balance USING (run, attribution)
         WHERE run NOT IN (SELECT run FROM lost) AND peak_w > 1e-3 + 1.000001 * (
             SELECT max(s.energy_j * 1e9 / (s.end_ns - s.start_ns)) FROM samples s
             WHERE s.run = balance.run AND s.rail = balance.rail)",
    ),
    (
        "the average over the covered time is at most the peak",
        "SELECT run, rail || ': ' || measured_j * 1e9 / covered_ns || ' W, peak ' || peak_w
         FROM shown JOIN balance USING (run, attribution)
         WHERE covered_ns > 0 AND measured_j * 1e9 / covered_ns > peak_w * 1.000001 + 1e-3",
    ),
    (
        "samples cover at most the run",
        "SELECT b.run, b.rail || ': ' || b.covered_ns || ' of ' || r.end_ns
         FROM shown JOIN balance b USING (run, attribution) JOIN runs r ON r.no = b.run
         WHERE b.covered_ns < 0 OR b.covered_ns > r.end_ns",
    ),
    (
        "covered parts of phases lie within them",
        "SELECT run, coalesce(node, '(between)') || ': ' || covered_ns || ' of ' || duration_ns
         FROM shown JOIN phase_energy USING (run, attribution)
         WHERE covered_ns < 0 OR covered_ns > duration_ns OR duration_ns < 0",
    ),
    (
        "self energies of nodes sum to that of spans",
        "SELECT b.run, b.rail || ': ' || total(n.self_j) || ' J of ' || b.spans_j
         FROM shown JOIN balance b USING (run, attribution)
         LEFT JOIN node_energy n USING (run, attribution, rail)
         WHERE b.run NOT IN (SELECT run FROM lost) GROUP BY b.run, b.rail
         HAVING NOT abs(total(n.self_j) - b.spans_j)
                <= 1e-9 + 1e-6 * (abs(b.spans_j) + total(abs(n.self_j)))",
    ),
    (
        "windows of a rail do not overlap",
        "SELECT run, rail || ' at ' || start_ns FROM (
             SELECT run, rail, start_ns, end_ns,
                    lag(end_ns) OVER (PARTITION BY run, rail ORDER BY start_ns) AS before
             FROM shown JOIN sample_balance USING (run, attribution))
         WHERE start_ns < before OR end_ns <= start_ns",
    ),
    (
        "spans end, and within their run",
        "SELECT r.no, s.id || ': ' || s.start_ns || ' to ' || coalesce(s.end_ns, 'open')
         FROM runs r JOIN spans s ON s.id BETWEEN r.no << 40 AND (r.no << 40 | 1099511627775)
         WHERE r.status <> 'running'
           AND (s.end_ns IS NULL OR s.end_ns < s.start_ns OR s.end_ns > r.end_ns)",
    ),
    (
        "a thread is on one processor at a time",
        "SELECT run, scope || ' ' || thread || ': ' || on_cpu_ns || ' of ' || (end_ns - start_ns)
         FROM cpu WHERE scope = 'thread'
           AND on_cpu_ns > 1.05 * (end_ns - start_ns) + 30000000",
    ),
    (
        "a run that died ends when it was last seen",
        "SELECT no, end_ns || ', last seen ' || last_seen_ns FROM runs
         WHERE status = 'crashed' AND last_seen_ns IS NOT NULL AND end_ns > 1 + max(last_seen_ns,
             (SELECT coalesce(max(end_ns), 0) FROM samples WHERE run = no),
             (SELECT coalesce(max(end_ns), 0) FROM cpu WHERE run = no),
             (SELECT coalesce(max(time_ns), 0) FROM span_events WHERE run = no),
             (SELECT coalesce(max(end_ns), 0) FROM node_windows WHERE run = no),
             (SELECT coalesce(max(end_ns), 0) FROM spans
              WHERE id BETWEEN no << 40 AND (no << 40 | 1099511627775)))",
    ),
    (
        "counts and lengths are not below zero",
        "SELECT run, kind || ': ' || count FROM events WHERE count < 0
         UNION ALL SELECT run, 'cpu of ' || scope FROM cpu WHERE on_cpu_ns < 0
         UNION ALL SELECT run, 'samples of ' || rail FROM samples WHERE energy_j < 0",
    ),
];

/// Runs that have ended with the attribution that is shown, and those that lost rows.
const TABLES: &str = "
    CREATE TEMP VIEW shown AS
    SELECT a.run, max(a.id) AS attribution FROM attributions a
    JOIN runs r ON r.no = a.run AND r.status <> 'running' GROUP BY a.run;
    CREATE TEMP VIEW lost AS
    SELECT DISTINCT run FROM events WHERE kind IN ('rows_dropped', 'sink_error');";

/// All that cannot be in the recording at `path`, in words.
///
/// # Panics
/// When the file cannot be read.
pub fn check(path: &Path) -> Vec<String> {
    let mut found = by_product(path);
    let connection = Connection::open(path).expect("a recording");
    connection.execute_batch(TABLES).expect("views");
    for (rule, sql) in STATEMENTS {
        match violations(&connection, sql) {
            Ok(violated) => found.extend(violated.into_iter().map(|one| format!("{rule}: {one}"))),
            Err(error) => panic!("{rule}: {error}"),
        }
    }
    found
}

/// All that cannot be in the recording at `path`, and what its losses lack of those that
/// `summary` counted.
///
/// # Panics
/// When the file cannot be read.
pub fn check_with(path: &Path, summary: &RunSummary) -> Vec<String> {
    let mut found = check(path);
    let connection = Connection::open(path).expect("a recording");
    let sql = "SELECT total(count), end_ns FROM runs LEFT JOIN events
               ON run = no AND kind IN ('rows_dropped', 'records_dropped') WHERE uuid = ?1";
    let (lost, end_ns): (f64, Option<i64>) = connection
        .query_row(sql, [&summary.uuid], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the run");
    if lost != summary.lost as f64 {
        found.push(format!(
            "losses: {lost} in the file, {} counted",
            summary.lost
        ));
    }
    if end_ns != Some(summary.duration_ns) {
        let counted = summary.duration_ns;
        found.push(format!("length: {end_ns:?} in the file, {counted} counted"));
    }
    found
}

/// Panics with all that cannot be in the recording at `path`.
///
/// # Panics
/// When there is anything.
pub fn assert_possible(path: &Path) {
    let found = check(path);
    assert!(found.is_empty(), "{}: {found:#?}", path.display());
}

fn by_product(path: &Path) -> Vec<String> {
    let recording = Recording::open_repaired(path).expect("a recording");
    let runs = recording.store().runs().expect("runs");
    let of = |uuid: &str| {
        let run = recording.run(uuid).expect("a run");
        plausibility::violations(&recording, &run).expect("readable")
    };
    runs.iter().flat_map(|run| of(&run.row.uuid)).collect()
}

fn violations(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let (run, what): (i64, String) = (row.get(0)?, row.get(1)?);
        Ok(format!("run {run}, {what}"))
    })?;
    rows.collect()
}
