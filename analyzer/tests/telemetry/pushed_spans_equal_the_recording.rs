//! `energy otlp push` sends each span entry once, and its energies sum to the recording's.

use std::collections::HashSet;
use std::time::Duration;

use energy_telemetry::names::{metric, span};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use tracing_energy::Method;

use super::fixture::command::{energy, errors, refused, text};
use super::fixture::spanned;
use super::receiver::{self, Answer, Received, Receiver};

/// Returns the sum of a metric's points.
fn sum(received: &Received, name: &str) -> f64 {
    let metrics = received.metrics.iter().filter(|metric| metric.name == name);
    let points = metrics.flat_map(|metric| match metric.data.clone().unwrap() {
        Data::Sum(sum) => sum.data_points,
        Data::Gauge(gauge) => gauge.data_points,
        other => panic!("{other:?}"),
    });
    let value = |value| match value {
        Some(Value::AsDouble(number)) => number,
        Some(Value::AsInt(number)) => number as f64,
        None => panic!("a point without a value"),
    };
    points.map(|point| value(point.value)).sum()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn self_energies_sum_to_the_account_of_spans() {
    for method in [Method::Proportional, Method::Fitted] {
        let folder = tempfile::tempdir().unwrap();
        let db = spanned::spanned(folder.path(), method);
        let receiver = Receiver::start([]);
        let endpoint = receiver.endpoint();
        let printed = text(&energy(folder.path(), &["otlp", "push", "last", &endpoint]));
        let received = receiver.received();
        let (recording, run) = spanned::open(&db);
        let entries = recording.store().spans(run.no).unwrap().all().unwrap();
        assert_eq!(received.spans.len(), entries.len());
        assert!(
            printed.contains(&format!("{} spans", entries.len())),
            "{printed}"
        );
        let energies = received
            .spans
            .iter()
            .filter_map(|(_, span)| receiver::number(&span.attributes, span::SELF_ENERGY));
        let spans_j = spanned::spans_j(&db);
        let total: f64 = energies.sum();
        assert!(close(total, spans_j), "{method}: {total} J of {spans_j} J");
        let kinds = sum(&received, metric::KIND_ENERGY.name);
        assert!(close(kinds, spans_j), "{method}: {kinds} J of {spans_j} J");
        let rails = sum(&received, metric::ENERGY.name);
        let accounts = sum(&received, metric::ACCOUNT.name);
        assert!(
            close(rails, accounts),
            "{method}: {accounts} J of {rails} J"
        );
        let tokens = received
            .spans
            .iter()
            .filter(|(_, span)| span.name == "token");
        let known = tokens.filter(|(_, span)| {
            receiver::number(&span.attributes, span::INTERVAL_ENERGY).is_some()
        });
        assert_eq!(known.count(), 40, "tokens have interval energies");
    }
}

/// ```text
/// run      [--------------------------| crashed
/// token       [---------------------------  open: its samples cover little of the time to the end
/// samples     |---|
/// ```
#[test]
fn the_interval_of_an_open_span_of_a_crashed_run_lasts_until_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let db = spanned::spanned(folder.path(), Method::Proportional);
    let connection = rusqlite::Connection::open(&db).unwrap();
    let crash = "UPDATE runs SET status = 'crashed';
        UPDATE spans SET end_ns = NULL WHERE id = (
            SELECT min(s.id) FROM spans s JOIN nodes n ON n.run = 1 AND n.id = s.node
            WHERE n.label = 'token')";
    connection.execute_batch(crash).unwrap();
    drop(connection);
    let receiver = Receiver::start([]);
    let endpoint = receiver.endpoint();
    text(&energy(
        folder.path(),
        &["otlp", "push", "last", &endpoint, "--spans"],
    ));
    let received = receiver.received();
    let tokens = received
        .spans
        .iter()
        .filter(|(_, span)| span.name == "token");
    let known = |span: &receiver::SentSpan| {
        receiver::number(&span.1.attributes, span::INTERVAL_ENERGY).is_some()
    };
    let unknown: Vec<_> = tokens.filter(|span| !known(span)).collect();
    assert_eq!(unknown.len(), 1, "half of its time is not covered");
}

