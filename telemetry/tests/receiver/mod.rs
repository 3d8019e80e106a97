//! A collector for tests: decodes what it receives, and gives the answers of a list.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// An answer to one request.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Status; 0 closes the connection without an answer.
    pub status: u16,
    /// A line such as `Retry-After: 1`.
    pub header: Option<&'static str>,
    /// Body.
    pub body: Vec<u8>,
    /// Time until the answer.
    pub delay: Duration,
}

impl Answer {
    /// Returns an answer without a body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// Returns an answer that rejects some spans.
    pub fn partial(rejected_spans: i64, message: &str) -> Self {
        let partial_success = Some(ExportTracePartialSuccess {
            rejected_spans,
            error_message: message.to_owned(),
        });
        Self {
            body: ExportTraceServiceResponse { partial_success }.encode_to_vec(),
            ..Self::status(200)
        }
    }
}

/// Attributes of the resource, and a span.
pub type SentSpan = (Arc<Vec<KeyValue>>, Span);

/// What was accepted.
#[derive(Debug, Default)]
pub struct Received {
    /// Spans.
    pub spans: Vec<SentSpan>,
    /// Log records.
    pub logs: Vec<LogRecord>,
    /// Metrics.
    pub metrics: Vec<Metric>,
    /// Path, headers and number of items of each request, also of those that were not accepted.
    pub requests: Vec<(String, Vec<String>, usize)>,
    answers: VecDeque<Answer>,
}

/// A collector on a free port of this machine.
#[derive(Debug)]
pub struct Receiver {
    /// Its address.
    pub address: SocketAddr,
    received: Arc<Mutex<Received>>,
}

impl Receiver {
    /// Starts it. It gives `answers` in order, and 200 afterwards.
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let received = Arc::new(Mutex::new(Received {
            answers: answers.into_iter().collect(),
            ..Received::default()
        }));
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            received: Arc::clone(&received),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&received);
                std::thread::spawn(move || serve(stream, &received));
            }
        });
        receiver
    }

    /// Returns its address as an endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what was received up to now.
    pub fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap()
    }

    /// Waits until something is true of what was received.
    pub fn until(&self, limit: Duration, is_true: impl Fn(&Received) -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < limit {
            if is_true(&self.received()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        is_true(&self.received())
    }
}

/// Returns the value of an attribute.
pub fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

/// Returns an attribute that is a number.
pub fn number(attributes: &[KeyValue], key: &str) -> Option<f64> {
    match attribute(attributes, key)? {
        Value::DoubleValue(number) => Some(*number),
        Value::IntValue(number) => Some(*number as f64),
        _ => None,
    }
}

/// Returns an attribute that is a text.
pub fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match attribute(attributes, key)? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn serve(stream: TcpStream, received: &Mutex<Received>) {
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some((path, headers, body)) = request(&mut reader) {
        let answer = {
            let mut received = received.lock().unwrap();
            let answer = received.answers.pop_front();
            let answer = answer.unwrap_or_else(|| Answer::status(200));
            let items = decode(&path, &body, answer.status == 200, &mut received);
            received.requests.push((path, headers, items));
            answer
        };
        std::thread::sleep(answer.delay);
        if answer.status == 0 {
            return;
        }
        let header = answer
            .header
            .map_or(String::new(), |line| format!("{line}\r\n"));
        let head = format!(
            "HTTP/1.1 {} Status\r\nContent-Length: {}\r\n{header}\r\n",
            answer.status,
            answer.body.len()
        );
        if writer
            .write_all(&[head.as_bytes(), &answer.body].concat())
            .is_err()
        {
            return;
        }
    }
}

/// Reads path, headers and body of a request.
fn request(reader: &mut impl BufRead) -> Option<(String, Vec<String>, Vec<u8>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let value = |name: &str| {
        lines.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let mut body = Vec::new();
    match value("content-length").and_then(|text| text.parse().ok()) {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).ok()?;
        }
        None if value("transfer-encoding").is_some() => chunks(reader, &mut body)?,
        None => {}
    }
    if value("content-encoding").as_deref() == Some("gzip") {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_end(&mut text)
            .ok()?;
        body = text;
    }
    Some((path, lines, body))
}

fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        let from = body.len();
        body.resize(from + length + 2, 0);
        reader.read_exact(&mut body[from..]).ok()?;
        body.truncate(from + length);
        if length == 0 {
            return Some(());
        }
    }
}

/// Decodes a request. Returns the number of its items.
fn decode(path: &str, body: &[u8], is_accepted: bool, received: &mut Received) -> usize {
    match path {
        "/v1/traces" => {
            let message = ExportTraceServiceRequest::decode(body).expect("spans");
            let mut spans = Vec::new();
            for of_resource in message.resource_spans {
                let resource = of_resource.resource.unwrap_or_default().attributes;
                let resource = Arc::new(resource);
                let scopes = of_resource.scope_spans.into_iter();
                let found = scopes.flat_map(|scope| scope.spans);
                spans.extend(found.map(|span| (Arc::clone(&resource), span)));
            }
            keep(is_accepted, spans, &mut received.spans)
        }
        "/v1/logs" => {
            let message = ExportLogsServiceRequest::decode(body).expect("logs");
            let scopes = message
                .resource_logs
                .into_iter()
                .flat_map(|logs| logs.scope_logs);
            let logs = scopes.flat_map(|scope| scope.log_records).collect();
            keep(is_accepted, logs, &mut received.logs)
        }
        "/v1/metrics" => {
            let message = ExportMetricsServiceRequest::decode(body).expect("metrics");
            let scopes = message.resource_metrics.into_iter();
            let scopes = scopes.flat_map(|metrics| metrics.scope_metrics);
            let metrics = scopes.flat_map(|scope| scope.metrics).collect();
            keep(is_accepted, metrics, &mut received.metrics)
        }
        _ => 0,
    }
}

fn keep<T>(is_accepted: bool, items: Vec<T>, kept: &mut Vec<T>) -> usize {
    let count = items.len();
    if is_accepted {
        kept.extend(items);
    }
    count
}
