//! Options of the delivery to a collector.

use std::time::Duration;

use percent_encoding::percent_decode_str;

/// Headers that the client sets itself.
const RESERVED: [&str; 3] = ["content-type", "content-length", "host"];

/// What is sent of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Each entry into a span as a span.
    pub spans: bool,
    /// Events with the energies of spans that another exporter has sent.
    pub events: bool,
    /// Metrics.
    pub metrics: bool,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            spans: true,
            events: false,
            metrics: true,
        }
    }
}

/// Collector, and what is sent to it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct OtlpOptions {
    /// Address of the collector without path: `http://localhost:4318`.
    pub endpoint: String,
    /// Headers of all requests: name and value.
    pub headers: Vec<(String, String)>,
    /// What is sent. Default: spans and metrics.
    pub signals: Signals,
    /// Whether data fields of spans become attributes. Default: they do.
    pub fields: bool,
    /// Longest time of one request. Default: 10 s.
    pub timeout: Duration,
    /// Time for which a request is repeated that a collector cannot accept now. Default: 60 s.
    pub retry_for: Duration,
    /// Maximum number of bytes of requests that wait. Default: 16 MiB.
    pub queue_bytes: usize,
    /// Longest time that the end of a recording waits for the last requests. Default: 2 s.
    pub linger: Duration,
    /// Time between two sets of metrics. Default: 10 s.
    pub metrics_every: Duration,
}

/// An option is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    /// The address is none of a collector.
    #[error(
        "{0:?} is not the address of a collector; write it as http://HOST:4318, without a path"
    )]
    Endpoint(String),
    /// The address contains a user or a password, which warnings would repeat.
    #[error(
        "the address of the collector contains a user or a password; send them as a header, such as \
         authorization='Basic TOKEN'"
    )]
    Credentials,
    /// The address begins with https, which this build cannot use.
    #[error(
        "this build cannot use https: build the command with the feature `tls`, tracing-energy with \
         `otel-tls`, or use an address with http://"
    )]
    Tls,
    /// An entry of a list of headers has no name or is encoded wrongly. Its number, from 1.
    #[error(
        "entry {0} of the list of headers is invalid; write NAME=VALUE,NAME=VALUE with values in \
         percent-encoding, such as authorization=Bearer%20TOKEN"
    )]
    HeaderList(usize),
    /// A header cannot be sent.
    #[error(
        "header {0:?} cannot be sent: a name consists of letters, digits and hyphens, is not \
         content-type, content-length or host, and the value is printable ASCII"
    )]
    Header(String),
    /// The system refuses another thread.
    #[error("cannot start the thread that sends to the collector: {0}; end other programs")]
    Thread(String),
}

impl OtlpOptions {
    /// Creates options for a collector, such as `http://localhost:4318`.
    ///
    /// # Errors
    /// If the address is not one of HTTP, contains a password, or begins with https in a build without
    /// the feature `tls`.
    pub fn new(endpoint: impl Into<String>) -> Result<Self, OtlpError> {
        Ok(Self {
            endpoint: checked(endpoint.into())?,
            headers: Vec::new(),
            signals: Signals::default(),
            fields: true,
            timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(60),
            queue_bytes: 16 << 20,
            linger: Duration::from_secs(2),
            metrics_every: Duration::from_secs(10),
        })
    }

    /// Adds a header to all requests, such as a token. It replaces one of the same name.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OtlpError> {
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !RESERVED.contains(&name.to_ascii_lowercase().as_str());
        let is_value = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !is_name || !is_value {
            return Err(OtlpError::Header(name.to_owned()));
        }
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// Adds the headers of a list as in the variable `OTEL_EXPORTER_OTLP_HEADERS`:
    /// `NAME=VALUE,NAME=VALUE`, with values in percent-encoding.
    ///
    /// # Errors
    /// If an entry is invalid or cannot be sent.
    pub fn header_list(mut self, list: &str) -> Result<Self, OtlpError> {
        let entries = list.split(',').map(str::trim);
        for (at, entry) in entries.enumerate().filter(|(_, entry)| !entry.is_empty()) {
            let invalid = || OtlpError::HeaderList(at + 1);
            let (name, value) = entry.split_once('=').ok_or_else(invalid)?;
            let value = percent_decode_str(value.trim()).decode_utf8();
            self = self.header(name.trim(), &value.map_err(|_| invalid())?)?;
        }
        Ok(self)
    }
}

