//! A program that records itself until it is killed: `recorded-program DB
//! [NAME]...`, with one recorder per name.

use std::time::Duration;

use energy_data::rows::RunMetadata;
use energy_power::SourceChoice;
use energy_tests::burn;
use tracing::info_span;
use tracing_energy::{EnergyGuard, EnergyLayer};
use tracing_subscriber::prelude::*;

fn recorder(database: &str, name: Option<String>) -> (EnergyLayer, EnergyGuard) {
    let metadata = RunMetadata {
        name,
        ..RunMetadata::default()
    };
    EnergyLayer::builder()
        .database(database)
        .source(SourceChoice::Modelled)
        .metadata(metadata)
        .end_on_signal()
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().expect("the database's path");
    let mut names: Vec<_> = arguments.map(Some).collect();
    names.resize(names.len().max(1), None);
    let recorders = names.into_iter().map(|name| recorder(&database, name));
    let (layers, _guards): (Vec<_>, Vec<_>) = recorders.unzip();
    tracing_subscriber::registry().with(layers).init();
    let _run = info_span!("inference").entered();
    let _decode = info_span!("decode").entered();
    for token in 0_u64.. {
        info_span!("token", token).in_scope(|| burn(Duration::from_millis(5)));
    }
}