#[test]
fn a_run_that_is_sent_again_makes_no_second_span() {
    let folder = tempfile::tempdir().unwrap();
    spanned::spanned(folder.path(), Method::Proportional);
    let receiver = Receiver::start([]);
    let endpoint = receiver.endpoint();
    for _ in 0..2 {
        text(&energy(
            folder.path(),
            &["otlp", "push", "last", &endpoint, "--spans"],
        ));
    }
    let received = receiver.received();
    assert!(received.metrics.is_empty(), "--spans selects spans");
    let ids: HashSet<_> = received
        .spans
        .iter()
        .map(|(_, span)| (&span.trace_id, &span.span_id))
        .collect();
    assert_eq!(2 * ids.len(), received.spans.len());
    let parents = received.spans.iter().map(|(_, span)| &span.parent_span_id);
    let spans: HashSet<_> = received
        .spans
        .iter()
        .map(|(_, span)| &span.span_id)
        .collect();
    for parent in parents.filter(|parent| !parent.is_empty()) {
        assert!(spans.contains(parent), "a parent was not sent");
    }
}

#[test]
fn nothing_is_sent_by_a_dry_run() {
    let folder = tempfile::tempdir().unwrap();
    spanned::spanned(folder.path(), Method::Proportional);
    let arguments = ["otlp", "push", "last", "http://127.0.0.1:1", "--dry-run"];
    let printed = text(&energy(folder.path(), &arguments));
    assert!(
        printed.contains("would send") && printed.contains("spans"),
        "{printed}"
    );
    assert!(printed.contains("metric points"), "{printed}");
}

#[test]
fn a_collector_that_does_not_accept_spans_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    spanned::spanned(folder.path(), Method::Proportional);
    let dead = [
        "otlp",
        "push",
        "last",
        "http://127.0.0.1:1",
        "--retry-for",
        "0s",
    ];
    let message = refused(folder.path(), &dead, 1);
    assert!(
        message.contains("127.0.0.1:1") && message.contains("repeat"),
        "{message}"
    );
    let receiver = Receiver::start([Answer::status(401)]);
    let push = |endpoint: &str| ["otlp", "push", "last", endpoint, "--spans"].map(str::to_owned);
    let arguments = push(&receiver.endpoint());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let message = refused(folder.path(), &arguments, 1);
    assert!(message.contains("401"), "{message}");

    let receiver = Receiver::start([Answer::partial(3, "spans are too old")]);
    let arguments = push(&receiver.endpoint());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = energy(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let message = errors(&output);
    assert!(
        message.contains("3 of ") && message.contains("too old"),
        "{message}"
    );
}

#[test]
fn wrong_usage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    spanned::spanned(folder.path(), Method::Proportional);
    let endpoint = "http://127.0.0.1:1";
    for (arguments, expected) in [
        (vec!["last", "localhost:4318"], "http://HOST:4318"),
        (vec!["last", endpoint, "--header", "s3cret"], "NAME=VALUE"),
        (
            vec!["last", "http://user:s3cret@localhost:4318"],
            "as a header",
        ),
        (vec!["last", endpoint, "--header", "a b=c"], "header"),
        (vec!["nosuchrun", endpoint], "nosuchrun"),
    ] {
        let arguments = [vec!["otlp", "push"], arguments].concat();
        let message = refused(folder.path(), &arguments, 2);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
    let message = refused(folder.path(), &["otlp", "follow", "last", endpoint], 2);
    assert!(message.contains("energy otlp push"), "{message}");
}

#[test]
fn headers_come_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    spanned::spanned(folder.path(), Method::Proportional);
    let receiver = Receiver::start([]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_energy"))
        .current_dir(folder.path())
        .args(["otlp", "push", "last", &receiver.endpoint(), "--metrics"])
        .args(["--header", "x-list=a, b%20c"])
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-tenant=blue,authorization=Bearer%20a%3Db",
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    assert!(receiver.until(Duration::from_secs(1), |received| {
        !received.requests.is_empty()
    }));
    let headers = receiver.received().requests[0].1.join("\n").to_lowercase();
    assert!(headers.contains("x-tenant: blue"), "{headers}");
    assert!(
        headers.contains("x-list: a, b%20c"),
        "as it is written: {headers}"
    );
    assert!(headers.contains("authorization: bearer a=b"), "{headers}");
}
