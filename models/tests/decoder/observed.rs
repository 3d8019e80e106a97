//! Work under a subscriber, while other tests run without one.

use std::sync::LazyLock;

use tracing::{Dispatch, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

/// Subscribers that record nothing and live as long as the process.
///
/// While a process has one subscriber only, `tracing` decides on the thread that reaches a
/// span first whether anyone wants it, for all threads. A test without a subscriber would
/// disable spans of the others.
static IDLE: LazyLock<[Dispatch; 2]> = LazyLock::new(|| {
    std::array::from_fn(|_| Dispatch::new(tracing_subscriber::registry().with(LevelFilter::OFF)))
});

/// Runs `work` on this thread under the subscriber.
pub(crate) fn observed<T>(
    subscriber: impl Subscriber + Send + Sync + 'static,
    work: impl FnOnce() -> T,
) -> T {
    LazyLock::force(&IDLE);
    tracing::subscriber::with_default(subscriber, work)
}
