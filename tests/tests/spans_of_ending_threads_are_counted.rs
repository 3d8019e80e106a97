//! Spans in the destructors of a thread's locals: recorded while the thread's log
//! is there, counted when it is gone. A thread that ends inside of a span ends
//! the span with it. A program of its own, because its subscriber is that of all threads.

use std::cell::RefCell;
use std::time::Duration;

use energy_tests::{StoredRun, burn, modelled};
use tracing::info_span;
use tracing_subscriber::prelude::*;

/// Makes a span when its thread ends.
struct SpanOnDrop(&'static str);

impl Drop for SpanOnDrop {
    fn drop(&mut self) {
        info_span!("destructor", name = self.0).in_scope(|| burn(Duration::from_millis(1)));
    }
}

thread_local! {
    static LAST: RefCell<Option<SpanOnDrop>> = const { RefCell::new(None) };
}

fn arm(name: &'static str) {
    LAST.with_borrow_mut(|last| *last = Some(SpanOnDrop(name)));
}

#[test]
fn spans_of_ending_threads_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (layer, guard) = modelled(&path).build().expect("a recording");
    // For all threads: a thread's own default is gone before its destructors run.
    tracing_subscriber::registry().with(layer).init();
    let work = || info_span!("work").in_scope(|| burn(Duration::from_millis(50)));

    // Locals are destroyed in reverse. The registry's own come first into being:
    // it makes no span without them. This local is destroyed before the log ..
    let early = std::thread::spawn(move || {
        work();
        arm("early");
    });
    early.join().expect("no panic");
    // .. and this one after it.
    let late = std::thread::spawn(move || {
        let elsewhere = tracing_subscriber::registry();
        tracing::subscriber::with_default(elsewhere, || info_span!("elsewhere").in_scope(|| ()));
        arm("late");
        work();
    });
    late.join().expect("no panic");
    let inside = std::thread::spawn(|| std::mem::forget(info_span!("left open").entered()));
    inside.join().expect("no panic");
    info_span!("afterwards").in_scope(|| burn(Duration::from_millis(200)));
    let summary = guard.finish();

    let run = StoredRun::open(&path, "last");
    run.assert_whole(5);
    let labels: Vec<_> = run.labels().into_keys().collect();
    assert_eq!(
        labels,
        ["afterwards", "destructor early", "left open", "work"]
    );
    let expected = "4 records of threads that were ending are missing";
    assert!(
        summary.warnings.iter().any(|text| text == expected),
        "{summary:?}"
    );
    assert_eq!(run.events("ending_threads"), 4);

    let time = |what: &str, label: &str| {
        let sql = format!(
            "SELECT s.{what} FROM activations s JOIN nodes n ON n.run = s.run AND n.id = s.node
             WHERE s.run = ?1 AND n.label = '{label}'"
        );
        run.number(&sql)
    };
    assert!(time("end_ns", "left open") <= time("start_ns", "afterwards"));
}
