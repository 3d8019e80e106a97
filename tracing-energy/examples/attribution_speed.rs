//! How long attribution of a long run takes, and how much memory.
//!
//! `cargo run --release --example attribution_speed -- [millions of spans] [kinds]`
//!
//! Twenty minutes of samples at 100 ms, spans of random kinds one after the other.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use energy_data::AttributeOptions;
use energy_data::rows::{CallsiteRow, Domain, NodeRow, RailRow, SampleRow, ThreadRole, ThreadRow};
use energy_data::rows::{RunMetadata, RunRow, RunStatus, SpanRow};
use energy_host as host;
use energy_power::{Kernel, Provenance, RailKind};
use energy_store::SqliteSink;
use energy_store::reattribute;
use tracing_energy::Method;
use tracing_energy::{Batch, Sink};

const SAMPLES: i64 = 12_000;
const SAMPLE_NS: i64 = 100_000_000;
const PER_BATCH: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |other: u64| arguments.next().map_or(Ok(other), |n| n.parse());
    let (millions, kinds) = (number(10)?, number(100)? as u32);
    let folder = std::env::temp_dir().join(format!("attribution_speed_{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("speed.db");
    let uuid = record(&path, millions * 1_000_000, kinds)?;
    println!("{millions} M spans of {kinds} kinds, {SAMPLES} samples");
    for method in [Method::Proportional, Method::Fitted] {
        let begun = Instant::now();
        reattribute(&path, &uuid, &AttributeOptions::new(method))?;
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{method}: {seconds:.2} s; peak memory so far {} MiB",
            peak_mib()
        );
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn record(path: &Path, spans: u64, kinds: u32) -> Result<String, Box<dyn Error>> {
    let mut sink = SqliteSink::create(path)?;
    let mut random = Random(1);
    let run = run();
    let uuid = run.uuid.clone();
    sink.write(&Batch {
        run: Some(run.clone()),
        rails: vec![rail()],
        threads: vec![ThreadRow {
            id: 1,
            tid: 1,
            name: None,
            role: ThreadRole::Program,
            process: None,
        }],
        callsites: (1..=kinds).map(callsite).collect(),
        nodes: (1..=kinds).map(node).collect(),
        samples: (0..SAMPLES).map(|at| sample(at, &mut random)).collect(),
        ..Batch::default()
    })?;
    let end_ns = SAMPLES * SAMPLE_NS;
    let length_ns = (end_ns - 2_000_000_000) as u64 / spans;
    for first in (1..=spans).step_by(PER_BATCH as usize) {
        let of = |seq: u64, random: &mut Random| {
            let start_ns = 1_000_000_000 + (seq * length_ns) as i64;
            SpanRow {
                seq,
                node: 1 + (random.next() * f64::from(kinds)) as u32,
                instance: None,
                parent: None,
                thread: 1,
                start_ns,
                end_ns: Some(start_ns + (length_ns as f64 * (0.2 + 0.7 * random.next())) as i64),
                token: None,
            }
        };
        let spans = (first..(first + PER_BATCH).min(spans + 1)).map(|seq| of(seq, &mut random));
        sink.write(&Batch {
            spans: spans.collect(),
            ..Batch::default()
        })?;
    }
    sink.write(&Batch {
        run: Some(RunRow {
            status: RunStatus::Complete,
            end_ns: Some(end_ns),
            ..run
        }),
        ..Batch::default()
    })?;
    sink.finish()?;
    Ok(uuid)
}

fn callsite(id: u32) -> CallsiteRow {
    CallsiteRow {
        id,
        name: format!("kind{id}"),
        target: String::new(),
        level: "INFO".to_owned(),
        file: None,
        line: None,
        domain: Domain::Cpu,
        role: None,
    }
}

fn node(id: u32) -> NodeRow {
    NodeRow {
        id,
        parent: None,
        callsite: Some(id),
        label: format!("kind{id}"),
        depth: 0,
        kind: None,
    }
}

fn rail() -> RailRow {
    RailRow {
        id: 1,
        source: "made".to_owned(),
        name: "cpu".to_owned(),
        parent: None,
        kind: RailKind::Cpu,
        unit: "J".to_owned(),
        interval_ns: SAMPLE_NS,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
    }
}

fn sample(at: i64, random: &mut Random) -> SampleRow {
    SampleRow {
        rail: 1,
        start_ns: at * SAMPLE_NS,
        end_ns: (at + 1) * SAMPLE_NS,
        energy_j: Some(if at < 10 {
            0.4
        } else {
            1.2 + 0.4 * random.next()
        }),
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

/// A small generator (xorshift): what is drawn does not matter, only that it varies.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Most memory that this process ever held.
fn peak_mib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: Option<u64> =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| (kib / 1024).to_string())
}
