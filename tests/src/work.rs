//! Work to record.

use std::path::Path;
use std::time::{Duration, Instant};

use energy_power::SourceChoice;
use energy_power::detect::OpenOptions;
use tracing::info_span;
use tracing_energy::{EnergyLayer, EnergyLayerBuilder, RunSummary};
use tracing_subscriber::prelude::*;

/// Keeps this thread's processor busy for `time`.
pub fn burn(time: Duration) {
    let begin = Instant::now();
    let mut number = 1_u64;
    while begin.elapsed() < time {
        for _ in 0..1_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
        }
    }
}

/// Records what `work` does, on this thread and on those that take over its
/// default subscriber.
pub fn record_with(builder: EnergyLayerBuilder, work: impl FnOnce()) -> RunSummary {
    let (layer, guard) = builder.build().expect("a recording");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    guard.finish()
}

/// Returns a recorder of modelled power into the database at `path`.
pub fn modelled(path: &Path) -> EnergyLayerBuilder {
    EnergyLayer::builder()
        .database(path)
        .source(SourceChoice::Modelled)
}

/// Returns a recorder of `source` into the database at `path` that finds no sensors but those
/// that `name` puts into its options.
pub fn sensing(
    path: &Path,
    source: SourceChoice,
    name: impl FnOnce(&mut OpenOptions),
) -> EnergyLayerBuilder {
    let builder = EnergyLayer::builder().database(path).source(source);
    builder.source_options(|options| {
        *options = std::mem::take(options).without_sensors();
        name(options);
    })
}

/// Records what `work` does into the database at `path`, with modelled power.
pub fn record(path: &Path, work: impl FnOnce()) -> RunSummary {
    record_with(modelled(path), work)
}

/// An inference of `count` tokens with two layers each: `2 + 3 * count` spans.
pub fn tokens(count: u64) {
    let _inference = info_span!("inference").entered();
    let _decode = info_span!("decode").entered();
    for token in 0..count {
        let _token = info_span!("token", token).entered();
        for layer in 0..2_u64 {
            info_span!("layer", layer).in_scope(|| burn(Duration::from_micros(300)));
        }
    }
}
