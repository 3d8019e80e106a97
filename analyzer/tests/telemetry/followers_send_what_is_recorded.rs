//! `energy otlp follow` sends a run while this process records it.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use energy_analyzer::otlp::{self, FollowOptions};
use energy_analyzer::query::Recording;
use energy_telemetry::names::span;
use tracing_energy::{Batch, EnergyLayer, Sink, SinkError};
use tracing_subscriber::prelude::*;

use super::receiver::{Answer, Received, Receiver, number, text};
use super::served::until;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const LIMIT: Duration = Duration::from_secs(60);

fn follower(database: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_energy"))
        .arg("--db")
        .arg(database)
        .args(["otlp", "follow"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the run is in the file.
fn wait_for_run(database: &Path) {
    until("a run in the file", || {
        let recording = Recording::open(database);
        recording.is_ok_and(|recording| recording.run("last").is_ok())
    });
}

/// Uses the processor for some time.
fn work(milliseconds: u64) {
    let begin = std::time::Instant::now();
    while begin.elapsed() < Duration::from_millis(milliseconds) {
        std::hint::black_box((0..1_000).sum::<u64>());
    }
}

/// Answers requests, of which each second one has the header of a caller.
fn answer(requests: u32) {
    for at in 0..requests {
        let header = format!("00-{TRACE}-{CALLER}-01");
        let request = match at % 2 {
            0 => tracing::info_span!("request", traceparent = header, at),
            _ => tracing::info_span!("request", at),
        };
        request.in_scope(|| {
            tracing::info_span!("query").in_scope(|| work(20));
            work(10);
        });
    }
}

/// Reports a loss with the first rows.
struct Losing(bool);

impl Sink for Losing {
    fn name(&self) -> &'static str {
        "losing"
    }

    fn write(&mut self, _: &Batch) -> Result<(), SinkError> {
        match std::mem::replace(&mut self.0, true) {
            true => Ok(()),
            false => Err(SinkError::new("something was lost")),
        }
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// The follower reads all rows again, because the recorder reports a loss.
#[test]
fn timing_spans_are_sent_once_with_the_traces_of_their_callers() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let receiver = Receiver::start([]);
    let builder = EnergyLayer::builder().database(&database);
    let (layer, guard) = builder.sink(Losing(false)).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let endpoint = receiver.endpoint();
    wait_for_run(&database);
    let child = follower(&database, &["last", &endpoint, "--from-beginning"]);
    tracing::subscriber::with_default(subscriber, || answer(40));
    let summary = guard.finish();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let received = receiver.received();
    assert_eq!(received.spans.len(), 80, "{errors}");
    let ids: HashSet<_> = received
        .spans
        .iter()
        .map(|(_, span)| &span.span_id)
        .collect();
    assert_eq!(ids.len(), 80, "no span was sent twice");
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let of_caller =
        |span: &&opentelemetry_proto::tonic::trace::v1::Span| hex(&span.trace_id) == TRACE;
    let spans = || received.spans.iter().map(|(_, span)| span);
    assert_eq!(
        spans().filter(of_caller).count(),
        40,
        "requests and what is in them"
    );
    let run = summary.uuid.replace('-', "");
    let others = spans().filter(|span| !of_caller(span));
    assert!(others.clone().all(|span| hex(&span.trace_id) == run));
    assert_eq!(others.count(), 40);
    let energies = spans().filter_map(|span| number(&span.attributes, span::SELF_ENERGY));
    let sent: f64 = energies.clone().sum();
    let known = summary.spans_j().unwrap();
    assert!(energies.count() >= 70, "most spans are covered by samples");
    assert!(
        sent <= 1.001 * known && sent > 0.5 * known,
        "{sent} J of {known} J"
    );
    assert!(spans().any(|span| text(&span.attributes, span::PROVENANCE).is_some()));
    assert!(
        received
            .metrics
            .iter()
            .any(|metric| metric.name == "hw.energy")
    );
}

#[test]
fn timing_a_second_follower_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let (layer, guard) = EnergyLayer::builder().database(&database).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let receivers = [Receiver::start([]), Receiver::start([])];
    tracing::subscriber::with_default(subscriber, || {
        wait_for_run(&database);
        let follow = |receiver: &Receiver| {
            let child = follower(&database, &[&receiver.endpoint(), "--spans"]);
            std::thread::sleep(Duration::from_secs(2));
            child
        };
        let first = follow(&receivers[0]);
        answer(10);
        // All of it is in the file.
        std::thread::sleep(Duration::from_secs(2));
        let children = [first, follow(&receivers[1])];
        tracing::info_span!("later").in_scope(|| work(30));
        for (mut child, receiver) in children.into_iter().zip(&receivers) {
            let has_later = |received: &Received| names(received).contains("later");
            assert!(receiver.until(LIMIT, has_later));
            // SAFETY: a plain system call on our own child, which is not reaped yet.
            unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) };
            assert!(child.wait().unwrap().success());
        }
    });
    drop(guard);
    let [first, second] = &receivers;
    let all = ["request", "query", "later"].map(str::to_owned);
    assert_eq!(names(&first.received()), HashSet::from(all));
    assert_eq!(
        names(&second.received()),
        HashSet::from(["later".to_owned()])
    );
}

fn names(received: &Received) -> HashSet<String> {
    let names = received.spans.iter().map(|(_, span)| span.name.clone());
    names.collect()
}

#[test]
fn a_slow_collector_loses_nothing_that_is_in_the_file() {
    const SPANS: usize = 60_000;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let slow = Answer {
        delay: Duration::from_secs(1),
        ..Answer::status(200)
    };
    let receiver = Receiver::start(vec![slow; 6]);
    let (layer, guard) = EnergyLayer::builder().database(&database).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        (0..SPANS).for_each(|_| tracing::info_span!("op").in_scope(|| ()));
    });
    wait_for_run(&database);
    let mut options = FollowOptions {
        from_beginning: true,
        ..FollowOptions::default()
    };
    options.collector.spans = true;
    options.collector.queue_bytes = 9 << 20;
    let begin = Instant::now();
    let all = || receiver.received().spans.len() >= SPANS || begin.elapsed() > LIMIT;
    let mut warnings = Vec::new();
    let mut warn = |text: &str| warnings.push(text.to_owned());
    let from = (Some("last"), &*receiver.endpoint());
    let counts = otlp::follow(&database, from, &options, &all, &mut warn).unwrap();
    drop(guard);
    assert_eq!(counts.missing(), 0, "{warnings:?}");
    assert_eq!(receiver.received().spans.len(), SPANS);
}
