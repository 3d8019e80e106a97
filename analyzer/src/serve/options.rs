//! Options of the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::options::SourceOptions;

/// Options of `energy serve`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ServeOptions {
    /// Address and port to listen on, or a port of this machine (0 selects a free one)
    #[arg(long, value_name = "ADDRESS", default_value_t = Self::default().listen,
          value_parser = parse_listen)]
    pub listen: SocketAddr,
    /// Token that clients must send; required unless the address is a loopback address
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ENERGY_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// File with the token, which keeps it out of the list of processes
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// Name that clients use for this server (repeatable) [default: address, localhost]
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Open the dashboard in the browser
    #[arg(long)]
    pub open: bool,
    /// Let scripts that send the token delete runs without confirmation
    #[arg(long)]
    pub allow_delete: bool,
    /// Folder with models that clients may run, in addition to known names [default: none]
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Power source of runs that clients start.
    #[command(flatten)]
    pub power: SourceOptions,
}

/// Options of `energy fleet metrics`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct MetricsOptions {
    /// Address and port to listen on, or a port of this machine (0 selects a free one)
    #[arg(long, value_name = "ADDRESS", default_value_t = Self::default().listen,
          value_parser = parse_listen)]
    pub listen: SocketAddr,
    /// Token that clients must send; required unless the address is a loopback address
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ENERGY_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// File with the token, which keeps it out of the list of processes
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// Name that clients use for this server (repeatable) [default: address, localhost]
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)),
            token: None,
            token_file: None,
            hosts: Vec::new(),
        }
    }
}

impl From<MetricsOptions> for ServeOptions {
    fn from(options: MetricsOptions) -> Self {
        Self {
            listen: options.listen,
            token: options.token,
            token_file: options.token_file,
            hosts: options.hosts,
            ..Self::default()
        }
    }
}

/// Parses `127.0.0.1:8077`, `localhost:8077` or `8077`; the last two are loopback addresses.
///
/// # Errors
/// If it is none of them; the text is an example.
fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let of_port = port.parse::<u16>();
    let of_port = of_port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    text.parse().or(of_port).map_err(|_| {
        "expected an address and a port, such as 127.0.0.1:8077 or [::1]:8077, or a port, such as \
         8077"
            .to_owned()
    })
}

impl ServeOptions {
    /// Returns whether clients may delete runs without confirmation: they have sent a token then.
    pub(super) fn may_delete(&self) -> bool {
        self.allow_delete && (self.token.is_some() || self.token_file.is_some())
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8077)),
            token: None,
            token_file: None,
            hosts: Vec::new(),
            open: false,
            allow_delete: false,
            models: None,
            power: SourceOptions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 8178));
        for text in ["8178", "localhost:8178", "127.0.0.1:8178"] {
            assert_eq!(parse_listen(text), Ok(loopback), "{text}");
        }
        assert_eq!(parse_listen("[::1]:0").unwrap().to_string(), "[::1]:0");
        for text in ["", "here:8178", "127.0.0.1", "99999"] {
            assert!(
                parse_listen(text).unwrap_err().contains("127.0.0.1:8077"),
                "{text}"
            );
        }
    }
}
