//! A follower reports the rows of the file, each once, however they were written and whenever it
//! polls.

use std::path::Path;

use energy_data::rows::*;
use energy_store::{FollowFrom, Follower, SqliteSink, Store};
use proptest::prelude::*;
use tracing_energy::live::Update;
use tracing_energy::{Batch, MemorySink, Sink};

use crate::store_support::rows::{self, MS};
use crate::store_support::{ended, recording};
use crate::waiting::until;

/// What a follower has reported.
#[derive(Default)]
struct Reported {
    rows: MemorySink,
    ended: Vec<RunStatus>,
}

impl Reported {
    fn add(&mut self, updates: Vec<Update>) {
        for update in updates {
            match update {
                Update::Rows { batch, .. } => self.rows.write(&batch).expect("written"),
                Update::Ended { status, .. } => self.ended.push(status),
                other => panic!("{other:?}"),
            }
        }
    }

    fn until_end(&mut self, follower: &mut Follower) {
        until("the end", || {
            self.add(follower.poll().expect("readable"));
            !self.ended.is_empty()
        });
    }
}

/// Sorts the tables that a follower reads, and removes the others.
fn followed(mut rows: Batch) -> Batch {
    rows.spans.sort_by_key(|row| row.seq);
    rows.samples.sort_by_key(|row| (row.start_ns, row.rail));
    let attribution = &mut rows.attribution;
    let balances = &mut attribution.sample_balance;
    balances.sort_by_key(|row| (row.start_ns, row.rail));
    let powers = &mut attribution.window_power;
    powers.sort_by_key(|row| (row.start_ns, row.rail, row.thread, row.kind));
    attribution
        .span_energy
        .sort_by_key(|row| (row.span, row.rail));
    attribution
        .phase_energy
        .sort_by_key(|row| (row.node, row.rail));
    let attribution = AttributionRows {
        head: attribution.head.clone(),
        sample_balance: attribution.sample_balance.clone(),
        window_power: attribution.window_power.clone(),
        span_energy: attribution.span_energy.clone(),
        phase_energy: attribution.phase_energy.clone(),
        balance: attribution.balance.clone(),
        ..AttributionRows::default()
    };
    rows.nodes.iter_mut().for_each(|row| row.kind = None);
    Batch {
        run: rows.run,
        rails: rows.rails,
        processes: rows.processes,
        threads: rows.threads,
        callsites: rows.callsites,
        nodes: rows.nodes,
        spans: rows.spans,
        samples: rows.samples,
        baselines: rows.baselines,
        conditions: rows.conditions,
        events: rows.events,
        span_events: rows.span_events,
        attribution,
        ..Batch::default()
    }
}

fn assert_same(memory: &MemorySink, reported: &Reported) {
    let (expected, found) = (followed(memory.rows()), followed(reported.rows.rows()));
    assert_eq!(found, expected);
}

/// Writes `batches` to a file and to memory, and polls a follower after those that `polls` selects.
fn follow(path: &Path, batches: &[Batch], polls: &[bool], limit: usize) -> (MemorySink, Reported) {
    let mut memory = MemorySink::new();
    let mut sink = SqliteSink::create(path).expect("a new file");
    let follower = Follower::open_from(path, FollowFrom::Beginning).expect("opens");
    let mut follower = follower.rows_per_poll(limit);
    let mut reported = Reported::default();
    for (batch, poll) in batches.iter().zip(polls.iter().cycle()) {
        memory.write(batch).expect("written");
        sink.write(batch).expect("written");
        if *poll {
            reported.add(follower.poll().expect("readable"));
        }
    }
    reported.until_end(&mut follower);
    (memory, reported)
}

#[test]
fn every_followed_table_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let batch = ended("a");
    let (memory, reported) = follow(&path, &[batch], &[true], 1_000);
    assert_same(&memory, &reported);
    assert_eq!(reported.ended, [RunStatus::Complete]);
}

/// One flush: spans that begin, how many of the open ones end, windows of each rail.
type Flush = (Vec<bool>, usize, [usize; 2]);

