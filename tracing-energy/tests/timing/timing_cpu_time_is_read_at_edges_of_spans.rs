//! A thread that works inside its spans and sleeps between them: its energy is that
//! of its spans, in the ratio of their CPU times, however CPU time is read.

use std::time::Duration;

use energy_data::rows::{CpuScope, ThreadRole};
use energy_data::units::{Nanos, Power};
use energy_power::cpu_time;
use energy_power::modelled::{Modelled, Watts};
use tracing::info_span;
use tracing_energy::{Batch, MemorySink};
use tracing_energy::{EdgeClock, EnergyLayer};
use tracing_subscriber::prelude::*;

const ROUNDS: usize = 60;
/// CPU time of one call of each route.
const LONG: Duration = Duration::from_millis(4);
const SHORT: Duration = Duration::from_millis(1);
const PAUSE: Duration = Duration::from_millis(6);
/// Tests run concurrently with others: one good round of several suffices.
const TRIES: usize = 5;

/// Uses that much CPU time, however often the thread is interrupted; returns the exact
/// amount.
fn burn(time: Duration) -> f64 {
    let begin = cpu_time::current_thread().expect("a CPU clock");
    let mut number = 1_u64;
    loop {
        let used = cpu_time::current_thread().expect("a CPU clock") - begin;
        if used >= Nanos::from(time) {
            return used.nanos() as f64;
        }
        for _ in 0..500 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
        }
    }
}

/// Runs two routes alternately; returns the CPU time in the spans of each.
fn serve() -> [f64; 2] {
    let mut used = [0.0; 2];
    for _ in 0..ROUNDS {
        used[0] += info_span!("long").in_scope(|| burn(LONG));
        std::thread::sleep(PAUSE);
        used[1] += info_span!("short").in_scope(|| burn(SHORT));
        std::thread::sleep(PAUSE);
    }
    used
}

/// Returns the recording of [`serve`] and the CPU times that it returned.
fn recorded(clock: EdgeClock) -> (Batch, [f64; 2]) {
    let memory = MemorySink::new();
    let watts = Watts {
        idle: Power::from_watts(0.0),
        max: Power::from_watts(10.0),
    };
    let interval = Nanos::from_millis(50);
    let power = Modelled::with_busy_time(watts, interval, 1, Box::new(cpu_time::process));
    let builder = EnergyLayer::builder()
        .sink(memory.clone())
        .power_source(power.expect("a model"))
        .edge_clock(clock);
    let (layer, guard) = builder.build().expect("a recording");
    let subscriber = tracing_subscriber::registry().with(layer);
    let used = tracing::subscriber::with_default(subscriber, serve);
    let _ = guard.finish();
    (memory.rows(), used)
}

fn self_j(rows: &Batch, label: &str) -> f64 {
    let node = rows.nodes.iter().find(|node| node.label == label);
    let node = node.expect("a node").id;
    let energies = rows.attribution.node_energy.iter();
    let own = energies.filter(|row| row.node == node);
    own.map(|row| row.self_j).sum()
}

/// Returns the errors of energies: the ratio of the routes, and the share of the thread's
/// energy that is unattributed.
fn errors(clock: EdgeClock) -> (f64, f64) {
    let (rows, used) = recorded(clock);
    let (long, short) = (self_j(&rows, "long"), self_j(&rows, "short"));
    let outside = rows.attribution.balance[0]
        .accounts
        .unattributed_j
        .unwrap_or(0.0);
    let ratio = (long / short) / (used[0] / used[1]);
    let share = outside / (long + short + outside);
    eprintln!("{clock:?}: ratio of ratios {ratio:.4}, {share:.4} outside");
    ((ratio - 1.0).abs(), share)
}

/// Returns why perf events are not used here, if so.
fn fallback(rows: &Batch) -> Option<&str> {
    let notice = rows.events.iter().find(|event| event.kind == "edge_clock");
    notice.map(|event| event.message.as_str())
}

#[track_caller]
fn within_five_percent(clock: EdgeClock) {
    let mut tries = (0..TRIES).map(|_| errors(clock));
    let is_good = |&(ratio, outside): &(f64, f64)| ratio < 0.05 && outside < 0.05;
    assert!(tries.any(|found| is_good(&found)), "{clock:?}");
}

#[test]
fn energy_by_route_is_in_the_ratio_of_cpu_times() {
    let _alone = crate::alone();
    within_five_percent(EdgeClock::Auto);
    within_five_percent(EdgeClock::System);
}

#[test]
fn energy_by_route_is_right_by_perf_events() {
    let _alone = crate::alone();
    let (rows, _) = recorded(EdgeClock::Perf);
    if let Some(why) = fallback(&rows) {
        eprintln!("SKIPPED: {why}");
        return;
    }
    within_five_percent(EdgeClock::Perf);
}

/// Control: without readings at edges, most of the energy of such a thread is outside of
/// its spans.
#[test]
fn without_readings_at_edges_spans_lose_energy_to_sleeping_time() {
    let _alone = crate::alone();
    let (_, outside) = errors(EdgeClock::Off);
    assert!(outside > 0.3, "{outside}");
}

/// Rows of a thread are contiguous, and none has more CPU time than elapsed time.
#[test]
fn rows_of_a_thread_are_contiguous() {
    let _alone = crate::alone();
    let (rows, used) = recorded(EdgeClock::Auto);
    let program: Vec<u32> = rows
        .threads
        .iter()
        .filter(|thread| thread.role == ThreadRole::Program)
        .map(|thread| thread.id)
        .collect();
    assert_eq!(program.len(), 1);
    let own = rows
        .cpu
        .iter()
        .filter(|row| row.scope == CpuScope::Thread(program[0]));
    let own: Vec<_> = own.collect();
    for pair in own.windows(2) {
        assert_eq!(pair[0].end_ns, pair[1].start_ns);
    }
    for row in &own {
        assert!(
            (0..=row.end_ns - row.start_ns).contains(&row.on_cpu_ns),
            "{row:?}"
        );
    }
    // Four edges a round make at least two rows: at work and asleep.
    assert!(
        own.len() > 2 * ROUNDS && own.len() < 6 * ROUNDS,
        "{}",
        own.len()
    );
    let sum: i64 = own.iter().map(|row| row.on_cpu_ns).sum();
    let in_spans: f64 = used.iter().sum();
    assert!(
        (sum as f64) >= in_spans && (sum as f64) < 1.2 * in_spans,
        "{sum} of {in_spans}"
    );
}
