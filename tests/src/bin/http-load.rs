//! Sends requests to a server at a constant rate, whatever it answers, and prints latencies.
//!
//! ```text
//! target/release/large-run --spans 10M --db large.db
//! target/release/energy --db large.db serve --listen 127.0.0.1:8077
//! target/release/http-load --rate 100 --connections 50 --seconds 30
//! ```
//!
//! The load is an open loop: request `n` is due at `n / rate`, and its latency counts from that
//! time. A request that waits for a free connection is therefore slow, not absent.

#![allow(clippy::print_stdout)] // It prints a report.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use energy_tests::http::HttpConnection;

/// Paths that are requested in rotation; `%` is replaced by a changing number.
const PATHS: [&str; 6] = [
    "/api/profiling/runs?limit=50",
    "/api/profiling/run/last/summary",
    "/api/profiling/run/last/pipeline",
    "/api/profiling/run/last/layers",
    "/api/profiling/run/last/balance",
    "/api/profiling/run/last/tokens?limit=50&offset=%",
];
/// Requests that warm the server up, per path.
const WARM: usize = 3;
/// Token pages start at multiples of this, below [`OFFSETS`].
const STEP: usize = 50;
const OFFSETS: usize = 20_000;

/// Measures the latency of a server.
#[derive(Debug, Parser)]
struct HttpLoadArgs {
    /// Address of the server
    #[arg(long, default_value = "127.0.0.1:8077")]
    address: String,
    /// Requests per second
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Connections
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Duration in seconds
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Path to request (repeatable) [default: runs, summary, pipeline, layers, balance, tokens]
    #[arg(long = "path")]
    paths: Vec<String>,
    /// Token to send
    #[arg(long)]
    token: Option<String>,
    /// Fail if the 99th percentile of all requests exceeds this, ms
    #[arg(long)]
    most_ms: Option<f64>,
}

/// Latencies of one path, and the number of answers that were no success.
#[derive(Debug, Default, Clone)]
struct PathLatencies {
    latencies: Vec<Duration>,
    failed: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = HttpLoadArgs::parse();
    if arguments.paths.is_empty() {
        arguments.paths = PATHS.map(str::to_owned).to_vec();
    }
    warm_up(&arguments)?;
    let by_path = load(&arguments);
    println!(
        "{:<52} {:>7} {:>6} {:>9} {:>9} {:>9}",
        "latency from the due time", "count", "failed", "p50 ms", "p99 ms", "max ms"
    );
    let mut all = PathLatencies::default();
    for (path, mut of) in by_path {
        print_row(&path, &mut of);
        all.latencies.append(&mut of.latencies);
        all.failed += of.failed;
    }
    let p99_ms = print_row("all", &mut all);
    let is_slow = arguments.most_ms.is_some_and(|most| p99_ms > most);
    match (all.failed, is_slow) {
        (0, false) => Ok(()),
        (0, true) => Err(format!("p99 of {p99_ms:.1} ms exceeds the limit").into()),
        (failed, _) => Err(format!("{failed} requests failed").into()),
    }
}

fn warm_up(arguments: &HttpLoadArgs) -> io::Result<()> {
    let mut connection = HttpConnection::open(&arguments.address, arguments.token.as_deref())?;
    for path in &arguments.paths {
        let mut took = Vec::new();
        for _ in 0..WARM {
            let begun = Instant::now();
            let answer = connection.get(&numbered(path, 0))?;
            took.push(begun.elapsed());
            if answer.status != 200 {
                return Err(io::Error::other(format!(
                    "{path}: status {}",
                    answer.status
                )));
            }
        }
        println!("first {:>9.1} ms  {path}", took[0].as_secs_f64() * 1e3);
    }
    Ok(())
}

fn load(arguments: &HttpLoadArgs) -> BTreeMap<String, PathLatencies> {
    let total = (arguments.rate * arguments.seconds) as usize;
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let results: Mutex<BTreeMap<String, PathLatencies>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..arguments.connections {
            scope.spawn(|| {
                let own = send_requests(arguments, total, &next, begun);
                let mut all = results.lock().unwrap_or_else(PoisonError::into_inner);
                for (path, mut of) in own {
                    let known = all.entry(path).or_default();
                    known.latencies.append(&mut of.latencies);
                    known.failed += of.failed;
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Sends requests of one connection as they become due.
fn send_requests(
    arguments: &HttpLoadArgs,
    total: usize,
    next: &AtomicUsize,
    begun: Instant,
) -> BTreeMap<String, PathLatencies> {
    let mut results: BTreeMap<String, PathLatencies> = BTreeMap::new();
    let mut connection = None;
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= total {
            return results;
        }
        let due = begun + Duration::from_secs_f64(at as f64 / arguments.rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let path = &arguments.paths[at % arguments.paths.len()];
        let of = results.entry(path.clone()).or_default();
        let mut open = match connection.take() {
            Some(open) => open,
            None => match HttpConnection::open(&arguments.address, arguments.token.as_deref()) {
                Ok(open) => open,
                Err(_) => {
                    of.failed += 1;
                    continue;
                }
            },
        };
        let answer = open.get(&numbered(path, at));
        of.latencies.push(due.elapsed());
        match answer {
            Ok(answer) if answer.status == 200 => connection = Some(open),
            _ => of.failed += 1,
        }
    }
}

fn numbered(path: &str, at: usize) -> String {
    path.replace('%', &(at * STEP % OFFSETS).to_string())
}

/// Prints a row and returns the 99th percentile in ms.
fn print_row(path: &str, of: &mut PathLatencies) -> f64 {
    of.latencies.sort();
    let ms = |share: f64| {
        let at = (of.latencies.len() as f64 * share).ceil() as usize;
        let found = of.latencies.get(at.clamp(1, of.latencies.len().max(1)) - 1);
        found.map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    println!(
        "{path:<52} {:>7} {:>6} {:>9.2} {:>9.2} {:>9.2}",
        of.latencies.len(),
        of.failed,
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    ms(0.99)
}
