//! Three lines measure the energy of a threaded program's spans.
//!
//! ```text
//! cargo run --release --example quickstart -- [quickstart.db]
//! ```

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{Span, info_span};
use tracing_energy::{EnergyLayer, Store};
use tracing_subscriber::prelude::*;

/// Spans that divide the run into phases; every other span is recorded as well.
const ROLES: &[(&str, &str)] = &[("prepare", "phase"), ("compute", "phase")];

fn main() -> anyhow::Result<()> {
    let argument = std::env::args().nth(1);
    let path = argument.unwrap_or_else(|| "quickstart.db".to_owned());

    // 1. Start a recording. 2. Install the layer; `init` once in a program, early.
    let (layer, guard) = EnergyLayer::builder()
        .database(&path)
        .roles(ROLES)
        .build()?;
    tracing_subscriber::registry().with(layer).init();

    work();

    // 3. End the recording; dropping the guard does the same without a summary.
    let summary = guard.finish();

    match summary.energy_j() {
        Some(energy_j) => println!("energy of the run: {energy_j:.3} J"),
        None => println!("energy of the run: unknown"),
    }
    for warning in &summary.warnings {
        println!("note: {warning}");
    }
    print_joules(Path::new(&path), &summary.uuid)?;
    println!("more: cargo energy summary --db {path}");
    Ok(())
}

fn work() {
    info_span!("prepare").in_scope(|| spin(Duration::from_millis(300)));
    let compute = info_span!("compute").entered();
    std::thread::scope(|scope| {
        for millis in [200, 400, 600] {
            let compute = &compute;
            scope.spawn(move || worker(compute, Duration::from_millis(millis)));
        }
    });
}

/// A thread starts without a current span, so the parent is explicit.
fn worker(parent: &Span, time: Duration) {
    info_span!(parent: parent, "worker").in_scope(|| {
        info_span!("hash").in_scope(|| spin(time));
        info_span!("wait").in_scope(|| std::thread::sleep(time));
    });
}

fn spin(time: Duration) {
    let start = Instant::now();
    let mut state = 1_u64;
    while start.elapsed() < time {
        for _ in 0..1_000 {
            state = black_box(state.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(7));
        }
    }
}

/// Reads the recording.
fn print_joules(path: &Path, uuid: &str) -> anyhow::Result<()> {
    println!("\nspan: active energy, descendants included");
    for span in Store::open(path)?.call_paths(uuid)? {
        let name = format!("{:1$}{2}", "", 2 * span.depth as usize, span.label);
        match span.inclusive_j {
            Some(energy_j) => println!("  {name:<20} {energy_j:>8.3} J"),
            None => println!("  {name:<20}        ? J"),
        }
    }
    Ok(())
}
