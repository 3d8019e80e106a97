//! Generates large runs: `large-run --spans 10M --db large.db`.

#![allow(clippy::print_stdout)] // It prints a report.

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use energy_tests::large::LargeRun;
use tracing_energy::Method;

/// Generates large runs of a decoder.
#[derive(Debug, Parser)]
struct LargeRunArgs {
    /// Approximate number of spans per run: 10M, 500k
    #[arg(long, default_value = "10M", value_parser = parse_count)]
    spans: u64,
    /// The recording, created if needed
    #[arg(long, default_value = "large.db")]
    db: PathBuf,
    /// Runs; each later one has 2 % more work in `down_proj`
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Layers of the decoder
    #[arg(long, default_value_t = 30)]
    layers: u32,
    /// The same seed gives the same runs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Factor of the work in `down_proj` of the first run
    #[arg(long, default_value_t = 1.0)]
    factor: f64,
    /// Name of a made-up host (default: this one)
    #[arg(long)]
    host: Option<String>,
    /// Tag of the runs, e.g. service=search (repeatable)
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    tags: Vec<(String, String)>,
    /// Also attribute by the method `fitted`
    #[arg(long)]
    fitted: bool,
}

fn parse_count(text: &str) -> Result<u64, String> {
    let (digits, times) = match text.strip_suffix(['M', 'm']) {
        Some(digits) => (digits, 1_000_000),
        None => match text.strip_suffix(['K', 'k']) {
            Some(digits) => (digits, 1000),
            None => (text, 1),
        },
    };
    let count = digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(times));
    count.ok_or_else(|| "write it as 10M, 500k or 12345".to_owned())
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = LargeRunArgs::parse();
    for at in 0..arguments.runs {
        let begun = Instant::now();
        let methods = match arguments.fitted {
            true => vec![Method::Proportional, Method::Fitted],
            false => vec![Method::Proportional],
        };
        let made = LargeRun {
            spans: arguments.spans,
            layers: arguments.layers,
            seed: arguments.seed + at,
            factor: arguments.factor + 0.02 * at as f64,
            name: format!("large-{at}"),
            host: arguments.host.clone(),
            tags: arguments.tags.clone(),
            methods,
        }
        .make(&arguments.db)?;
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{}: {} spans, {} tokens, {:.0} s of run, made in {took:.1} s",
            made.uuid, made.spans, made.tokens, made.seconds
        );
    }
    let bytes = std::fs::metadata(&arguments.db).map_or(0, |file| file.len());
    println!("{}: {:.0} MB", arguments.db.display(), bytes as f64 / 1e6);
    Ok(())
}
