//! A program with `tracing-opentelemetry` and our layer: in what a real collector passes on, spans
//! and events with their energies have the same ids.
//!
//! ```text
//! program: tracing-opentelemetry --spans--+
//!          EnergyLayer, sink otlp -events-+--> rotel --> receiver of this test
//! energy otlp push --events --------------+
//! ```

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use energy_telemetry::names::{SPAN_ENERGY_EVENT, span};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use prost::Message as _;
use tracing_energy::EnergyLayer;
use tracing_energy::otlp::{OtlpOptions, OtlpSink, Signals};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::prelude::*;

use super::fixture::command::{energy, text};
use super::receiver::{Received, Receiver, number};
use super::tools::{Started, collector, free_port};

const LIMIT: Duration = Duration::from_secs(60);

/// Exports spans as a program with an exporter of its own does.
#[derive(Debug)]
struct HttpExporter(String);

impl SpanExporter for HttpExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource = ResourceAttributesWithSchema::default();
        let resource_spans = group_spans_by_resource_and_scope(batch, &resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let request = ureq::post(format!("{}/v1/traces", self.0));
        let request = request.content_type("application/x-protobuf");
        request
            .send(&body[..])
            .expect("the collector accepts spans");
        Ok(())
    }
}

/// Starts rotel, which passes everything on to `receiver`. Returns its address.
fn start(program: &Path, folder: &Path, receiver: &Receiver) -> (Started, String) {
    let (http, grpc) = (free_port(), free_port());
    let endpoint = receiver.endpoint();
    let (http, grpc) = (format!("127.0.0.1:{http}"), format!("127.0.0.1:{grpc}"));
    let log = folder.join("rotel-agent.log");
    let arguments: &[&str] = &[
        "start",
        "--otlp-http-endpoint",
        &http,
        "--otlp-grpc-endpoint",
        &grpc,
        "--exporter",
        "otlp",
        "--otlp-exporter-endpoint",
        &endpoint,
        "--otlp-exporter-protocol",
        "http",
        "--otlp-exporter-compression",
        "none",
        "--batch-timeout",
        "100ms",
        "--log-file",
        log.to_str().unwrap(),
    ];
    let mut started = Started::program(program, arguments, folder);
    super::served::until("the collector", || {
        let log = || std::fs::read_to_string(folder.join("rotel.log")).unwrap_or_default();
        assert!(started.is_alive(), "{}", log());
        std::net::TcpStream::connect(&http).is_ok()
    });
    (started, format!("http://{http}"))
}

fn work(milliseconds: u64) {
    let begin = std::time::Instant::now();
    while begin.elapsed() < Duration::from_millis(milliseconds) {
        std::hint::black_box((0..1_000).sum::<u64>());
    }
}

/// Answers a request in a span that has the ids of the other exporter in its fields.
fn answer() {
    use tracing::field::Empty;
    let request = tracing::info_span!("request", trace_id = Empty, span_id = Empty);
    let context = request.context().span().span_context().clone();
    request.record("trace_id", context.trace_id().to_string());
    request.record("span_id", context.span_id().to_string());
    request.in_scope(|| {
        tracing::info_span!("query").in_scope(|| work(15));
        work(15);
    });
}

/// Records requests with both layers. Returns the energy of all spans.
fn record(database: &Path, endpoint: &str) -> f64 {
    let exporter = HttpExporter(endpoint.to_owned());
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter)
        .build();
    let mut options = OtlpOptions::new(endpoint).unwrap();
    options.signals = Signals {
        spans: false,
        events: true,
        metrics: true,
    };
    let (layer, guard) = EnergyLayer::builder()
        .database(database)
        .sink(OtlpSink::new(options).unwrap())
        .build()
        .unwrap();
    let others = tracing_opentelemetry::layer().with_tracer(provider.tracer("program"));
    let subscriber = tracing_subscriber::registry().with(others).with(layer);
    tracing::subscriber::with_default(subscriber, || (0..20).for_each(|_| answer()));
    let summary = guard.finish();
    provider.shutdown().unwrap();
    assert!(
        summary
            .warnings
            .iter()
            .all(|warning| !warning.contains("otlp")),
        "{:?}",
        summary.warnings
    );
    summary.spans_j().unwrap()
}

/// Returns the events by the ids that they carry: trace and span.
fn events(received: &Received) -> HashMap<(Vec<u8>, Vec<u8>), Vec<f64>> {
    let mut events: HashMap<_, Vec<f64>> = HashMap::new();
    for event in received
        .logs
        .iter()
        .filter(|event| event.event_name == SPAN_ENERGY_EVENT)
    {
        let key = (event.trace_id.clone(), event.span_id.clone());
        let joules = number(&event.attributes, span::ENERGY).unwrap();
        events.entry(key).or_default().push(joules);
    }
    events
}

#[test]
fn timing_spans_and_energies_are_joined_by_their_ids() {
    let Some(program) = collector() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("energy.db");
    let receiver = Receiver::start([]);
    let (_collector, endpoint) = start(&program, folder.path(), &receiver);
    let spans_j = record(&database, &endpoint);
    let is_complete = |received: &Received| {
        received.spans.len() == 40 && events(received).len() >= 15 && !received.metrics.is_empty()
    };
    let count = |received: &Received| {
        (
            received.spans.len(),
            received.logs.len(),
            received.metrics.len(),
        )
    };
    assert!(
        receiver.until(LIMIT, is_complete),
        "{:?}",
        count(&receiver.received())
    );
    // The collector passes on what it has accepted within its batch timeout.
    std::thread::sleep(Duration::from_secs(2));
    let of_sink = check(&receiver.received(), spans_j);
    assert!(of_sink >= 15, "{of_sink} of 20 requests have an energy");

    // The same from the file, after the run.
    receiver.received().logs.clear();
    text(&energy(
        folder.path(),
        &["otlp", "push", "last", &endpoint, "--events"],
    ));
    let all = |received: &Received| events(received).len() >= of_sink;
    assert!(
        receiver.until(LIMIT, all),
        "{:?}",
        count(&receiver.received())
    );
    assert!(check(&receiver.received(), spans_j) >= of_sink);
}

/// Checks that each event belongs to one span `request`, and that energies are at most those of the
/// run. Returns the number of joined spans.
fn check(received: &Received, spans_j: f64) -> usize {
    let requests = received
        .spans
        .iter()
        .filter(|(_, span)| span.name == "request");
    let events = events(received);
    let joined: Vec<f64> = requests
        .filter_map(|(_, span)| events.get(&(span.trace_id.clone(), span.span_id.clone())))
        .map(|found| {
            assert_eq!(found.len(), 1, "one event for each span");
            found[0]
        })
        .collect();
    assert_eq!(joined.len(), events.len(), "each event belongs to a span");
    let sum: f64 = joined.iter().sum();
    assert!(
        sum > 0.0 && sum <= 1.001 * spans_j,
        "{sum} J of {spans_j} J"
    );
    joined.len()
}