/// Prints the names of headers only: values are secrets.
impl std::fmt::Debug for OtlpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpOptions")
            .field("endpoint", &self.endpoint)
            .field("headers", &headers)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

/// Returns the address without the path of a signal and without a final slash.
fn checked(endpoint: String) -> Result<String, OtlpError> {
    // No other message repeats the address then.
    if endpoint.contains('@') {
        return Err(OtlpError::Credentials);
    }
    let trimmed = endpoint.trim().trim_end_matches('/');
    let paths = ["/v1/traces", "/v1/logs", "/v1/metrics"];
    let stripped = paths.iter().find_map(|path| trimmed.strip_suffix(path));
    let address = stripped.unwrap_or(trimmed);
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    let is_address = |host: &str| {
        let first = host.split('/').next().unwrap_or_default();
        !first.is_empty()
            && !first.starts_with(':')
            && !host.contains(|char: char| char.is_whitespace() || "?#\"<>".contains(char))
    };
    match host {
        Some(host) if !is_address(host) => Err(OtlpError::Endpoint(endpoint)),
        Some(_) if address.starts_with("https:") && !cfg!(feature = "tls") => Err(OtlpError::Tls),
        Some(_) => Ok(address.to_owned()),
        None => Err(OtlpError::Endpoint(endpoint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let of = |text: &str| OtlpOptions::new(text).map(|options| options.endpoint);
        for text in [
            "http://localhost:4318",
            "http://localhost:4318/",
            " http://localhost:4318/v1/traces",
        ] {
            assert_eq!(of(text).unwrap(), "http://localhost:4318", "{text}");
        }
        let secure = "https://a.example/otlp";
        match cfg!(feature = "tls") {
            true => assert_eq!(of(secure).unwrap(), secure),
            false => {
                let message = of(secure).unwrap_err().to_string();
                assert!(
                    message.contains("`otel-tls`") && message.contains("`tls`"),
                    "{message}"
                );
            }
        }
        for text in [
            "",
            "localhost:4318",
            "http://",
            "http://:4318",
            "grpc://a",
            "http://a b",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headers_are_checked() {
        let with = |name: &str, value: &str| {
            OtlpOptions::new("http://a")
                .unwrap()
                .header(name, value)
                .is_ok()
        };
        assert!(with("Authorization", "Bearer x"));
        for (name, value) in [("", "x"), ("a b", "x"), ("Host", "x"), ("a", "x\r\ny: z")] {
            assert!(!with(name, value), "{name}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let options = OtlpOptions::new("http://a").unwrap();
        let options = options.header("authorization", "Bearer s3cret").unwrap();
        let text = format!("{options:?}");
        assert!(
            text.contains("authorization") && !text.contains("s3cret"),
            "{text}"
        );
        for address in ["http://user:s3cret@a:4318", "grpc://user:s3cret@a"] {
            let error = OtlpOptions::new(address).unwrap_err();
            assert_eq!(error, OtlpError::Credentials);
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn lists_of_headers_are_decoded() {
        let of = |list: &str| {
            let options = OtlpOptions::new("http://a").unwrap().header_list(list);
            options.map(|options| options.headers)
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            of("authorization=Basic%20YTpi%3D, x-tenant = a%2Cb ,").unwrap(),
            [
                pair("authorization", "Basic YTpi="),
                pair("x-tenant", "a,b")
            ]
        );
        assert_eq!(of("a=1,A=2").unwrap(), [pair("A", "2")]);
        assert_eq!(of("a=1,s3cret"), Err(OtlpError::HeaderList(2)));
        assert_eq!(of("a=%FF"), Err(OtlpError::HeaderList(1)));
        assert!(of("a=%0D%0Ab").is_err(), "no second header");
    }
}
