//! Events that carry metrics.

/// The `tracing` target of the events.
pub const TARGET: &str = "energy_models::span_metrics";

/// Emits an event with these fields.
macro_rules! metrics {
    ($($field:tt)*) => {
        ::tracing::event!(
            target: $crate::statistics::TARGET,
            ::tracing::Level::INFO,
            $($field)*
        )
    };
}

pub(crate) use metrics;
