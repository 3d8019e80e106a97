//! Measures live messages: many clients of `energy serve`, of which some do not read.
//!
//! ```text
//! target/release/serve-load clients 127.0.0.1:8077 --clients 200 --idle 20 --seconds 30 --pid PID
//! target/release/serve-load cost --rounds 9
//! ```
//!
//! `cost` records the same work three times in each round: without a server, with a server that
//! follows the file for all clients, and without a server again.

#![allow(clippy::print_stdout)] // It prints a report.

#[path = "../serve_load/clients.rs"]
mod clients;
#[path = "../serve_load/recorder.rs"]
mod recorder;
#[path = "../serve_load/server.rs"]
mod server;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use clients::{Clients, Received};
use recorder::CpuTime;
use server::{Server, Usage};

/// Measures live messages.
#[derive(Debug, Parser)]
struct ServeLoadArgs {
    #[command(subcommand)]
    command: LoadCommand,
}

#[derive(Debug, Subcommand)]
enum LoadCommand {
    /// Connects clients to a server and reports what they receive
    Clients {
        /// Address and port of the server
        address: String,
        #[command(flatten)]
        load: ClientLoad,
        /// Time that they are connected
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Process of the server, for its memory and CPU time
        #[arg(long)]
        pid: Option<u32>,
    },
    /// Measures the CPU time of a recording program without and with a server and clients
    Cost {
        #[command(flatten)]
        load: ClientLoad,
        #[command(flatten)]
        work: Work,
        /// Rounds of three recordings
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// The command (default: `energy` in the folder of this program)
        #[arg(long)]
        energy: Option<PathBuf>,
    },
    /// Records tokens of fixed work and prints the CPU time
    Record {
        /// The recording
        database: PathBuf,
        #[command(flatten)]
        work: Work,
    },
}

#[derive(Debug, Args)]
struct ClientLoad {
    /// Clients
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// Clients that never read
    #[arg(long, default_value_t = 20)]
    idle: usize,
}

#[derive(Debug, Args)]
struct Work {
    /// Tokens of a recording
    #[arg(long, default_value_t = 300)]
    tokens: u64,
    /// Time from the start of a token to the start of the next one
    #[arg(long, default_value_t = 30)]
    pace_ms: u64,
}

fn main() {
    match ServeLoadArgs::parse().command {
        LoadCommand::Clients {
            address,
            load,
            seconds,
            pid,
        } => {
            let before = pid.map(Usage::of);
            let clients = Clients::connect(&address, load.clients, load.idle);
            let begun = Instant::now();
            std::thread::sleep(Duration::from_secs(seconds));
            let after = pid.map(Usage::of);
            let elapsed_s = begun.elapsed().as_secs_f64();
            print_clients(&clients.finish(), elapsed_s);
            if let (Some(before), Some(after)) = (before, after) {
                print_usage(before, after, elapsed_s);
            }
        }
        LoadCommand::Cost {
            load,
            work,
            rounds,
            energy,
        } => {
            let own = std::env::current_exe().expect("a path");
            let energy = energy.unwrap_or_else(|| own.with_file_name("energy"));
            cost(&energy, &load, &work, rounds);
        }
        LoadCommand::Record { database, work } => {
            let pace = Duration::from_millis(work.pace_ms);
            let time = recorder::record(&database, work.tokens, pace);
            println!("{}", serde_json::json!(time));
        }
    }
}

fn cost(energy: &std::path::Path, load: &ClientLoad, work: &Work, rounds: usize) {
    let mut rows: Vec<[CpuTime; 3]> = Vec::new();
    for round in 1..=rounds {
        let folder = tempfile::tempdir().expect("a folder");
        let record = |name: &str| {
            let database = folder.path().join(name);
            recorder::record_in_child(&database, work.tokens, work.pace_ms)
        };
        let before = record("before.db");
        let server = Server::start(energy, &folder.path().join("served.db"));
        let clients = Clients::connect(&server.address, load.clients, load.idle);
        let start = server.usage();
        let served = record("served.db");
        // The last messages arrive.
        std::thread::sleep(Duration::from_secs(1));
        let end = server.usage();
        println!("round {round}");
        print_clients(&clients.finish(), served.wall_s + 1.0);
        print_usage(start, end, served.wall_s + 1.0);
        drop(server);
        rows.push([before, served, record("after.db")]);
    }
    println!(
        "\nCPU time with a server (B) over the mean without (A, A'), median of {rounds} rounds"
    );
    println!("{:<24} {:>26} {:>26}", "", "B/A", "A'/A");
    print_ratios("whole process", &rows, |time| time.process_s);
    print_ratios("threads of the recorder", &rows, |time| time.recorder_s);
}

fn print_ratios(name: &str, rows: &[[CpuTime; 3]], of: impl Fn(&CpuTime) -> f64) {
    let with = rows.iter().map(|[a, b, c]| 2.0 * of(b) / (of(a) + of(c)));
    let without = rows.iter().map(|[a, _, c]| of(c) / of(a));
    let (with, without) = (range(with.collect()), range(without.collect()));
    println!("{name:<24} {with:>26} {without:>26}");
}

/// Formats the median and the range of 90 % of the values.
fn range(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (low, median, high) = (at(&values, 0.05), at(&values, 0.5), at(&values, 0.95));
    format!("{median:.3} ({low:.3} to {high:.3})")
}

/// Returns the value below which that share of sorted values lies.
fn at(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (share * last as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn print_clients(received: &[Received], elapsed_s: f64) {
    let sum = |of: fn(&Received) -> u64| received.iter().map(of).sum::<u64>();
    let messages = sum(|one| one.messages);
    let each = messages as f64 / received.len().max(1) as f64;
    let mut latency: Vec<f64> = received
        .iter()
        .flat_map(|one| one.latency_ms.clone())
        .collect();
    latency.sort_by(f64::total_cmp);
    println!(
        "  {} clients read {messages} messages ({:.0} per second each, {:.1} MB); \
         {} in gaps, {} lost, {} disconnected",
        received.len(),
        each / elapsed_s,
        sum(|one| one.bytes) as f64 / 1e6,
        sum(|one| one.missed),
        sum(|one| one.lost),
        sum(|one| one.closed),
    );
    println!(
        "  from the event to the client: median {:.0} ms, 99 % within {:.0} ms",
        at(&latency, 0.5),
        at(&latency, 0.99),
    );
}

fn print_usage(before: Usage, after: Usage, elapsed_s: f64) {
    println!(
        "  server: {:.1} MB, at most {:.1} MB; {:.2} s of CPU time in {elapsed_s:.1} s",
        after.memory_mb,
        after.peak_mb,
        after.cpu_s - before.cpu_s,
    );
}