/// Makes batches in which rows arrive as a recorder sends them: numbers of spans ascend, spans end
/// later, and the second rail has long windows. After some of them the first one is minutes late.
fn batches(flushes: &[Flush]) -> Vec<Batch> {
    let mut seq = 0;
    let mut open: Vec<SpanRow> = Vec::new();
    let mut windows = [0_i64; 2];
    let mut batches = vec![Batch {
        samples: Vec::new(),
        spans: Vec::new(),
        span_events: Vec::new(),
        time_ns: 0,
        ..recording("a")
    }];
    for (at, (begun, ends, due)) in (1_i64..).zip(flushes) {
        let mut batch = Batch {
            time_ns: at * 250 * MS,
            heartbeat_unix_ns: at,
            ..Batch::default()
        };
        for _ in 0..(*ends).min(open.len()) {
            let mut row = open.remove(open.len() / 2);
            row.end_ns = Some(at * 250 * MS);
            batch.spans.push(row);
        }
        for is_open in begun {
            seq += 1;
            let mut row = rows::span(seq, 5, at * 250 * MS, at * 250 * MS + 1);
            if *is_open {
                row.end_ns = None;
                open.push(row);
            }
            batch.spans.push(row);
        }
        batch.spans.sort_by_key(|row| row.seq);
        for (rail, length_ms) in [(1, 100), (2, 20_000)] {
            let next = &mut windows[rail as usize - 1];
            for _ in 0..due[rail as usize - 1] {
                add_window(&mut batch, rail, *next * length_ms * MS, length_ms * MS);
                *next += 1;
            }
        }
        batches.push(batch);
    }
    let mut last = ended("a");
    last.attribution.head = Some(rows::head(1, "proportional"));
    let ends = open.into_iter().map(|row| SpanRow {
        end_ns: Some(i64::MAX / 2),
        ..row
    });
    batches.push(Batch {
        run: last.run,
        spans: ends.collect(),
        attribution: AttributionRows {
            head: last.attribution.head,
            balance: last.attribution.balance,
            phase_energy: last.attribution.phase_energy,
            ..AttributionRows::default()
        },
        heartbeat_unix_ns: energy_host::unix_ns(),
        ..Batch::default()
    });
    batches
}

fn add_window(batch: &mut Batch, rail: u32, start_ns: i64, length_ns: i64) {
    let end_ns = start_ns + length_ns;
    batch
        .samples
        .push(rows::sample(rail, start_ns, end_ns, Some(1.0)));
    batch.attribution.head = Some(rows::head(1, "proportional"));
    batch.attribution.sample_balance.push(SampleBalanceRow {
        rail,
        start_ns,
        end_ns,
        accounts: Accounts::default(),
        phase: None,
    });
    for thread in [None, Some(1)] {
        batch.attribution.window_power.push(WindowPowerRow {
            rail,
            start_ns,
            end_ns,
            thread,
            kind: None,
            power_w: 1.0,
        });
    }
}

fn flush() -> impl Strategy<Value = Flush> {
    let windows = [0_usize..4, 0_usize..2];
    (
        prop::collection::vec(any::<bool>(), 0..6),
        0_usize..4,
        windows,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn rows_are_reported_once_whatever_the_batches(
        flushes in prop::collection::vec(flush(), 1..30),
        polls in prop::collection::vec(any::<bool>(), 1..8),
        limit in 1_usize..40,
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.db");
        let (memory, reported) = follow(&path, &batches(&flushes), &polls, limit);
        assert_same(&memory, &reported);
        let store = Store::open(&path).expect("readable");
        let stored = store.spans(1).and_then(|rows| rows.all()).expect("readable");
        assert_eq!(followed(reported.rows.rows()).spans, stored);
    }
}

#[test]
fn a_run_followed_from_now_on_begins_with_what_is_open() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    let mut begin = recording("a");
    // Far more rows than those in which open ones are searched; the root is the first.
    let ids = 1..=9_u64;
    begin.spans.retain(|row| ids.contains(&row.seq));
    begin.spans[0].end_ns = None;
    let many = (10..6_000).map(|seq| SpanRow {
        parent: Some(1),
        ..rows::span(seq, 3, 400 * MS, 401 * MS)
    });
    begin.spans.extend(many);
    sink.write(&begin).expect("written");
    let mut follower = Follower::open(&path).expect("opens");
    let mut reported = Reported::default();
    reported.add(follower.poll().expect("readable"));
    let first = reported.rows.rows();
    let open: Vec<u64> = first.spans.iter().map(|row| row.seq).collect();
    assert_eq!(open, [1]);
    assert_eq!((first.rails.len(), first.nodes.len()), (3, 8));
    assert!(first.samples.is_empty() && first.events.is_empty());
    let mut later = ended("a");
    later.spans = vec![rows::span(6_001, 3, 402 * MS, 403 * MS)];
    later.spans.insert(0, rows::span(1, 1, 0, 404 * MS));
    later.samples = vec![rows::sample(1, 400 * MS, 500 * MS, Some(2.0))];
    sink.write(&later).expect("written");
    reported.until_end(&mut follower);
    let found = followed(reported.rows.rows());
    let seqs: Vec<u64> = found.spans.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, [1, 6_001]);
    assert_eq!(found.spans[0].end_ns, Some(404 * MS));
    assert_eq!(found.samples, later.samples);
}

