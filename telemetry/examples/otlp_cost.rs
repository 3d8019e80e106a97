//! CPU time for each span of encoding and of sending to a collector on this machine, and with a dead
//! collector:
//!
//! ```text
//! cargo run --release -p energy-telemetry --example otlp_cost
//! ```

#![allow(clippy::print_stdout)] // It prints a report.

#[allow(dead_code, unreachable_pub, reason = "tests use this file, too")]
#[path = "../tests/receiver/mod.rs"]
mod receiver;
#[allow(dead_code, reason = "tests use this file, too")]
#[path = "../tests/delivery/rows.rs"]
mod rows;

use std::time::{Duration, Instant};

use energy_data::rows::{SpanRow, WindowPowerRow};
use energy_data::sink::{Batch, Sink};
use energy_telemetry::otlp::{
    Client, EncodedRequest, OtlpOptions, OtlpSink, RequestItems, RunIds, RunResource, SpanCost,
    SpanEncoder, SpanTraces,
};

/// Number of spans.
const SPANS: u64 = 1_000_000;
/// Number of spans of one flush.
const PER_FLUSH: u64 = 8_250;

/// Returns the CPU time of this thread.
fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for the duration of the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Returns the CPU time of this thread for each span, in microseconds.
fn measured<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begin = cpu();
    let result = work();
    ((cpu() - begin).as_secs_f64() * 1e6 / SPANS as f64, result)
}

/// Encodes spans with names, a thread and energies: eight attributes each.
fn encode() -> Vec<EncodedRequest> {
    let run = rows::run();
    let batch = rows::first_batch();
    let mut encoder = SpanEncoder::new(&run, true);
    batch.callsites.iter().for_each(|row| encoder.callsite(row));
    for row in &batch.nodes {
        encoder.node(row, "inference > request");
    }
    encoder.set_source(energy_telemetry::otlp::EnergySource {
        provenance: Some("measured".to_owned()),
        attribution: Some(1),
        basis: Some("proportional".to_owned()),
    });
    let mut traces = SpanTraces::new(RunIds::new(&run.uuid));
    let mut items = RequestItems::new(&RunResource::new(&run));
    let mut requests = Vec::new();
    for seq in 1..=SPANS {
        let row = SpanRow {
            seq,
            ..rows::numbered(2)
        };
        traces.begin(&row);
        let place = traces.end(&row);
        let cost = SpanCost {
            energy_j: Some(0.012),
            self_j: Some(0.003),
            ..SpanCost::default()
        };
        let span = encoder.span((&row, row.start_ns + 1_000), None, &cost, &place);
        requests.extend(items.push(&span));
    }
    requests.extend(items.take());
    requests
}

/// Returns the rows of one flush of a recorder: ended spans and the window that covers them.
fn flush(first: u64) -> Batch {
    let at_ns = i64::try_from(first).unwrap_or(0) * 30_000;
    let spans = (first..first + PER_FLUSH).map(|seq| SpanRow {
        seq,
        start_ns: at_ns + i64::try_from(seq - first).unwrap_or(0) * 30_000,
        end_ns: Some(at_ns + i64::try_from(seq - first + 1).unwrap_or(0) * 30_000),
        ..rows::numbered(2)
    });
    let mut batch = Batch {
        spans: spans.collect(),
        time_ns: at_ns + 250_000_000,
        ..Batch::default()
    };
    batch.attribution.window_power.push(WindowPowerRow {
        rail: 1,
        start_ns: at_ns,
        end_ns: at_ns + 250_000_000,
        thread: Some(1),
        kind: None,
        power_w: 10.0,
    });
    batch
}

/// Returns CPU time per span of the writer's thread, the time of the end, and the sink.
fn record(endpoint: &str) -> (f64, Duration, OtlpSink, usize) {
    let options = OtlpOptions::new(endpoint).expect("an address");
    let mut sink = OtlpSink::new(options).expect("a thread");
    let batches: Vec<Batch> = (1..SPANS).step_by(PER_FLUSH as usize).map(flush).collect();
    let mut problems = 0;
    let (cost, ()) = measured(|| {
        let _ = sink.write(&rows::first_batch());
        for batch in &batches {
            problems += usize::from(sink.write(batch).is_err());
        }
    });
    let begin = Instant::now();
    problems += usize::from(sink.finish().is_err());
    (cost, begin.elapsed(), sink, problems)
}

fn main() {
    let (encoding, requests) = measured(encode);
    let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
    println!(
        "encoding        {encoding:.2} us, {:.0} B for each span, {} requests",
        bytes as f64 / SPANS as f64,
        requests.len()
    );
    let collector = receiver::Receiver::start([]);
    let mut client = Client::new(&OtlpOptions::new(collector.endpoint()).expect("an address"));
    let (sending, accepted) = measured(|| {
        let sent = requests
            .iter()
            .map(|request| client.deliver(request, &|| false));
        sent.map(|counts| counts.accepted).sum::<u64>()
    });
    println!("sending         {sending:.2} us, {accepted} spans accepted");
    let (cost, end, sink, _) = record(&collector.endpoint());
    println!(
        "sink            {cost:.2} us of the writer's thread (pricing and encoding), end {:.0} ms, \
         {} of {SPANS} spans and points missing",
        end.as_secs_f64() * 1e3,
        sink.counts().missing()
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let (cost, end, sink, problems) = record(&dead);
    println!(
        "dead collector  {cost:.2} us of the writer's thread, end {:.0} ms, {} spans and points lost, \
         {problems} reports",
        end.as_secs_f64() * 1e3,
        sink.counts().lost
    );
}
