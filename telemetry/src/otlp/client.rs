//! Sends requests to a collector.

use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::HeaderMap;

use super::options::OtlpOptions;
use super::outcome::{Attempt, DeliveryCounts, accepted};
use super::request::EncodedRequest;

/// Shortest and longest pause before a repetition.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Time after which a pause looks whether it should end.
const SLICE: Duration = Duration::from_millis(20);
/// Largest body of an answer in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// Maximum number of characters of a collector's message.
const MAX_MESSAGE: usize = 200;

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
            let is_late = begin.elapsed() + wait > self.options.retry_for;
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
            DeliveryCounts {
                accepted: request.items - rejected,
                rejected,
                message,
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
            let text = "this build has no TLS; use an address with http://, or build with the \
                        feature `tls`";
            return Attempt::Refused(text.to_owned());
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

/// Returns the pause that a collector demands in seconds. A date is not understood, and leaves the
/// usual pauses.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    Some(Duration::from_secs(text.trim().parse().ok()?))
}

/// Describes a status and the beginning of the answer, if that is text.
fn answered(status: u16, body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let is_printable = |char: &char| !char.is_control();
    let text: String = text
        .chars()
        .filter(is_printable)
        .take(MAX_MESSAGE)
        .collect();
    match text.trim() {
        "" => format!("the collector answered with the status {status}"),
        text => format!("the collector answered with the status {status}: {text}"),
    }
}

/// Sleeps, unless `is_ending` becomes true. Returns whether it did not.
fn sleep(time: Duration, is_ending: &dyn Fn() -> bool) -> bool {
    let until = Instant::now() + time;
    while !is_ending() {
        let remaining = until.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return true;
        }
        std::thread::sleep(remaining.min(SLICE));
    }
    false
}
