//! A program that records itself until it is killed: `recorded-program DB NAME`.

use std::time::Duration;

use energy_tests::burn;
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_energy::power::SourceChoice;
use tracing_energy::rows::RunMetadata;
use tracing_subscriber::prelude::*;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().expect("the database's path");
    let metadata = RunMetadata {
        name: arguments.next(),
        ..RunMetadata::default()
    };
    let (layer, _guard) = EnergyLayer::builder()
        .database(database)
        .source(SourceChoice::Modelled)
        .metadata(metadata)
        .end_on_signal()
        .build()
        .expect("a recording");
    tracing_subscriber::registry().with(layer).init();
    let _run = info_span!("inference").entered();
    let _decode = info_span!("decode").entered();
    for token in 0_u64.. {
        info_span!("token", token).in_scope(|| burn(Duration::from_millis(5)));
    }
}
