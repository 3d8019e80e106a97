//! Threads that are inside of spans when the recording ends, or go on with new
//! ones: what they did until then is in the run, the rest is ignored.

use std::sync::Barrier;
use std::time::Duration;

use energy_tests::{StoredRun, burn, modelled};
use tracing::{Dispatch, info_span};
use tracing_subscriber::prelude::*;

const THREADS: usize = 3;

#[test]
fn threads_may_outlive_the_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (layer, guard) = modelled(&path).build().expect("a recording");
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let (inside, ended) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    let summary = std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let _default = tracing::dispatcher::set_default(&dispatch);
                let _outer = info_span!("outer").entered();
                let inner = info_span!("inner").entered();
                let waiting = info_span!("entered too late");
                burn(Duration::from_millis(150));
                inside.wait();
                ended.wait();
                waiting.in_scope(|| tracing::info!("not recorded"));
                drop(inner);
                info_span!("made too late").in_scope(|| tracing::info!("not recorded"));
            });
        }
        inside.wait();
        let summary = guard.finish();
        ended.wait();
        summary
    });
    assert_eq!(summary.activations, 2 * THREADS as u64);
    assert_eq!(summary.lost, 0);
    let run = StoredRun::open(&path, "last");
    run.assert_whole(2 * THREADS);
    // They ended with the run: no later, and no earlier either.
    let spans = run.spans();
    let ended_with_run =
        |span: &&energy_data::rows::SpanRow| span.end_ns == Some(summary.duration_ns);
    assert_eq!(spans.iter().filter(ended_with_run).count(), spans.len());
    assert_eq!(
        run.number("SELECT count(*) FROM span_events WHERE run = ?1"),
        0.0
    );
}
