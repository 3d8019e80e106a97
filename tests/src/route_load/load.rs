//! Sends requests to the routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use rand::rngs::ChaCha12Rng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::burn::burn;
use super::truth::{RouteSums, RouteTruth};

/// A route: its name, the mean CPU time of a request, and in how many burns it is used.
#[derive(Debug, Clone, Copy)]
struct Route {
    name: &'static str,
    cpu: Duration,
    burns: u32,
}

const ROUTES: [Route; 4] = [
    Route {
        name: "/health",
        cpu: Duration::from_micros(200),
        burns: 1,
    },
    Route {
        name: "/item",
        cpu: Duration::from_millis(1),
        burns: 2,
    },
    Route {
        name: "/search",
        cpu: Duration::from_millis(4),
        burns: 4,
    },
    Route {
        name: "/render",
        cpu: Duration::from_millis(20),
        burns: 2,
    },
];

/// A load.
#[derive(Debug, Clone, Args)]
pub struct LoadOptions {
    /// Length of the load in seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Requests at once
    #[arg(long, default_value_t = 16)]
    pub concurrent: usize,
    /// Threads that poll requests
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
    /// Threads of the other pool
    #[arg(long, default_value_t = 2)]
    pub pool: usize,
    /// Burns on the other pool do not carry the request's span
    #[arg(long)]
    pub unspanned: bool,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Factor on the CPU time of /search
    #[arg(long, default_value_t = 1.0)]
    pub factor: f64,
}

/// Sends requests for some time; returns what each route needed.
///
/// # Errors
/// If threads cannot be started.
pub fn run(options: &LoadOptions) -> std::io::Result<Vec<RouteTruth>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers)
        .enable_time()
        .build()?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.pool)
        .thread_name(|at| format!("pool-{at}"))
        .build()
        .map_err(std::io::Error::other)?;
    let service = Arc::new(Service {
        pool,
        carries: !options.unspanned,
        factor: options.factor,
        sums: Default::default(),
    });
    runtime.block_on(load(Arc::clone(&service), options));
    let routes = ROUTES.iter().zip(&service.sums);
    Ok(routes.map(|(route, sums)| sums.truth(route.name)).collect())
}

async fn load(service: Arc<Service>, options: &LoadOptions) {
    let limit = Arc::new(Semaphore::new(options.concurrent));
    let mut random = ChaCha12Rng::seed_from_u64(options.seed);
    let mut requests = JoinSet::new();
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < options.seconds {
        let Ok(permit) = Arc::clone(&limit).acquire_owned().await else {
            break;
        };
        let (service, seed) = (Arc::clone(&service), random.next_u64());
        requests.spawn(async move {
            service.handle(seed).await;
            drop(permit);
        });
        while requests.try_join_next().is_some() {}
    }
    while requests.join_next().await.is_some() {}
}

struct Service {
    pool: rayon::ThreadPool,
    carries: bool,
    factor: f64,
    sums: [RouteSums; ROUTES.len()],
}

impl Service {
    /// Answers one request: burns with pauses between, every second one on the other pool.
    async fn handle(&self, seed: u64) {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let at = random.random_range(0..ROUTES.len());
        let route = ROUTES[at];
        let span = tracing::info_span!("request", name = route.name);
        let cpu = self.burns(route, &mut random).instrument(span).await;
        self.sums[at].add(cpu);
    }

    async fn burns(&self, route: Route, random: &mut ChaCha12Rng) -> Duration {
        // Energies of requests of a route differ by a factor of up to four.
        let factor = random.random_range(0.4..1.6);
        let factor = if route.name == "/search" {
            factor * self.factor
        } else {
            factor
        };
        let each = route.cpu.mul_f64(factor) / route.burns;
        let mut used = Duration::ZERO;
        for at in 0..route.burns {
            used += match at % 2 {
                0 => tracing::info_span!("compute").in_scope(|| burn(each)),
                _ => self.burn_on_pool(each).await,
            };
            tokio::time::sleep(Duration::from_micros(random.random_range(500..5_000))).await;
        }
        used
    }

    async fn burn_on_pool(&self, amount: Duration) -> Duration {
        let (sender, receiver) = oneshot::channel();
        let span = match self.carries {
            true => tracing::info_span!("on_pool"),
            false => tracing::Span::none(),
        };
        self.pool.spawn(move || {
            // The request may have been dropped.
            let _ = sender.send(span.in_scope(|| burn(amount)));
        });
        receiver.await.unwrap_or_default()
    }
}
