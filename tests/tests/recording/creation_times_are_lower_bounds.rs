//! A new span reads no clock: its creation is placed at its thread's last enter or
//! exit, which is never later than the truth.

use std::time::Duration;

use energy_tests::{StoredRun, record};
use tracing::info_span;

#[test]
fn creation_times_are_lower_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    record(&path, || {
        info_span!("before").in_scope(|| ());
        std::thread::sleep(Duration::from_millis(50));
        let again = info_span!("again");
        again.in_scope(|| ());
        again.in_scope(|| ());
    });
    let run = StoredRun::open(&path, "last");
    let instances = run.store().instances(run.no).and_then(|rows| rows.all());
    let instances = instances.expect("instances");
    let [again] = &instances[..] else {
        panic!("only the span that was entered twice has a row: {instances:?}");
    };
    let spans = run.spans();
    let [before, first, second] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(Some(again.created_ns), before.end_ns);
    assert!(again.created_ns + 40_000_000 <= first.start_ns);
    assert_eq!(again.closed_ns, second.end_ns);
    assert_eq!([first.instance, second.instance], [Some(again.id); 2]);
    assert_eq!(before.instance, None);
}
