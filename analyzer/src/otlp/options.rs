//! Options of the delivery to a collector.

use std::time::Duration;

use clap::{ArgAction, Args};
use energy_telemetry::otlp::{OtlpOptions, Signals};

use crate::error::{Error, Result};
use crate::options::{duration_text, parse_duration};

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
    /// Header of all requests (repeatable)
    #[arg(
        long = "header",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true
    )]
    pub headers: Vec<String>,
    /// Longest time of one request
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().timeout))]
    pub timeout: Duration,
    /// Time for which a request is repeated that the collector cannot accept now
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().retry_for))]
    pub retry_for: Duration,
}

impl Default for CollectorOptions {
    fn default() -> Self {
        Self {
            spans: false,
            events: false,
            metrics: false,
            fields: true,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(60),
        }
    }
}

impl CollectorOptions {
    /// Returns the options of a delivery to `endpoint`.
    ///
    /// # Errors
    /// If the address or a header is invalid.
    pub fn delivery(&self, endpoint: &str) -> Result<OtlpOptions> {
        let invalid = |error: energy_telemetry::otlp::OtlpError| Error::Request(error.to_string());
        let mut options = OtlpOptions::new(endpoint).map_err(invalid)?;
        for header in &self.headers {
            let Some((name, value)) = header.split_once('=') else {
                return Err(Error::Request(format!(
                    "--header {:?}: expected NAME=VALUE, such as authorization='Bearer TOKEN'",
                    header.split(' ').next().unwrap_or_default()
                )));
            };
            options = options.header(name.trim(), value.trim()).map_err(invalid)?;
        }
        options.signals = self.signals();
        options.fields = self.fields;
        options.timeout = self.timeout;
        options.retry_for = self.retry_for;
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
