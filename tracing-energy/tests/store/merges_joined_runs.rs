//! Joined runs are merged into their parent run completely: every row is there with its
//! references, and numbered by time. Those whose parent run is gone become independent
//! runs.

use crate::store_support::{MS, number, recording, write};
use energy_data::rows::{CpuRow, CpuScope, RunRow, RunStatus};
use energy_store::Store;
use energy_store::repair_dead_runs;
use tracing_energy::Batch;

/// A complete run of process `pid` that joins `parent_run`; its times begin `later_ns` later.
fn joining(uuid: &str, pid: u32, parent_run: Option<&str>, later_ns: i64) -> Batch {
    let mut batch = recording(uuid);
    let run = batch.run.take().expect("a run");
    batch.run = Some(RunRow {
        pid,
        pid_start: Some(i64::from(pid)),
        status: RunStatus::Complete,
        end_ns: Some(100 * MS + later_ns),
        parent_run: parent_run.map(str::to_owned),
        ..run
    });
    for span in &mut batch.spans {
        span.start_ns += later_ns;
        span.end_ns = span.end_ns.map(|end| end + later_ns);
    }
    batch.rails.clear();
    batch.samples.clear();
    batch.processes.clear();
    batch
        .cpu
        .retain(|row| matches!(row.scope, CpuScope::Thread(_) | CpuScope::Process));
    batch
}

/// The parent run: samples, and CPU times observed of a process with pid 71.
fn recorder(uuid: &str) -> Batch {
    let mut batch = recording(uuid);
    if let Some(run) = &mut batch.run {
        run.status = RunStatus::Complete;
        run.end_ns = Some(200 * MS);
    }
    batch.processes[0].pid = 71;
    batch.processes[0].pid_start = Some(71);
    batch.processes[0].has_spans = false;
    batch.spans.clear();
    (batch.nodes, batch.callsites, batch.instances) = Default::default();
    (
        batch.fields,
        batch.links,
        batch.span_events,
        batch.node_windows,
    ) = Default::default();
    batch.cpu.push(CpuRow {
        scope: CpuScope::Child(1),
        start_ns: 60 * MS,
        end_ns: 90 * MS,
        on_cpu_ns: 7,
    });
    batch
}

fn count(store: &Store, sql: &str) -> i64 {
    number(store, sql) as i64
}

#[test]
fn every_row_of_two_processes_is_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (one, two) = (
        joining("one", 71, Some("all"), 0),
        joining("two", 72, Some("all"), 3 * MS),
    );
    for batch in [&recorder("all"), &two, &one] {
        write(&path, batch);
    }
    let store = Store::open_writable(&path).expect("writable");
    assert_eq!(
        store.runs().expect("runs").len(),
        1,
        "joined runs are not listed"
    );
    let merged = store.merge_joined(1).expect("merged");
    assert_eq!((merged.processes, merged.died, merged.alive), (2, 0, 0));
    assert_eq!(count(&store, "SELECT count(*) FROM runs"), 1);

    let each = [
        ("threads", one.threads.len()),
        ("callsites", one.callsites.len()),
        ("nodes", one.nodes.len()),
        ("instances", one.instances.len()),
        ("spans", one.spans.len()),
        ("span_fields", one.fields.len()),
        ("links", one.links.len()),
        ("span_events", one.span_events.len()),
        ("node_windows", one.node_windows.len()),
    ];
    for (table, rows) in each {
        let own = i64::from(table == "threads");
        let found = count(&store, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(found, 2 * rows as i64 + own, "{table}");
    }
    // All of it belongs to run 1.
    assert_eq!(
        count(&store, "SELECT count(*) FROM spans WHERE id >> 40 <> 1"),
        0
    );
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM span_fields WHERE span >> 40 <> 1"
        ),
        0
    );

    let spans = store.spans(1).and_then(|rows| rows.all()).expect("spans");
    assert!(spans.is_sorted_by_key(|span| span.start_ns), "{spans:?}");
    let numbers: Vec<u64> = spans.iter().map(|span| span.seq).collect();
    assert_eq!(numbers, (1..=spans.len() as u64).collect::<Vec<_>>());
    // Each refers to its own process's rows: parent, node and thread are of one process.
    let threads = store
        .threads(1)
        .and_then(|rows| rows.all())
        .expect("threads");
    let process = |thread: u32| {
        let found = threads.iter().find(|row| row.id == thread);
        found.expect("a thread").process.expect("a process")
    };
    for span in &spans {
        if let Some(parent) = span.parent {
            let parent = &spans[parent as usize - 1];
            assert_eq!(process(parent.thread), process(span.thread));
            assert!(parent.start_ns <= span.start_ns);
        }
    }
    let unknown = "SELECT count(*) FROM spans s
        WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.run = 1 AND n.id = s.node)
           OR NOT EXISTS (SELECT 1 FROM threads t WHERE t.run = 1 AND t.id = s.thread)";
    assert_eq!(count(&store, unknown), 0);
    let orphans = "SELECT count(*) FROM nodes n WHERE n.parent IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM nodes p WHERE p.run = n.run AND p.id = n.parent)";
    assert_eq!(count(&store, orphans), 0);

    // The process that was seen from outside keeps its number; the other gets one.
    let processes = store
        .processes(1)
        .and_then(|rows| rows.all())
        .expect("processes");
    let recorded: Vec<_> = processes
        .iter()
        .map(|row| (row.id, row.pid, row.has_spans))
        .collect();
    assert_eq!(recorded, [(1, 71, true), (2, 72, true)]);
    // CPU times that it recorded itself, and those observed afterwards.
    let child = "SELECT count(*) FROM cpu WHERE scope = 'child' AND thread = 1";
    let own = one
        .cpu
        .iter()
        .filter(|row| row.scope == CpuScope::Process)
        .count();
    assert_eq!(count(&store, child), own as i64 + 1);
    assert_eq!(store.merge_joined(1).expect("nothing left").processes, 0);
}

#[test]
fn joined_runs_without_a_parent_become_independent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let mut gone = recorder("gone");
    if let Some(run) = &mut gone.run {
        run.pid_start = Some(-1);
    }
    write(&path, &gone);
    write(&path, &joining("late", 73, Some("gone"), 0));
    write(&path, &joining("lost", 74, Some("never there"), 0));
    // Its recorder is this process: it may still merge it.
    write(&path, &recorder("here"));
    write(&path, &joining("soon", 75, Some("here"), 0));
    let store = Store::open_writable(&path).expect("writable");
    repair_dead_runs(&store).expect("repaired");
    let runs = store.runs().expect("runs");
    let uuids: Vec<&str> = runs.iter().map(|run| run.row.uuid.as_str()).collect();
    assert_eq!(uuids, ["gone", "late", "lost", "here"]);
    assert_eq!(store.joining("here").expect("runs").len(), 1);
}