#[test]
fn several_runs_are_reported_side_by_side() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut first = SqliteSink::create(&path).expect("a new file");
    let mut second = SqliteSink::create(&path).expect("opens");
    let mut follower = Follower::open(&path).expect("opens").rows_per_poll(3);
    first.write(&recording("a")).expect("written");
    second.write(&recording("b")).expect("written");
    let mut found = std::collections::BTreeMap::<String, usize>::new();
    until("all rows", || {
        for update in follower.poll().expect("readable") {
            if let Update::Rows { run, batch } = update {
                *found.entry(run.to_string()).or_default() += batch.spans.len();
            }
        }
        found.values().sum::<usize>() >= 18
    });
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), 9), ("b".to_owned(), 9)]
    );
}

#[test]
fn rows_that_are_minutes_late_are_reported_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let of = |rail: u32, windows: std::ops::Range<i64>| {
        let mut batch = Batch::default();
        for at in windows {
            add_window(&mut batch, rail, at * 1_000 * MS, 1_000 * MS);
        }
        batch
    };
    let first = Batch {
        samples: Vec::new(),
        ..recording("a")
    };
    // The second rail delivers its readings of the first minutes when the first one is at 300 s.
    let late = of(2, 3..150);
    let mut last = ended("a");
    last.samples.clear();
    last.spans.clear();
    last.span_events.clear();
    last.attribution = AttributionRows {
        balance: last.attribution.balance,
        phase_energy: last.attribution.phase_energy,
        ..AttributionRows::default()
    };
    let batches = [first, of(1, 0..10), of(2, 0..3), of(1, 10..300), late, last];
    for limit in [7, 16_384] {
        let path = path.with_extension(limit.to_string());
        let (memory, reported) = follow(&path, &batches, &[true], limit);
        assert_same(&memory, &reported);
    }
}

#[test]
fn a_row_that_was_on_its_way_when_following_began_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    let begin = Batch {
        samples: vec![rows::sample(1, 9_900 * MS, 10_000 * MS, Some(1.0))],
        ..recording("a")
    };
    sink.write(&begin).expect("written");
    let mut follower = Follower::open(&path).expect("opens");
    let mut reported = Reported::default();
    reported.add(follower.poll().expect("readable"));
    assert!(reported.rows.rows().samples.is_empty());
    let slow = rows::sample(2, 8_000 * MS, 11_000 * MS, Some(3.0));
    let more = Batch {
        samples: vec![slow],
        ..Batch::default()
    };
    sink.write(&more).expect("written");
    until("the row", || {
        reported.add(follower.poll().expect("readable"));
        !reported.rows.rows().samples.is_empty()
    });
    assert_eq!(reported.rows.rows().samples, [slow]);
}

#[test]
fn what_a_recorder_writes_after_the_end_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut memory = MemorySink::new();
    let mut sink = SqliteSink::create(&path).expect("a new file");
    let mut follower = Follower::open_from(&path, FollowFrom::Beginning).expect("opens");
    let mut reported = Reported::default();
    let last = ended("a");
    let after = Batch {
        run: last.run.clone(),
        events: vec![EventRow {
            time_ns: 400 * MS,
            kind: "sink_error".into(),
            count: 1,
            message: "another sink refused rows".into(),
        }],
        heartbeat_unix_ns: energy_host::unix_ns(),
        ..Batch::default()
    };
    for batch in [last, after] {
        memory.write(&batch).expect("written");
        sink.write(&batch).expect("written");
        reported.add(follower.poll().expect("readable"));
    }
    assert!(reported.ended.is_empty(), "the recorder may write more");
    sink.finish().expect("finished");
    reported.until_end(&mut follower);
    assert_eq!(reported.ended, [RunStatus::Complete]);
    assert_same(&memory, &reported);
}

#[test]
fn a_run_that_has_ended_has_all_its_rows_at_any_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    let mut sink = SqliteSink::create(&path).expect("a new file");
    sink.write(&recording("a")).expect("written");
    let mut last = ended("a");
    last.spans = (10..150_000)
        .map(|seq| rows::span(seq, 3, 400 * MS, 401 * MS))
        .collect();
    let all = 9 + last.spans.len() as i64;
    let writing = std::thread::spawn(move || sink.write(&last).expect("written"));
    let reader = rusqlite::Connection::open(&path).expect("opens");
    let sql = "SELECT status, (SELECT count(*) FROM spans), (SELECT count(*) FROM balance)
               FROM runs";
    until("the end", || {
        let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
        let (status, spans, totals): (String, i64, i64) =
            reader.query_row(sql, [], read).expect("readable");
        let is_ended = status == "complete";
        assert!(
            !is_ended || (spans == all && totals > 0),
            "{spans} of {all}"
        );
        is_ended
    });
    writing.join().expect("written");
}
