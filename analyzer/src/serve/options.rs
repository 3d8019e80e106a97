//! Options of the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::options::SourceOptions;

/// Options of `energy serve`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ServeOptions {
    /// Address and port to listen on (port 0 selects a free one)
    #[arg(long, value_name = "ADDRESS", default_value_t = Self::default().listen)]
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
