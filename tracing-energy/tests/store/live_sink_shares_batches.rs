//! Subscribers share one copy of each batch. A slow one receives the number of lost updates, and
//! what later rows refer to.

use std::sync::Arc;
use std::time::Duration;

use energy_data::rows::RunStatus;
use tracing_energy::live::{LiveSink, ReceiveError, Subscription, Update};
use tracing_energy::{Batch, Sink};

use crate::store_support::{attributed, ended, recording, span};

fn batch_of(update: Update) -> Arc<Batch> {
    match update {
        Update::Rows { batch, .. } => batch,
        other => panic!("{other:?}"),
    }
}

fn received(subscription: &Subscription) -> Update {
    subscription.try_recv().expect("an update")
}

fn spans(seq: u64) -> Batch {
    Batch {
        spans: vec![span(seq, 3, None, 1, 2)],
        ..Batch::default()
    }
}

#[test]
fn subscribers_receive_the_batches_of_the_sink_without_copies_of_their_own() {
    let mut sink = LiveSink::new(8);
    let (one, two) = (sink.subscribe(), sink.subscribe());
    assert_eq!(one.try_recv(), Err(ReceiveError::Empty));
    let written = attributed("a");
    sink.write(&written).expect("written");
    let (first, second) = (batch_of(received(&one)), batch_of(received(&two)));
    assert_eq!(*first, written);
    assert!(Arc::ptr_eq(&first, &second));
    sink.write(&Batch::default()).expect("written");
    assert_eq!(
        one.try_recv(),
        Err(ReceiveError::Empty),
        "a renewal is no update"
    );
    sink.write(&ended("a")).expect("written");
    sink.finish().expect("finished");
    let last = batch_of(received(&one));
    assert!(last.run.as_ref().is_some_and(|run| run.end_ns.is_some()));
    let complete = Update::Ended {
        run: "a".into(),
        status: RunStatus::Complete,
    };
    assert_eq!(received(&one), complete);
    assert_eq!(
        one.recv_timeout(Duration::from_secs(60)),
        Err(ReceiveError::Closed)
    );
}

#[test]
fn a_slow_subscriber_receives_the_number_of_lost_updates_and_delays_nobody() {
    let mut sink = LiveSink::new(4);
    let (slow, fast) = (sink.subscribe(), sink.subscribe());
    sink.write(&recording("a")).expect("written");
    assert_eq!(batch_of(received(&fast)).spans.len(), 9);
    for seq in 10..20 {
        sink.write(&spans(seq)).expect("written");
        assert_eq!(batch_of(received(&fast)).spans[0].seq, seq);
    }
    assert_eq!(received(&slow), Update::Lost { updates: 7 });
    // The lost updates had the rails and nodes, which come again.
    let context = batch_of(received(&slow));
    assert_eq!((context.rails.len(), context.nodes.len()), (3, 8));
    assert!(context.run.as_ref().is_some_and(|run| run.uuid == "a"));
    assert!(context.spans.is_empty());
    for seq in 16..20 {
        assert_eq!(batch_of(received(&slow)).spans[0].seq, seq);
    }
    assert_eq!(slow.try_recv(), Err(ReceiveError::Empty));
}

#[test]
fn a_late_subscriber_begins_with_what_later_rows_refer_to() {
    let mut sink = LiveSink::new(4);
    sink.write(&recording("a")).expect("written");
    let late = sink.subscribe();
    sink.write(&spans(10)).expect("written");
    let context = batch_of(received(&late));
    assert_eq!((context.callsites.len(), context.spans.len()), (6, 0));
    assert_eq!(batch_of(received(&late)).spans[0].seq, 10);
    assert_eq!(late.try_recv(), Err(ReceiveError::Empty));
}

#[test]
fn a_waiting_subscriber_is_woken() {
    let mut sink = LiveSink::new(4);
    let subscription = sink.subscribe();
    let waiting = std::thread::spawn(move || subscription.recv_timeout(Duration::from_secs(120)));
    sink.write(&recording("a")).expect("written");
    let update = waiting.join().expect("no panic").expect("an update");
    assert_eq!(batch_of(update).spans.len(), 9);
}
