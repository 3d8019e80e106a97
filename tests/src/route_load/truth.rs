//! What the requests of a route really needed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Sums over the requests of a route.
#[derive(Debug, Clone, Serialize)]
pub struct RouteTruth {
    /// Name of the route.
    pub route: &'static str,
    /// Requests.
    pub count: u64,
    /// CPU time of their burns.
    pub cpu_s: f64,
}

/// Sums that requests add to.
#[derive(Debug, Default)]
pub(super) struct RouteSums {
    count: AtomicU64,
    cpu_ns: AtomicU64,
}

impl RouteSums {
    pub(super) fn add(&self, cpu: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.cpu_ns
            .fetch_add(cpu.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(super) fn truth(&self, route: &'static str) -> RouteTruth {
        RouteTruth {
            route,
            count: self.count.load(Ordering::Relaxed),
            cpu_s: self.cpu_ns.load(Ordering::Relaxed) as f64 / 1e9,
        }
    }
}
