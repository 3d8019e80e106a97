//! Options of the delivery to a collector.

use std::time::Duration;

use clap::{ArgAction, Args};
use energy_telemetry::otlp::{OtlpError, OtlpOptions, Signals};

use crate::error::{Error, Result};
use crate::options::{duration_text, parse_duration};

/// Maximum number of bytes of requests that wait.
const QUEUE_BYTES: usize = 16 << 20;

/// What is sent to a collector, and how.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CollectorOptions {
    /// Send spans with their energies [default, if nothing is selected: spans and metrics]
    #[arg(long)]
    pub spans: bool,
    /// Send log events with the energies of spans that another exporter has sent: those with the
    /// fields trace_id and span_id
    #[arg(long)]
    pub events: bool,
    /// Send metrics: energies of rails, accounts and operations
    #[arg(long)]
    pub metrics: bool,
    /// Do not send the data fields of spans
    #[arg(long = "no-fields", action = ArgAction::SetFalse)]
    pub fields: bool,
    /// Header of all requests (repeatable), in addition to those in the variable
    /// OTEL_EXPORTER_OTLP_HEADERS
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<HeaderText>,
    /// Headers NAME=VALUE,NAME=VALUE with values in percent-encoding.
    #[arg(
        long = "header-list",
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide = true,
        hide_env_values = true
    )]
    pub header_list: Option<HeaderText>,
    /// Longest time of one request
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().timeout))]
    pub timeout: Duration,
    /// Time for which a request is repeated that the collector cannot accept now
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().retry_for))]
    pub retry_for: Duration,
    /// Maximum number of bytes of requests that wait.
    #[arg(skip = QUEUE_BYTES)]
    pub queue_bytes: usize,
}

/// A header or a list of them, which may be secret: it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderText(String);

impl From<String> for HeaderText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeaderText").finish_non_exhaustive()
    }
}

impl Default for CollectorOptions {
    fn default() -> Self {
        Self {
            spans: false,
            events: false,
            metrics: false,
            fields: true,
            headers: Vec::new(),
            header_list: None,
            timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(60),
            queue_bytes: QUEUE_BYTES,
        }
    }
}

impl CollectorOptions {
    /// Returns the options of a delivery to `endpoint`.
    ///
    /// # Errors
    /// If the address or a header is invalid.
    pub fn delivery(&self, endpoint: &str) -> Result<OtlpOptions> {
        let invalid = |error: OtlpError| Error::Request(error.to_string());
        let mut options = OtlpOptions::new(endpoint).map_err(invalid)?;
        if let Some(HeaderText(list)) = &self.header_list {
            let listed = options.header_list(list);
            let of_variable = |error: OtlpError| format!("OTEL_EXPORTER_OTLP_HEADERS: {error}");
            options = listed.map_err(|error| Error::Request(of_variable(error)))?;
        }
        for HeaderText(header) in &self.headers {
            // The text may be a token: it is not repeated.
            let Some((name, value)) = header.split_once('=') else {
                let text = "--header: expected NAME=VALUE, such as authorization='Bearer TOKEN'";
                return Err(Error::Request(text.to_owned()));
            };
            options = options.header(name.trim(), value.trim()).map_err(invalid)?;
        }
        options.signals = self.signals();
        options.fields = self.fields;
        options.timeout = self.timeout;
        options.retry_for = self.retry_for;
        options.queue_bytes = self.queue_bytes;
        Ok(options)
    }

    fn signals(&self) -> Signals {
        match (self.spans, self.events, self.metrics) {
            (false, false, false) => Signals::default(),
            (spans, events, metrics) => Signals {
                spans,
                events,
                metrics,
            },
        }
    }
}
