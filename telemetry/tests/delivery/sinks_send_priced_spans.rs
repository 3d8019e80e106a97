//! What the sink sends of a run with known energies.

use energy_data::sink::Sink;
use energy_telemetry::names::{SPAN_ENERGY_EVENT, metric, resource, span};
use energy_telemetry::otlp::{
    Client, EncodedRequest, OtlpOptions, OtlpSink, OtlpStream, RunIds, Signal, Signals,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::receiver::{Received, Receiver, number, text};
use crate::rows;

fn sent(signals: Signals) -> Receiver {
    let receiver = Receiver::start([]);
    let mut options = OtlpOptions::new(receiver.endpoint()).unwrap();
    options.signals = signals;
    let mut sink = OtlpSink::new(options).unwrap();
    sink.write(&rows::first_batch()).unwrap();
    sink.write(&rows::last_batch()).unwrap();
    sink.finish().unwrap();
    assert_eq!(sink.counts().missing(), 0);
    receiver
}

/// Returns the times of the points of a metric in seconds of the run.
fn times(received: &Received, name: &str) -> Vec<i64> {
    let metric = received.metrics.iter().rfind(|metric| metric.name == name);
    let points = match metric.unwrap().data.clone().unwrap() {
        Data::Sum(sum) => sum.data_points,
        Data::Gauge(gauge) => gauge.data_points,
        other => panic!("{other:?}"),
    };
    let unix_ns = points
        .iter()
        .map(|point| i64::try_from(point.time_unix_nano).unwrap());
    let of_run = unix_ns.map(|ns| ns - rows::run().start_unix_ns);
    of_run.map(|ns| ns / rows::SECOND).collect()
}

/// Returns the points of a metric: value and attributes.
fn points(received: &Received, name: &str) -> Vec<(f64, Vec<(String, String)>)> {
    let metric = received.metrics.iter().rfind(|metric| metric.name == name);
    let points = metric.map(|metric| match metric.data.clone().unwrap() {
        Data::Sum(sum) => sum.data_points,
        Data::Gauge(gauge) => gauge.data_points,
        other => panic!("{other:?}"),
    });
    let value = |value: Option<Value>| match value.unwrap() {
        Value::AsDouble(number) => number,
        Value::AsInt(number) => number as f64,
    };
    let points = points.into_iter().flatten();
    let attributes = |pairs: &[_]| {
        let keys = [metric::HW_ID, metric::KIND, metric::ACCOUNT_NAME];
        let found = keys
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), text(pairs, key)?.to_owned())));
        found.collect()
    };
    points
        .map(|point| (value(point.value), attributes(&point.attributes)))
        .collect()
}

#[test]
fn spans_have_their_energies_and_traces() {
    let receiver = sent(Signals::default());
    let received = receiver.received();
    let find = |name: &str| {
        let mut found = received.spans.iter().filter(|(_, span)| span.name == name);
        let one = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} was sent twice");
        one
    };
    let energies = |name: &str| {
        let attributes = &find(name).1.attributes;
        [span::ENERGY, span::SELF_ENERGY].map(|key| number(attributes, key))
    };
    assert_eq!(energies("inference"), [Some(20.0), Some(14.0)]);
    assert_eq!(energies("request"), [Some(6.0), Some(2.0)]);
    assert_eq!(energies("query"), [Some(4.0), Some(4.0)]);

    let (of_run, run) = find("inference");
    assert_eq!(text(of_run, resource::SERVICE_NAME), Some("shop"));
    assert_eq!(
        text(of_run, resource::SERVICE_INSTANCE_ID),
        Some(rows::UUID)
    );
    assert_eq!(run.trace_id, RunIds::new(rows::UUID).trace().bytes());
    assert_eq!(run.span_id, 1_u64.to_be_bytes());
    assert_eq!(text(&run.attributes, span::GEN_AI_MODEL), Some("tiny"));
    assert_eq!(
        number(&run.attributes, span::GEN_AI_OUTPUT_TOKENS),
        Some(9.0)
    );
    let start = u64::try_from(rows::run().start_unix_ns).unwrap();
    assert_eq!(
        (run.start_time_unix_nano, run.end_time_unix_nano - start),
        (start, 10_000_000_000)
    );

    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let (request, query) = (&find("request").1, &find("query").1);
    assert_eq!(hex(&request.trace_id), rows::TRACE);
    assert_eq!(hex(&request.parent_span_id), rows::CALLER);
    assert_eq!(request.links[0].span_id, run.span_id);
    assert_eq!(text(&request.attributes, "route"), Some("/a"));
    assert_eq!(
        text(&request.attributes, span::PROVENANCE),
        Some("measured")
    );
    assert_eq!(text(&request.attributes, span::BASIS), Some("proportional"));
    assert_eq!(
        query.trace_id, request.trace_id,
        "it ended before the trace was known"
    );
    assert_eq!(query.parent_span_id, request.span_id);
    assert_eq!(
        text(&query.attributes, span::KIND),
        Some("inference > request > query")
    );
}

