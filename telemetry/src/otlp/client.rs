//! Sends requests to a collector.

use std::time::{Duration, Instant, SystemTime};

use ureq::Agent;
use ureq::http::HeaderMap;

use super::options::{OtlpError, OtlpOptions};
use super::outcome::{Attempt, DeliveryCounts, accepted, printable};
use super::request::EncodedRequest;

/// Shortest and longest pause before a repetition.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Time after which a pause looks whether it should end.
const SLICE: Duration = Duration::from_millis(20);
/// Largest body of an answer in bytes.
const MAX_ANSWER: u64 = 1 << 20;

/// A connection to a collector. A request is repeated while the collector cannot accept it, with
/// pauses that double, or that it demands by `Retry-After`.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    options: OtlpOptions,
    /// Distinguishes the pauses of several programs.
    jitter: u64,
}

impl Client {
    /// Creates a client. It connects with the first request.
    pub fn new(options: &OtlpOptions) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(options.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("tracing-energy/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: Agent::new_with_config(config),
            options: options.clone(),
            jitter: u64::from(std::process::id()) | 1,
        }
    }

    /// Sends a request, and repeats it as the options state, or until `is_ending` returns true.
    pub fn deliver(
        &mut self,
        request: &EncodedRequest,
        is_ending: &dyn Fn() -> bool,
    ) -> DeliveryCounts {
        let (begin, mut pause, mut retries) = (Instant::now(), PAUSES.0, 0);
        loop {
            let (after, message) = match self.attempt(request) {
                Attempt::Retry { after, message } => (after, message),
                ended => return counts(request, ended, retries),
            };
            let wait = after.unwrap_or_else(|| self.jittered(pause));
            let is_late = begin.elapsed().saturating_add(wait) > self.options.retry_for;
            if is_late || is_ending() || !sleep(wait, is_ending) {
                return counts(request, Attempt::Refused(message), retries);
            }
            pause = (2 * pause).min(PAUSES.1);
            retries += 1;
        }
    }

    fn attempt(&self, request: &EncodedRequest) -> Attempt {
        let url = format!("{}{}", self.options.endpoint, request.signal.path());
        let mut post = self.agent.post(&url).content_type("application/x-protobuf");
        for (name, value) in &self.options.headers {
            post = post.header(name, value);
        }
        let mut response = match post.send(&request.body[..]) {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let status = response.status().as_u16();
        let after = retry_after(response.headers());
        let body = response.body_mut().with_config().limit(MAX_ANSWER);
        let body = body.read_to_vec().unwrap_or_default();
        match status {
            200..=299 => accepted(request.signal, &body),
            429 | 502 | 503 | 504 => Attempt::Retry {
                after,
                message: answered(status, &body),
            },
            _ => Attempt::Refused(answered(status, &body)),
        }
    }

    /// Returns a pause between half and all of `pause`.
    fn jittered(&mut self, pause: Duration) -> Duration {
        // xorshift: the numbers need no quality.
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        pause.mul_f64(0.5 + 0.5 * (self.jitter % 1_000) as f64 / 1_000.0)
    }
}

fn counts(request: &EncodedRequest, ended: Attempt, retries: u64) -> DeliveryCounts {
    let counts = match ended {
        Attempt::Accepted { rejected, message } => {
            let rejected = rejected.min(request.items);
            let (message, warning) = match rejected {
                0 => (None, message),
                _ => (message, None),
            };
            DeliveryCounts {
                accepted: request.items - rejected,
                rejected,
                message,
                warning,
                ..DeliveryCounts::default()
            }
        }
        Attempt::Retry { message, .. } | Attempt::Refused(message) => {
            DeliveryCounts::of_lost(request.items, message)
        }
    };
    DeliveryCounts {
        requests: 1,
        retries,
        ..counts
    }
}

/// Returns what a failed connection means.
fn failed(error: ureq::Error) -> Attempt {
    let message = match error {
        ureq::Error::TlsRequired => {
            return Attempt::Refused(OtlpError::Tls.to_string());
        }
        ureq::Error::BadUri(text) => return Attempt::Refused(format!("invalid address: {text}")),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        other => other.to_string(),
    };
    Attempt::Retry {
        after: None,
        message,
    }
}

/// Returns the pause that a collector demands: seconds, or a date. Another text leaves the usual
/// pauses.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // A date that has passed.
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Describes a status and the beginning of the answer, if that is text.
fn answered(status: u16, body: &[u8]) -> String {
    match &*printable(std::str::from_utf8(body).unwrap_or_default()) {
        "" => format!("the collector answered with the status {status}"),
        text => format!("the collector answered with the status {status}: {text}"),
    }
}

/// Sleeps, unless `is_ending` becomes true. Returns whether it did not.
fn sleep(time: Duration, is_ending: &dyn Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !is_ending() {
        let remaining = time.saturating_sub(begin.elapsed());
        if remaining.is_zero() {
            return true;
        }
        std::thread::sleep(remaining.min(SLICE));
    }
    false
}
