//! Our layer and `tracing-chrome`'s record the same slices at the same times.
//!
//! On each thread both stamp every boundary (enter or exit) of a span, theirs
//! first, because the inner layer of a registry is called first:
//!
//! ```text
//! theirs   t0        t1      t2     t3
//! ours       o0        o1      o2     o3
//! ```
//!
//! However the scheduler interrupts, `t[i] <= o[i] + c <= t[i + 1]` holds with one
//! constant `c` between the two clocks' zeros. So the test needs no allowance for
//! a slow machine, only for two clocks that do not run at the same rate.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tracing::{Span, info_span};
use tracing_chrome::ChromeLayerBuilder;
use tracing_energy::EnergyLayer;
use tracing_subscriber::prelude::*;

/// Far more than clocks drift apart within this test, far less than its pauses.
const CLOCKS_DIFFER_NS: i64 = 1_000_000;

#[test]
fn both_layers_write_the_same_slices() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (folder.path().join("time"), folder.path().join("energy"));
    record(&theirs, &ours);
    let theirs = threads(&read(&theirs), their_boundaries);
    let ours = threads(&read(&ours), our_boundaries);

    assert_eq!(tree(&ours), tree(&theirs));
    assert_eq!(
        tree(&ours)["second"],
        "outer\n  inner\n  inner\n    leaf\n  inner\n    leaf\n    leaf\n"
    );
    assert_eq!(
        tree(&ours)["first"],
        "program\n  outer\n    inner\n    inner\n      leaf\n"
    );
    assert_same_times(&ours, &theirs);
}

fn record(theirs: &Path, ours: &Path) {
    let (time, time_guard) = ChromeLayerBuilder::new().file(theirs).build();
    let (energy, energy_guard) = EnergyLayer::builder().chrome(ours).build().unwrap();
    tracing_subscriber::registry()
        .with(time)
        .with(energy)
        .init();
    // The test harness chooses the name of the test's thread.
    named("first").spawn(program).unwrap().join().unwrap();
    let summary = energy_guard.finish();
    assert_eq!(summary.lost, 0, "{:?}", summary.warnings);
    drop(time_guard);
}

fn named(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.to_owned())
}

fn program() {
    let span = info_span!("program").entered();
    outer(&span, 2);
    std::thread::scope(|scope| {
        let second = named("second").spawn_scoped(scope, || outer(&span, 3));
        second.unwrap().join().unwrap();
    });
}

fn outer(parent: &Span, count: usize) {
    info_span!(parent: parent, "outer", count).in_scope(|| {
        for leaves in 0..count {
            info_span!("inner").in_scope(|| {
                pause();
                (0..leaves).for_each(|_| info_span!("leaf").in_scope(pause));
            });
            pause();
        }
    });
}

fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// An enter (with the span's name) or an exit, in order of time.
#[derive(Debug, Clone)]
struct Boundary {
    time_ns: i64,
    entered: Option<String>,
}

/// A trace's boundaries by the name of their thread.
type Threads = BTreeMap<String, Vec<Boundary>>;

fn read(path: &Path) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn threads(events: &[Value], boundaries: fn(&[&Value]) -> Vec<Boundary>) -> Threads {
    let is_name = |event: &&Value| event["ph"] == "M" && event["name"] == "thread_name";
    let of_thread = |thread: &Value| {
        let own = events.iter().filter(|event| event["tid"] == thread["tid"]);
        boundaries(&own.collect::<Vec<_>>())
    };
    let name = |thread: &Value| thread["args"]["name"].as_str().unwrap().to_owned();
    events
        .iter()
        .filter(is_name)
        .map(|thread| (name(thread), of_thread(thread)))
        .filter(|(_, boundaries)| !boundaries.is_empty())
        .collect()
}

/// Returns their boundaries. Theirs has an event for each boundary, in order.
fn their_boundaries(events: &[&Value]) -> Vec<Boundary> {
    let boundary = |event: &&Value| match event["ph"].as_str()? {
        "B" => Some(enter(event)),
        "E" => Some(exit(nanos(&event["ts"]))),
        _ => None,
    };
    events.iter().filter_map(boundary).collect()
}

/// Returns our boundaries. Ours has an event for each slice; a slice that begins before
/// and ends after another one encloses it.
fn our_boundaries(events: &[&Value]) -> Vec<Boundary> {
    let is_slice = |event: &&&Value| event["ph"] == "X";
    let end = |event: &Value| nanos(&event["ts"]) + nanos(&event["dur"]);
    let mut slices: Vec<_> = events.iter().filter(is_slice).collect();
    slices.sort_by_key(|event| (nanos(&event["ts"]), -end(event)));
    let (mut boundaries, mut open) = (Vec::new(), Vec::<i64>::new());
    for slice in slices {
        while let Some(over) = open.pop_if(|end| *end <= nanos(&slice["ts"])) {
            boundaries.push(exit(over));
        }
        boundaries.push(enter(slice));
        open.push(end(slice));
    }
    boundaries.extend(open.into_iter().rev().map(exit));
    boundaries
}

fn enter(event: &Value) -> Boundary {
    let name = event["name"].as_str().unwrap();
    Boundary {
        time_ns: nanos(&event["ts"]),
        entered: Some(name.to_owned()),
    }
}

fn exit(time_ns: i64) -> Boundary {
    Boundary {
        time_ns,
        entered: None,
    }
}

/// Both write microseconds with nanoseconds as decimals.
fn nanos(micros: &Value) -> i64 {
    (micros.as_f64().unwrap() * 1e3).round() as i64
}

/// Names, counts, order and nesting as text.
fn tree(threads: &Threads) -> BTreeMap<&str, String> {
    let text = |boundaries: &[Boundary]| {
        let (mut text, mut depth) = (String::new(), 0);
        for boundary in boundaries {
            match &boundary.entered {
                Some(name) => {
                    text += &format!("{}{name}\n", "  ".repeat(depth));
                    depth += 1;
                }
                None => depth -= 1,
            }
        }
        text
    };
    threads
        .iter()
        .map(|(name, boundaries)| (name.as_str(), text(boundaries)))
        .collect()
}

/// Checks that one constant offset between the clocks fits all boundaries.
fn assert_same_times(ours: &Threads, theirs: &Threads) {
    let (mut least, mut most) = (i64::MIN, i64::MAX);
    for (name, ours) in ours {
        let theirs = &theirs[name];
        for (index, boundary) in ours.iter().enumerate() {
            least = least.max(theirs[index].time_ns - boundary.time_ns);
            if let Some(next) = theirs.get(index + 1) {
                most = most.min(next.time_ns - boundary.time_ns);
            }
        }
    }
    assert!(
        least <= most + CLOCKS_DIFFER_NS,
        "no constant brings the two together: it would be at least {least} ns and at most \
         {most} ns\nours: {ours:#?}\ntheirs: {theirs:#?}"
    );
}
