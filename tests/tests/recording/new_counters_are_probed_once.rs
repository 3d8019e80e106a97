//! The first recording with a counter measures its update period, reports it and caches
//! it; the next one uses the cache.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use energy_power::{SourceChoice, sensor_cache};
use energy_tests::{FakeZone, StoredRun, record_with, sensing, tokens, until};

/// Shortest update period of the counter.
const PERIOD: Duration = Duration::from_millis(30);

#[test]
fn new_counters_are_probed_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let powercap = folder.path().join("powercap");
    let zone = FakeZone::new(&powercap, "intel-rapl:0", "package-0", 1 << 40);
    zone.show(0);
    let cache = folder.path().join("cache/sensors.json");
    let builder = |file: &str| {
        let builder = sensing(&folder.path().join(file), SourceChoice::Rapl, |options| {
            options.powercap = powercap.clone();
            options.sensor_cache = Some(cache.clone());
        });
        builder.interval(Duration::from_millis(20))
    };
    let written = || std::fs::metadata(&cache).and_then(|file| file.modified());
    let is_over = AtomicBool::new(false);
    let mut first_write = SystemTime::UNIX_EPOCH;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for step in 1..1_000_u64 {
                std::thread::sleep(PERIOD);
                zone.show(300_000 * step);
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        record_with(builder("first.db"), || {
            until("the counter was probed", || {
                tokens(10);
                written().is_ok()
            });
            // The observation has not reached the recording yet.
            tokens(200);
        });
        first_write = written().expect("a file");
        record_with(builder("second.db"), || tokens(200));
        is_over.store(true, Ordering::Relaxed);
    });

    let known = sensor_cache::read(&cache);
    assert_eq!(known.len(), 1);
    assert_eq!((&*known[0].source, &*known[0].rail), ("rapl", "package-0"));
    let period = known[0].period.expect("it moved").duration();
    assert!(period > PERIOD / 2, "{period:?}");
    assert_eq!(written().expect("a file"), first_write, "probed twice");
    for (file, is_first) in [("first.db", true), ("second.db", false)] {
        let run = StoredRun::open(&folder.path().join(file), "last");
        run.assert_balanced();
        let events = run.store().events(1).and_then(|rows| rows.all());
        let events = events.expect("events");
        let reports: Vec<_> = events
            .iter()
            .filter(|event| event.message.contains("package-0 moves every"))
            .collect();
        assert_eq!(reports.len(), 1, "{events:?}");
        assert_eq!(reports[0].time_ns > 0, is_first, "known from the start?");
        let sampling = "SELECT count(*) FROM threads
                        WHERE run = ?1 AND role = 'profiler' AND name = 'energy-power'";
        assert_eq!(run.number(sampling), if is_first { 2.0 } else { 1.0 });
    }
}
