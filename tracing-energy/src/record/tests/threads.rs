//! The end of a thread.

use tracing::info_span;

use super::record;

#[test]
fn the_end_of_a_thread_ends_its_open_activations() {
    let drawing = record(|| {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let leaving = std::thread::spawn(move || {
            let _default = tracing::dispatcher::set_default(&dispatch);
            std::mem::forget(info_span!("outer").entered());
            std::mem::forget(info_span!("inner").entered());
        });
        leaving.join().expect("no panic");
        info_span!("afterwards").in_scope(|| ());
    });
    let spans: Vec<_> = drawing.spans.values().collect();
    let [outer, inner, afterwards] = spans[..] else {
        panic!("{spans:?}");
    };
    assert!(inner.end_ns.is_some() && inner.end_ns <= outer.end_ns);
    assert!(outer.end_ns.is_some_and(|end| end <= afterwards.start_ns));
}
