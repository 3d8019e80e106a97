//! CPU time of the recorder with and without a follower of its file, in rounds A, B, A':
//! `cargo bench -p energy-tests --bench follower_cost`.
//!
//! The work records about 30,000 spans per second in eight open levels, as a decoder at the depth
//! `deep` does. A and A' have no follower, B has one that polls every 50 ms. The ratio A'/A
//! shows how much the machine alone changes.
#![allow(clippy::print_stdout)] // It prints a report.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use energy_power::SourceChoice;
use energy_power::cpu_time;
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_energy::live::{Follower, Update};
use tracing_subscriber::prelude::*;

const ROUNDS: usize = 9;
const TIME: Duration = Duration::from_secs(3);
/// Spans of a burst, of which there are about 100 per second.
const SPANS: u64 = 300;

/// CPU time of one recording.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Of the threads that collect and write, in ms per second.
    recorder: f64,
    /// Of the follower.
    follower: f64,
    /// Spans that the follower received.
    spans: usize,
}

/// CPU time of the threads of this process that collect and write, in ms.
fn recorder_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let ns = |path: &Path| -> Option<f64> {
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let times = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let ns = times.split_whitespace().next()?.parse::<f64>().ok()?;
        let is_recorder = ["energy-collect", "energy-write"].contains(&name.trim());
        is_recorder.then_some(ns)
    };
    let all = tasks.flatten().filter_map(|task| ns(&task.path()));
    all.sum::<f64>() / 1e6
}

fn work(end: Instant) {
    let _run = info_span!("inference").entered();
    let _decode = info_span!("decode").entered();
    for token in 0_u64.. {
        if Instant::now() >= end {
            return;
        }
        let _token = info_span!("token", token).entered();
        for layer in 0..SPANS / 10 {
            let _layer = info_span!("layer", layer).entered();
            let _attention = info_span!("attention").entered();
            for _ in 0..8 {
                info_span!("q_proj").in_scope(|| std::hint::black_box(()));
            }
        }
        std::thread::sleep(Duration::from_millis(9));
    }
}

/// Follows the file until `is_over`; returns its CPU time in ms and the spans it received.
fn follow(path: &Path, is_over: &AtomicBool) -> (f64, usize) {
    let begin = cpu_time::current_thread().unwrap_or_default();
    let mut follower = Follower::open(path).expect("opens");
    let mut spans = 0;
    while !is_over.load(Ordering::Relaxed) {
        for update in follower.wait(Duration::from_millis(50)).expect("readable") {
            if let Update::Rows { batch, .. } = update {
                spans += batch.spans.len();
            }
        }
    }
    let used = cpu_time::current_thread().unwrap_or_default() - begin;
    (used.nanos() as f64 / 1e6, spans)
}

fn round(has_follower: bool) -> Cost {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (layer, guard) = EnergyLayer::builder()
        .database(&path)
        .source(SourceChoice::Modelled)
        .build()
        .expect("a recording");
    let subscriber = tracing_subscriber::registry().with(layer);
    let is_over = AtomicBool::new(false);
    let mut cost = Cost {
        recorder: 0.0,
        follower: 0.0,
        spans: 0,
    };
    std::thread::scope(|scope| {
        let follower = has_follower.then(|| scope.spawn(|| follow(&path, &is_over)));
        tracing::subscriber::with_default(subscriber, || work(Instant::now() + TIME));
        cost.recorder = recorder_ms() / TIME.as_secs_f64();
        is_over.store(true, Ordering::Relaxed);
        if let Some(follower) = follower {
            let (used_ms, spans) = follower.join().expect("no panic");
            (cost.follower, cost.spans) = (used_ms / TIME.as_secs_f64(), spans);
        }
    });
    let _ = guard.finish();
    cost
}

/// Median, and the range without the lowest and the highest.
fn summary(ratios: impl Iterator<Item = f64>) -> String {
    let mut sorted: Vec<f64> = ratios.collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let [median, low, high] = [sorted[last / 2], sorted[1], sorted[last - 1]];
    format!("{median:.3} ({low:.3} to {high:.3})")
}

fn main() {
    // A follower opens a file that exists, so the first round also warms the machine.
    round(true);
    let rounds: Vec<[Cost; 3]> = (0..ROUNDS)
        .map(|_| [round(false), round(true), round(false)])
        .collect();
    println!("round   A ms/s   B ms/s  A' ms/s   follower ms/s   spans");
    for (number, [a, b, again]) in rounds.iter().enumerate() {
        println!(
            "{number:5} {:8.2} {:8.2} {:8.2} {:15.2} {:7}",
            a.recorder, b.recorder, again.recorder, b.follower, b.spans
        );
    }
    let over = |[a, b, again]: &[Cost; 3]| b.recorder * 2.0 / (a.recorder + again.recorder);
    let drift = |[a, _, again]: &[Cost; 3]| again.recorder / a.recorder;
    println!("medians, and ranges without the lowest and highest round");
    println!("B / mean(A, A'): {}", summary(rounds.iter().map(over)));
    println!("A' / A: {}", summary(rounds.iter().map(drift)));
    let follower = rounds.iter().map(|[_, b, _]| b.follower);
    println!("CPU time of the follower, ms/s: {}", summary(follower));
}
