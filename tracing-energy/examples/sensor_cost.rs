//! What reading sensors costs: CPU time of one powermetrics document, and of counters
//! read at two intervals.
//!
//! ```text
//! cargo run --release -p tracing-energy --example sensor_cost [DOCUMENT]
//! ```
//!
//! Without a document one of 56 KB is made, as a Mac with sixteen cores writes it.

#![allow(clippy::print_stdout)] // It prints a report.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use energy_data::units::Nanos;
use energy_power::MonotonicClock;
use energy_power::cpu_time;
use energy_power::powermetrics::document::Document;
use energy_power::powermetrics::stream::{DocumentStream, StreamSegment};
use energy_power::rapl;
use energy_power::{PowerSource, Sampler};
use tracing_energy::Clock;

const DOCUMENTS: usize = 500;

fn states(out: &mut String, count: usize) {
    out.push_str("<key>dvfm_states</key>\n<array>\n");
    for at in 0..count {
        let _ = write!(
            out,
            "<dict>\n<key>freq</key>\n<integer>{}</integer>\n<key>used_ns</key>\n<integer>{}</integer>\n\
             <key>used_ratio</key>\n<real>0.{at:04}</real>\n</dict>\n",
            1000 + at * 100,
            at * 7919
        );
    }
    out.push_str("</array>\n");
}

fn document() -> Vec<u8> {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \
         \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n<key>is_delta</key><true/>\n\
         <key>elapsed_ns</key><integer>103685416</integer>\n<key>processor</key>\n<dict>\n\
         <key>clusters</key>\n<array>\n",
    );
    for cluster in 0..3 {
        let _ = write!(
            out,
            "<dict>\n<key>name</key><string>P{cluster}-Cluster</string>\n"
        );
        out.push_str("<key>cpus</key>\n<array>\n");
        for cpu in 0..6 {
            let _ = write!(out, "<dict>\n<key>cpu</key><integer>{cpu}</integer>\n");
            states(&mut out, 23);
            out.push_str("</dict>\n");
        }
        out.push_str("</array>\n</dict>\n");
    }
    out.push_str(
        "</array>\n<key>cpu_energy</key><integer>304</integer>\n<key>gpu_energy</key>\
         <integer>27</integer>\n<key>ane_energy</key><integer>0</integer>\n</dict>\n</dict>\n</plist>\n",
    );
    out.into_bytes()
}

/// CPU time of this thread, ns.
fn cpu_ns() -> i64 {
    cpu_time::current_thread().map_or(0, Nanos::nanos)
}

fn parsing(bytes: &[u8]) {
    let parse = || {
        let mut stream = DocumentStream::default();
        for segment in stream.push(bytes) {
            if let StreamSegment::Document(document) = segment {
                assert!(Document::parse(&document).is_ok(), "no power in it");
            }
        }
    };
    parse();
    let before = cpu_ns();
    (0..DOCUMENTS).for_each(|_| parse());
    let each = (cpu_ns() - before) as f64 / DOCUMENTS as f64 / 1e6;
    println!(
        "a document of {} KB: {each:.3} ms of CPU",
        bytes.len() / 1000
    );
    println!(
        "ten of them a second: {:.2} % of a core",
        each * 10.0 / 10.0
    );
}

/// Six zones, as a laptop has them.
fn zones(root: &Path) -> std::io::Result<()> {
    let zones = ["0", "0:0", "0:1", "0:2", "1", "1:0"];
    let names = ["package-0", "core", "uncore", "dram", "psys", "core"];
    for (zone, name) in zones.iter().zip(names) {
        let folder = root.join(format!("intel-rapl:{zone}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("name"), name)?;
        std::fs::write(folder.join("energy_uj"), "123456789")?;
        std::fs::write(folder.join("max_energy_range_uj"), "262143328850")?;
    }
    Ok(())
}

fn counting(root: &Path, interval_ms: i64) -> Result<(), Box<dyn std::error::Error>> {
    let source = rapl::open(root, Nanos::from_millis(interval_ms), &mut Vec::new())?;
    let source: Box<dyn PowerSource> = Box::new(source);
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let (sender, messages) = channel();
    let sampler = Sampler::spawn(vec![source], clock, sender);
    let watch = sampler.watch();
    std::thread::sleep(Duration::from_millis(200));
    let used = || -> i64 {
        let tids = watch.thread_ids();
        let times = tids.iter().filter_map(|&tid| cpu_time::thread(tid));
        times.map(Nanos::nanos).sum()
    };
    let (before, time) = (used(), Duration::from_secs(5));
    std::thread::sleep(time);
    let share = (used() - before) as f64 / time.as_nanos() as f64;
    drop(sampler.stop());
    drop(messages);
    println!(
        "six counters every {interval_ms} ms: {:.3} % of a core",
        share * 100.0
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bytes = match std::env::args().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => document(),
    };
    parsing(&bytes);
    let root = std::env::temp_dir().join(format!("sensor-cost-{}", std::process::id()));
    zones(&root)?;
    let counted = counting(&root, 100).and_then(|()| counting(&root, 10));
    std::fs::remove_dir_all(&root)?;
    counted
}
