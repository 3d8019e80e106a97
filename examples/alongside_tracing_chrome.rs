//! Two layers on one registry: `tracing-chrome` and ours, each with its trace.
//!
//! Both show the same slices in Perfetto (<https://ui.perfetto.dev>); ours have joules and
//! counters of each rail's watts.
//!
//! ```text
//! cargo run --release --example alongside_tracing_chrome -- [FOLDER]
//! ```

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::{Span, info_span};
use tracing_chrome::ChromeLayerBuilder;
use tracing_energy::EnergyLayer;
use tracing_subscriber::prelude::*;

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let (time_trace, energy_trace) = (folder.join("time.json"), folder.join("energy.json"));

    let (time, time_guard) = ChromeLayerBuilder::new()
        .writer(std::fs::File::create(&time_trace)?)
        .build();
    let (energy, energy_guard) = EnergyLayer::builder().chrome(&energy_trace).build()?;
    tracing_subscriber::registry()
        .with(time)
        .with(energy)
        .init();

    work()?;

    let summary = energy_guard.finish();
    drop(time_guard);
    println!("tracing-chrome: {}", time_trace.display());
    println!("tracing-energy: {}", energy_trace.display());
    if let Some(energy_j) = summary.energy_j() {
        println!("{} slices, {energy_j:.3} J", summary.activations);
    }
    Ok(())
}

fn work() -> anyhow::Result<()> {
    let batch = info_span!("batch").entered();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("second".to_owned());
        thread.spawn_scoped(scope, || steps(&batch, "compress", 5))?;
        steps(&batch, "checksum", 3);
        Ok(())
    })
}

fn steps(parent: &Span, kind: &str, count: u32) {
    info_span!(parent: parent, "steps", name = kind).in_scope(|| {
        for index in 0..count {
            info_span!("step", index).in_scope(|| spin(Duration::from_millis(100)));
        }
    });
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box((0..1_000_u64).fold(0, |sum, number| black_box(sum ^ number)));
    }
}
