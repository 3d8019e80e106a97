//! `energy otlp follow` sends a run while this process records it.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use energy_analyzer::query::Recording;
use energy_telemetry::names::span;
use tracing_energy::EnergyLayer;
use tracing_subscriber::prelude::*;

use super::receiver::{Receiver, number, text};
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

#[test]
fn timing_spans_are_sent_once_with_the_traces_of_their_callers() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let receiver = Receiver::start([]);
    let (layer, guard) = EnergyLayer::builder().database(&database).build().unwrap();
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
    let second = Receiver::start([]);
    tracing::subscriber::with_default(subscriber, || {
        answer(10);
        // All of it is in the file.
        std::thread::sleep(Duration::from_secs(2));
        let mut child = follower(&database, &[&second.endpoint(), "--spans"]);
        std::thread::sleep(Duration::from_secs(2));
        tracing::info_span!("later").in_scope(|| work(30));
        assert!(second.until(LIMIT, |received| !received.spans.is_empty()));
        // SAFETY: a plain system call on our own child, which is not reaped yet.
        unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) };
        assert!(child.wait().unwrap().success());
    });
    drop(guard);
    let names: HashSet<String> = second
        .received()
        .spans
        .iter()
        .map(|(_, span)| span.name.clone())
        .collect();
    assert_eq!(names, HashSet::from(["later".to_owned()]));
}
