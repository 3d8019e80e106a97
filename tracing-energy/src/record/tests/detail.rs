//! Which activations become rows.

use tracing::info_span;

use super::{Detail, record_with};

#[test]
fn totals_replace_rows_where_detail_is_nodes() {
    let program = || {
        let _outer = info_span!("outer").entered();
        for _ in 0..10 {
            info_span!("inner").in_scope(|| ());
        }
    };
    let drawing = record_with(Detail::Nodes, program);
    assert!(drawing.spans.is_empty());
    let inner = drawing.windows.iter().filter(|row| row.node == 2);
    assert_eq!(inner.map(|row| row.activations).sum::<u64>(), 10);
    let sampled = record_with(Detail::Sampled(4), || {
        for _ in 0..8 {
            info_span!("root").in_scope(|| info_span!("leaf").in_scope(|| ()));
        }
    });
    assert_eq!(
        sampled.spans.len(),
        4,
        "two of eight roots, each with its leaf"
    );
}

#[test]
fn activations_of_a_sampled_root_on_other_threads_are_kept() {
    let sampled = record_with(Detail::Sampled(2), || {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        for _ in 0..4 {
            let root = info_span!("root").entered();
            let (parent, dispatch) = (root.id(), dispatch.clone());
            let helper = std::thread::spawn(move || {
                let _default = tracing::dispatcher::set_default(&dispatch);
                info_span!(parent: parent, "helper").in_scope(|| ());
            });
            helper.join().expect("no panic");
        }
    });
    let roots = sampled.spans.values().filter(|row| row.parent.is_none());
    assert_eq!((roots.count(), sampled.spans.len()), (2, 4));
}
