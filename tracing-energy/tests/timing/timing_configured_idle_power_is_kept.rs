//! Power is modelled with configured idle watts. Idle time before the first span does not
//! replace them, and no other process is reported as busy in it.
//!
//! ```text
//! run     |---- no span for 1.3 s ----|work|
//! flushes  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
//! ```

use std::time::Duration;

use energy_power::SourceChoice;
use energy_store::Store;
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_subscriber::prelude::*;

#[test]
fn configured_idle_power_is_kept() {
    let _alone = crate::alone();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (layer, guard) = EnergyLayer::builder()
        .database(&path)
        .source(SourceChoice::Modelled)
        .source_options(|options| options.idle_w = Some(3.0))
        .flush_interval(Duration::from_millis(20))
        .build()
        .expect("a recording");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        std::thread::sleep(Duration::from_millis(1_300));
        info_span!("work").in_scope(|| std::thread::sleep(Duration::from_millis(50)));
    });
    guard.finish();
    let store = Store::open(&path).expect("readable");
    let baselines = store.baselines(1).and_then(|rows| rows.all());
    let baselines = baselines.expect("readable");
    assert_eq!(baselines.len(), 1);
    assert_eq!((baselines[0].power_w, baselines[0].samples), (3.0, 0));
    let events = store.events(1).and_then(|rows| rows.all());
    let mut events = events.expect("readable").into_iter();
    assert!(!events.any(|event| event.kind == "busy_baseline"));
}