#[test]
fn metrics_are_those_of_the_rows() {
    let receiver = sent(Signals::default());
    let received = receiver.received();
    let rail = (metric::HW_ID.to_owned(), "a/b".to_owned());
    assert_eq!(points(&received, "hw.energy"), [(25.0, vec![rail.clone()])]);
    assert_eq!(points(&received, "hw.power"), [(2.5, vec![rail])]);
    let accounts: f64 = points(&received, "tracing_energy.account")
        .iter()
        .map(|p| p.0)
        .sum();
    assert_eq!(accounts, 25.0, "accounts sum to the energy");
    let kinds = points(&received, "tracing_energy.kind.energy");
    let spans: f64 = kinds.iter().map(|point| point.0).sum();
    assert_eq!(
        (kinds.len(), spans),
        (3, 20.0),
        "operations sum to the account of spans"
    );
    let times: f64 = points(&received, "tracing_energy.kind.time")
        .iter()
        .map(|p| p.0)
        .sum();
    assert_eq!(times, 10.0);
}

#[test]
fn an_event_carries_the_ids_of_a_span_that_another_exporter_sends() {
    let receiver = sent(Signals {
        spans: false,
        events: true,
        metrics: false,
    });
    let received = receiver.received();
    assert!(received.spans.is_empty() && received.metrics.is_empty());
    let [event] = &received.logs[..] else {
        panic!("{:?}", received.logs);
    };
    assert_eq!(event.event_name, SPAN_ENERGY_EVENT);
    assert_eq!(event.span_id, [0, 0, 0, 0, 0, 0, 0, 0xaa]);
    assert_eq!(number(&event.attributes, span::ENERGY), Some(6.0));
    assert_eq!(number(&event.attributes, span::SELF_ENERGY), Some(2.0));
}

#[test]
fn requests_have_at_most_8192_items() {
    let options = OtlpOptions::new("http://localhost:1").unwrap();
    let mut stream = OtlpStream::new(&rows::run(), &options);
    let mut sizes = Vec::new();
    let mut batch = rows::last_batch();
    batch.fields.clear();
    batch.spans = (1..=20_000).map(rows::numbered).collect();
    stream.add(&rows::first_batch(), &mut |_| {});
    stream.add(&batch, &mut |request| sizes.push(request.items));
    let spans: u64 = sizes.iter().sum();
    assert!(sizes.iter().all(|size| *size <= 8_192), "{sizes:?}");
    assert!(spans >= 19_999 && sizes.len() >= 3, "{sizes:?}");
}

#[test]
fn a_dead_collector_delays_no_batch_and_is_reported_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut options = OtlpOptions::new(&endpoint).unwrap();
    options.queue_bytes = 2_000;
    let mut sink = OtlpSink::new(options).unwrap();
    sink.write(&rows::first_batch()).unwrap();
    let begin = std::time::Instant::now();
    let mut problems = Vec::new();
    for seq in 4..400 {
        let mut batch = rows::last_batch();
        batch.spans = vec![rows::numbered(seq)];
        problems.extend(sink.write(&batch).err());
    }
    problems.extend(sink.finish().err());
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!((1..=2).contains(&texts.len()), "{texts:#?}");
    assert!(
        texts.iter().all(|text| text.contains(&endpoint)),
        "{texts:#?}"
    );
    let counts = sink.counts();
    assert_eq!(counts.accepted, 0);
    assert!(counts.lost >= 396, "{counts:?}");
}

