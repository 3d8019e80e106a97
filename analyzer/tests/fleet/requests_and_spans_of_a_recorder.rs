//! Single span entries of a recorded run: their parts sum to the totals of buckets, and name traces.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::lake::{self, Row, by_rail, rows, whole};
use energy_fleet::destination::destination;
use energy_fleet::push::{PushOptions, PushReport, Pusher};
use tracing::Span;
use tracing_energy::{
    Clock, Description, Energy, EnergyLayer, Kernel, Nanos, PowerSource, Provenance, Rail,
    RailKind, Reading, Sample, SourceError,
};
use tracing_subscriber::layer::SubscriberExt as _;

const FIRST: &str = "0af7651916cd43dd8448eb211c80319c";
const SECOND: &str = "1bf7651916cd43dd8448eb211c80319c";

/// A meter that always reads the same power.
struct Meter {
    name: &'static str,
    watts: f64,
    last: Nanos,
}

impl PowerSource for Meter {
    fn describe(&self) -> Description {
        Description {
            name: self.name.to_owned(),
            rails: vec![Rail {
                name: "supply".to_owned(),
                kind: RailKind::System,
                parent: None,
                unit: "W",
            }],
            interval: Nanos::from_millis(20),
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.last = clock.now();
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        std::thread::sleep(timeout.duration());
        self.stop(clock, reading);
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let (start, end) = (self.last, clock.now());
        let energy = Energy::from_joules(self.watts * (end - start).seconds());
        reading.samples.push(Sample {
            rail: 0,
            start,
            end,
            energy: Some(energy),
        });
        self.last = end;
    }
}

fn meter(name: &'static str, watts: f64) -> Meter {
    Meter {
        name,
        watts,
        last: Nanos::from_nanos(0),
    }
}

fn work(ms: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(ms) {
        std::hint::black_box(0);
    }
}

/// Enters a span three times, with a span in it.
fn enter(request: &Span) {
    for _ in 0..3 {
        request.in_scope(|| tracing::info_span!("query").in_scope(|| work(15)));
    }
}

/// Sends what is due, with single span entries: one of `rate`.
fn pass(db: &Path, root: &Path, rate: u32) -> energy_fleet::push::PushReport {
    let mut options = PushOptions {
        follow: true,
        every: Duration::from_secs(1),
        ..PushOptions::default()
    };
    (options.contents.requests, options.contents.spans) = (true, Some(rate));
    let mut report = PushReport::default();
    if db.exists() {
        let to = destination(root.to_str().unwrap()).unwrap();
        let mut pusher = Pusher::open(db, to, &options).unwrap();
        // That an object cannot be written is a part of the test.
        let _ = pusher.pass(&mut report, &mut |_| ());
    }
    report
}

fn traces(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter()
        .filter_map(|row| row["trace_id"].as_str())
        .collect()
}

/// Records requests of several entries. The second bucket is sent at the second attempt.
fn record(db: &Path, root: &Path, other: &Path) {
    let layer = EnergyLayer::builder()
        .database(db)
        .roles(&[("request", "run")])
        .power_source(meter("wall", 40.0))
        .power_source(meter("card", 20.0));
    let (layer, guard) = layer.build().unwrap();
    let begun = Instant::now();
    let until = |is_done: &dyn Fn() -> bool, work: &dyn Fn()| {
        while !is_done() {
            assert!(begun.elapsed() < Duration::from_secs(100));
            work();
        }
    };
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let sent = |bucket| {
            rows(root, "packs")
                .iter()
                .any(|row| whole(row, "bucket") == bucket)
        };
        until(&|| sent(0), &|| {
            let request = tracing::info_span!("request", trace_id = FIRST);
            enter(&request);
            drop(request);
            pass(db, root, 1);
            pass(db, other, 3);
        });
        // The manifests cannot be written: the bucket is planned, and its other objects exist.
        let (packs, aside) = (root.join("v1/packs"), root.join("v1/aside"));
        std::fs::rename(&packs, &aside).unwrap();
        std::fs::write(&packs, "in the way").unwrap();
        let request = tracing::info_span!("request", trace_id = SECOND);
        let day = std::fs::read_dir(root.join("v1/requests")).unwrap();
        let day = day.map(|day| day.unwrap().path()).next().unwrap();
        let objects = || std::fs::read_dir(&day).unwrap().count();
        until(&|| objects() > 1, &|| {
            enter(&request);
            pass(db, root, 1);
        });
        drop(request);
        std::thread::sleep(Duration::from_millis(1500));
        std::fs::remove_file(&packs).unwrap();
        std::fs::rename(&aside, &packs).unwrap();
        until(&|| sent(1), &|| {
            pass(db, root, 1);
        });
    });
    guard.finish();
    pass(db, root, 1);
    pass(db, other, 3);
}

#[test]
fn span_entries_sum_to_the_totals_and_name_their_traces() {
    let folder = tempfile::tempdir().unwrap();
    let [db, root, other] = ["energy.db", "lake", "sample"].map(|name| folder.path().join(name));
    record(&db, &root, &other);
    lake::check(&root);
    lake::check(&other);
    let (spans, requests) = (rows(&root, "spans"), rows(&root, "requests"));
    let roots: BTreeSet<String> = by_rail(&requests, "energy_nj").into_keys().collect();
    assert_eq!(roots.len(), 2, "{roots:?}");
    // Parts of entries: the sum over both root rails.
    assert!(spans.iter().all(|row| row["rail"].is_null()));
    let accounts = rows(&root, "accounts");
    let expected: i128 = accounts.iter().map(|row| whole(row, "spans_nj")).sum();
    let sum: i128 = spans.iter().map(|row| whole(row, "self_nj")).sum();
    let difference = (sum - expected).abs();
    assert!(
        expected > 0 && difference * 100 <= expected,
        "{sum} {expected}"
    );
    // Each request once on each rail.
    let mut keys: Vec<(i128, &str)> = requests
        .iter()
        .map(|row| (whole(row, "span"), row["rail"].as_str().unwrap()))
        .collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
    // Later entries into a span have the trace of the first one, which has the fields.
    let entries = |bucket: i128, trace: Option<&str>| {
        let is_one =
            |row: &&Row| whole(row, "bucket") == bucket && row["trace_id"].as_str() == trace;
        requests.iter().filter(is_one).count()
    };
    let known = entries(0, Some(FIRST));
    assert!(known >= 2 * 6 && entries(0, None) <= 2 * 3, "{known}");
    // Those of the second bucket were written when the span was open, and stay as they are.
    assert_eq!(entries(1, Some(SECOND)), 0);
    assert!(entries(1, None) >= 2 * 3);
    assert_eq!(traces(&requests), traces(&spans));
    assert!(traces(&spans).contains(FIRST));
    let inner = |row: &&Row| row["trace_id"] == FIRST && row["kind"] == "request > query";
    assert!(spans.iter().any(|row| inner(&row)), "{spans:?}");
    // Of three entries one, the same ones.
    let numbers = |rows: &[Row]| -> BTreeSet<i128> {
        let sampled = rows.iter().map(|row| whole(row, "span"));
        sampled.filter(|span| span % 3 == 0).collect()
    };
    let sample = rows(&other, "spans");
    assert!(sample.iter().all(|row| whole(row, "sample_rate") == 3));
    assert_eq!(numbers(&sample), numbers(&spans));
    assert!(sample.iter().all(|row| whole(row, "span") % 3 == 0));
}
