//! Measures the energy of each route of an asynchronous service.
//!
//! A waiting task is not in its span, so requests that overlap on one thread are charged
//! for their own work only. The span's field `name` is a key field: each of its values
//! gets its own row, without a span name for each route.
//!
//! ```text
//! cargo run --release --example async_service -- [async_service.db]
//! ```

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing_energy::{EnergyLayer, RunSummary, Store};
use tracing_subscriber::prelude::*;

const REQUESTS: usize = 50;

/// A route, its wait for a database in milliseconds and its work in rounds.
type Route = (&'static str, u64, u64);

const ROUTES: [Route; 3] = [
    ("/health", 1, 100_000),
    ("/search", 40, 10_000_000),
    ("/render", 5, 30_000_000),
];

fn main() -> anyhow::Result<()> {
    let argument = std::env::args().nth(1);
    let path = argument.unwrap_or_else(|| "async_service.db".to_owned());
    let (layer, guard) = EnergyLayer::builder().database(&path).build()?;
    tracing_subscriber::registry().with(layer).init();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()?;
    runtime.block_on(serve())?;
    drop(runtime);

    let summary = guard.finish();
    print_routes(Path::new(&path), &summary)?;
    println!("more: cargo energy summary --db {path}");
    Ok(())
}

async fn serve() -> anyhow::Result<()> {
    let mut requests = JoinSet::new();
    for index in 0..REQUESTS {
        requests.spawn(request(ROUTES[index % ROUTES.len()]));
    }
    while let Some(done) = requests.join_next().await {
        done?;
    }
    Ok(())
}

#[tracing::instrument(skip_all, fields(name = route.0))]
async fn request(route: Route) {
    let (_, wait_ms, rounds) = route;
    query(wait_ms).await;
    respond(rounds);
}

#[tracing::instrument]
async fn query(wait_ms: u64) {
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
}

#[tracing::instrument]
fn respond(rounds: u64) {
    let hash = |state: u64, round: u64| (state ^ round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    black_box((0..rounds).fold(1, |state, round| black_box(hash(state, round))));
}

fn print_routes(path: &Path, summary: &RunSummary) -> anyhow::Result<()> {
    let paths = Store::open(path)?.call_paths(&summary.uuid)?;
    println!(
        "{:<20} {:>8} {:>10} {:>12}",
        "route", "requests", "J", "mJ/request"
    );
    let routes = paths
        .iter()
        .filter(|path| path.name.as_deref() == Some("request"));
    for route in routes {
        let label = &route.label;
        match route.inclusive_j.zip(route.count) {
            Some((energy_j, count)) => {
                let each_mj = energy_j * 1e3 / count as f64;
                println!("{label:<20} {count:>8} {energy_j:>10.3} {each_mj:>12.3}");
            }
            None => println!("{label:<20} {:>8} {:>10} {:>12}", "?", "?", "?"),
        }
    }
    if let (Some(energy_j), Some(spans_j)) = (summary.measured_j(), summary.spans_j()) {
        println!("{spans_j:.3} J of the machine's {energy_j:.3} J were spent in spans");
    }
    Ok(())
}