/// ```text
/// totals       [0 ----------- 10 s]
/// sample                   [9 - 10 s]
/// metrics                              11 s, 60 s
/// ```
#[test]
fn points_have_the_time_of_their_values() {
    let options = OtlpOptions::new("http://localhost:1").unwrap();
    let mut stream = OtlpStream::new(&rows::run(), &options);
    let mut batch = rows::last_batch();
    batch.attribution.balance[0].duration_ns = Some(10 * rows::SECOND);
    let receiver = Receiver::start([]);
    let mut options = options;
    options.endpoint = receiver.endpoint();
    let mut client = Client::new(&options);
    let mut send = |request| {
        assert_eq!(client.deliver(&request, &|| false).missing(), 0);
    };
    stream.add(&rows::first_batch(), &mut send);
    stream.add(&batch, &mut send);
    for name in [
        "hw.energy",
        "tracing_energy.account",
        "tracing_energy.kind.time",
    ] {
        let received = receiver.received();
        assert!(
            times(&received, name).iter().all(|time| *time == 10),
            "{name}"
        );
    }
    assert_eq!(times(&receiver.received(), "hw.power"), [11]);
    // The sensor delivers nothing any more.
    receiver.received().metrics.clear();
    stream.send_metrics(60 * rows::SECOND, None, &mut send);
    assert_eq!(times(&receiver.received(), "hw.energy"), [10]);
    let received = receiver.received();
    assert!(
        received
            .metrics
            .iter()
            .all(|metric| metric.name != "hw.power")
    );
}

#[test]
fn rows_that_are_written_again_are_sent_once() {
    let options = OtlpOptions::new("http://localhost:1").unwrap();
    let mut stream = OtlpStream::new(&rows::run(), &options);
    let mut count = 0;
    let mut push = |request: EncodedRequest| {
        if request.signal == Signal::Traces {
            count += request.items;
        }
    };
    stream.add(&rows::first_batch(), &mut push);
    for time_s in [11, 50, 90] {
        // A follower reads all rows again after a loss of the recorder.
        let mut batch = rows::last_batch();
        batch.time_ns = time_s * rows::SECOND;
        stream.add(&batch, &mut push);
    }
    stream.finish(None, &mut push);
    assert_eq!(count, 3);
}

#[test]
fn what_describes_the_run_may_change() {
    let receiver = Receiver::start([]);
    let mut sink = OtlpSink::new(OtlpOptions::new(receiver.endpoint()).unwrap()).unwrap();
    sink.write(&rows::first_batch()).unwrap();
    let mut batch = rows::last_batch();
    let mut run = rows::run();
    run.metadata.tags[0].1 = "store".to_owned();
    batch.run = Some(run);
    sink.write(&batch).unwrap();
    sink.finish().unwrap();
    let received = receiver.received();
    let services = received
        .spans
        .iter()
        .map(|(of_run, _)| text(of_run, resource::SERVICE_NAME));
    assert!(services.clone().count() == 3 && services.clone().all(|name| name == Some("store")));
}

#[test]
fn an_operation_has_a_span_of_the_collector_as_example() {
    let exemplars = |spans, events| {
        let receiver = sent(Signals {
            spans,
            events,
            metrics: true,
        });
        let received = receiver.received();
        let name = "tracing_energy.kind.energy";
        let metrics = received.metrics.iter().filter(|metric| metric.name == name);
        let points = metrics.flat_map(|metric| match metric.data.clone() {
            Some(Data::Sum(sum)) => sum.data_points,
            other => panic!("{other:?}"),
        });
        let all = points.flat_map(|point| point.exemplars);
        let mut ids: Vec<Vec<u8>> = all.map(|exemplar| exemplar.span_id).collect();
        let sent: Vec<Vec<u8>> = received
            .spans
            .iter()
            .map(|(_, span)| span.span_id.clone())
            .collect();
        ids.sort();
        (ids, sent)
    };
    let (ids, mut sent) = exemplars(true, false);
    sent.sort();
    assert_eq!(ids, sent, "one for each operation, which were sent");
    let external = vec![0, 0, 0, 0, 0, 0, 0, 0xaa];
    assert_eq!(
        exemplars(false, true).0,
        [external],
        "other ids exist nowhere"
    );
}
