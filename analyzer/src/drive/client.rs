//! HTTP requests to the server: short ones, and one that streams its answer.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use super::endpoint::Endpoint;

/// Longest time to connect to an address of this machine.
const CONNECT: Duration = Duration::from_secs(5);
/// Largest body of a short answer.
const LARGEST_SHORT: u64 = 4 << 20;

/// A client of one server.
#[derive(Debug, Clone)]
pub(super) struct HttpClient {
    agent: Agent,
    /// Scheme, address and base path.
    base: String,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct ShortAnswer {
    /// Status code.
    pub(super) status: u16,
    /// Name of the server program, if it states it.
    pub(super) server: Option<String>,
    /// Body.
    pub(super) body: Vec<u8>,
}

/// The head of an answer, and its body, which is read while it arrives.
pub(super) struct StreamedAnswer {
    /// Status code.
    pub(super) status: u16,
    /// Media type.
    pub(super) content_type: String,
    /// Body.
    pub(super) body: Box<dyn Read + Send>,
}

impl HttpClient {
    /// Creates a client of the server at this address of `endpoint`.
    pub(super) fn new(endpoint: &Endpoint, address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A proxy or a redirection may lead to another machine.
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            // A compressed stream arrives in blocks instead of tokens.
            .accept_encoding("identity")
            .user_agent("energy")
            .build();
        Self {
            agent: config.into(),
            base: format!("http://{address}{}", endpoint.base()),
        }
    }

    /// Requests a path and waits for the complete answer.
    ///
    /// # Errors
    /// If there is none within `timeout`.
    pub(super) fn get(&self, path: &str, timeout: Duration) -> Result<ShortAnswer, String> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.config().timeout_global(Some(timeout)).build();
        let mut answer = request.call().map_err(|error| error.to_string())?;
        let server = answer.headers().get("server");
        let server = server.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let body = answer
            .body_mut()
            .with_config()
            .limit(LARGEST_SHORT)
            .read_to_vec();
        Ok(ShortAnswer {
            status: answer.status().as_u16(),
            server,
            body: body.map_err(|error| error.to_string())?,
        })
    }

    /// Requests a path and returns the JSON of a successful answer.
    pub(super) fn json(&self, path: &str, timeout: Duration) -> Option<Value> {
        let answer = self.get(path, timeout).ok()?;
        let is_ok = (200..300).contains(&answer.status);
        is_ok.then(|| serde_json::from_slice(&answer.body).ok())?
    }

    /// Posts JSON and returns when the head of the answer has arrived.
    ///
    /// # Errors
    /// If the connection fails.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<StreamedAnswer, String> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request
            .header("content-type", "application/json")
            .header("accept", "text/event-stream");
        let answer = request.send(body.to_string());
        let answer = answer.map_err(|error| error.to_string())?;
        let content_type = answer.headers().get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Ok(StreamedAnswer {
            status: answer.status().as_u16(),
            content_type: content_type.unwrap_or_default().to_ascii_lowercase(),
            body: Box::new(answer.into_body().into_reader()),
        })
    }
}
