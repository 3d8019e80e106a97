//! How fast spans go to SQLite, and how much room they take.
//!
//! `cargo run --release -p tracing-energy --example store_speed [millions]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use energy_data::rows::{RunMetadata, RunRow, RunStatus, SpanRow};
use energy_host as host;
use energy_store::SqliteSink;
use tracing_energy::{Batch, Sink};

const PER_BATCH: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let millions: u64 = std::env::args().nth(1).map_or(Ok(5), |n| n.parse())?;
    let folder = std::env::temp_dir().join(format!("store_speed_{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("speed.db");
    let mut sink = SqliteSink::create(&path)?;
    sink.write(&Batch {
        run: Some(run()),
        ..Batch::default()
    })?;
    let empty = std::fs::metadata(&path)?.len();
    let (cpu, wall, mut longest_ms) = (cpu_s(), Instant::now(), 0.0_f64);
    let spans = millions * 1_000_000;
    for first in (1..=spans).step_by(PER_BATCH as usize) {
        let batch = Batch {
            spans: (first..first + PER_BATCH).map(span).collect(),
            ..Batch::default()
        };
        let began = Instant::now();
        sink.write(&batch)?;
        longest_ms = longest_ms.max(began.elapsed().as_secs_f64() * 1e3);
    }
    sink.finish()?;
    let (cpu, wall) = (cpu_s() - cpu, wall.elapsed().as_secs_f64());
    let bytes = std::fs::metadata(&path)?.len().saturating_sub(empty);
    std::fs::remove_dir_all(&folder)?;
    println!("{spans} spans, {PER_BATCH} a batch");
    println!("{:.2} M spans/s of CPU", spans as f64 / cpu / 1e6);
    println!("{:.2} M spans/s of wall time", spans as f64 / wall / 1e6);
    println!("{longest_ms:.0} ms for the longest batch");
    println!("{:.1} B/span", bytes as f64 / spans as f64);
    Ok(())
}

/// A span of an inference: 725 nodes, three levels, two threads, one in ten
/// re-entered, 3 us each.
fn span(seq: u64) -> SpanRow {
    let start_ns = 2_000_000_000 + seq as i64 * 3_000;
    SpanRow {
        seq,
        node: (seq % 725) as u32 + 1,
        instance: seq.is_multiple_of(10).then_some(seq / 10 + 1),
        parent: (seq > 3).then(|| seq - seq % 3),
        thread: (seq / 1_000 % 2) as u32 + 1,
        start_ns,
        end_ns: Some(start_ns + 2_500),
        token: Some((seq / 725) as i64),
    }
}

fn run() -> RunRow {
    RunRow {
        uuid: uuid::Uuid::new_v4().to_string(),
        status: RunStatus::Running,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: None,
        start_unix_ns: host::unix_ns(),
        end_ns: None,
        host_id: None,
        host: None,
        os: None,
        chip: None,
        version: env!("CARGO_PKG_VERSION").into(),
        parent_run: None,
        metadata: RunMetadata::default(),
    }
}

/// CPU time of this process.
#[cfg(unix)]
fn cpu_s() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn cpu_s() -> f64 {
    host::unix_ns() as f64 / 1e9
}
