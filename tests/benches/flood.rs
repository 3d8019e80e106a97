//! Five million spans from two threads at full speed, into SQLite:
//! `cargo bench -p energy-tests --bench flood [-- SPANS]`. Prints lost records, the time
//! that threads waited for memory, the duration of `finish`, and peak memory in addition
//! to that of the same program without the layer.

use std::time::Instant;

use energy_power::SourceChoice;
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_subscriber::prelude::*;

/// Peak resident memory of this process since it was started, MiB (Linux; elsewhere
/// not a number). `getrusage` would report the peak of the parent program.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

fn flood(spans: u64) {
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _default = tracing::dispatcher::set_default(&dispatch);
                let _root = info_span!("root").entered();
                for number in 0..spans / 2 {
                    let _entered = info_span!("work", number).entered();
                }
            });
        }
    });
}

fn main() {
    let count = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next();
    let spans: u64 = count.unwrap_or(5_000_000);
    let nothing = tracing_subscriber::registry().with(tracing_subscriber::layer::Identity::new());
    tracing::subscriber::with_default(nothing, || flood(spans / 100));
    let before = peak_mib();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let builder = EnergyLayer::builder()
        .database(&path)
        .source(SourceChoice::Modelled);
    let (layer, guard) = builder.build().expect("a recording");
    let begin = Instant::now();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || flood(spans));
    let flooded = begin.elapsed();
    let ending = Instant::now();
    let summary = guard.finish();
    let end = ending.elapsed();
    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    eprintln!("spans made            {}", spans / 2 * 2 + 2);
    eprintln!("activations recorded  {}", summary.activations);
    eprintln!("records and rows lost {}", summary.lost);
    eprintln!("flood                 {:.2} s", flooded.as_secs_f64());
    eprintln!(
        "waited for memory     {:.2} s (two threads added)",
        summary.stalled_ns as f64 / 1e9
    );
    eprintln!("guard finished after  {:.3} s", end.as_secs_f64());
    eprintln!("memory above before   {:.1} MiB", peak_mib() - before);
    eprintln!(
        "file                  {:.1} bytes per span",
        bytes as f64 / spans as f64
    );
    summary
        .warnings
        .iter()
        .for_each(|warning| eprintln!("warning: {warning}"));
}
