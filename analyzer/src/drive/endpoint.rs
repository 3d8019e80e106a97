//! Address of a server, which must be on this machine: the power of another one is not measured.

use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Interface of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointApi {
    /// OpenAI's completions, /v1/completions: continue the prompt without the chat template
    #[default]
    Completions,
    /// OpenAI's chats, /v1/chat/completions: the server applies its chat template
    Chat,
    /// llama.cpp's own, /completion: continue the prompt without the chat template
    Llama,
}

impl EndpointApi {
    const ALL: [Self; 3] = [Self::Chat, Self::Completions, Self::Llama];

    /// Returns the path of requests.
    pub fn path(self) -> &'static str {
        match self {
            Self::Completions => "/v1/completions",
            Self::Chat => "/v1/chat/completions",
            Self::Llama => "/completion",
        }
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completions => "completions",
            Self::Chat => "chat",
            Self::Llama => "llama",
        }
    }
}

/// Address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    text: String,
    host: String,
    port: u16,
    /// Path before that of the interface, without a slash at its end.
    base: String,
    api: Option<EndpointApi>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let example = "write it as http://127.0.0.1:8080";
        let after = match text.split_once("://") {
            Some(("http", after)) => after,
            Some(("https", _)) => {
                return Err(format!(
                    "a server on this machine is reached without TLS; {example}"
                ));
            }
            _ => return Err(format!("it is no address; {example}")),
        };
        let (authority, path) = match after.find('/') {
            Some(at) => after.split_at(at),
            None => (after, ""),
        };
        if text.contains(['?', '#', '@'])
            || text.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(format!("it has a part that is not allowed; {example}"));
        }
        let (host, port) =
            host_and_port(authority).ok_or(format!("its port is invalid; {example}"))?;
        if host.is_empty() {
            return Err(format!("it has no host; {example}"));
        }
        let path = path.trim_end_matches('/');
        let api = EndpointApi::ALL
            .into_iter()
            .find(|api| path.ends_with(api.path()));
        let base = path
            .strip_suffix(api.map_or("/v1", EndpointApi::path))
            .unwrap_or(path);
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
            port,
            base: base.to_owned(),
            api,
        })
    }
}

/// Splits `host:port` or `[address]:port`; the default port is 80.
fn host_and_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(after) => {
            let (host, port) = after.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => match authority.find(':') {
            Some(at) => authority.split_at(at),
            None => (authority, ""),
        },
    };
    match port.strip_prefix(':') {
        Some(port) => Some((host, port.parse().ok().filter(|port| *port > 0)?)),
        None => port.is_empty().then_some((host, 80)),
    }
}

impl Endpoint {
    /// Returns the interface that its path names.
    pub fn api(&self) -> Option<EndpointApi> {
        self.api
    }

    /// Returns the path before that of the interface.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Returns the port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Resolves the host.
    ///
    /// # Errors
    /// If it is unknown, or not this machine.
    pub(crate) fn local_addresses(&self) -> Result<Vec<SocketAddr>> {
        let unknown = |what: String| {
            Error::Request(format!(
                "endpoint {self}: host `{}` is unknown ({what}); use 127.0.0.1",
                self.host
            ))
        };
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found: Vec<SocketAddr> = found.map_err(|error| unknown(error.to_string()))?.collect();
        if found.is_empty() {
            return Err(unknown("it has no address".to_owned()));
        }
        match found.iter().find(|address| !is_local(address.ip())) {
            Some(other) => Err(Error::Request(format!(
                "endpoint {self}: {} is not an address of this machine, and the power of another \
                 machine cannot be measured here; run `energy drive` on the machine of the server",
                other.ip()
            ))),
            None => Ok(found),
        }
    }
}

/// Returns whether an address belongs to this machine.
fn is_local(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    // A socket can only be bound to addresses of this machine's interfaces.
    ip.is_loopback() || !ip.is_multicast() && TcpListener::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, u16, String, Option<EndpointApi>) {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), text);
        (endpoint.host, endpoint.port, endpoint.base, endpoint.api)
    }

    #[test]
    fn addresses_are_split() {
        let own = |host: &str, port, base: &str, api| (host.to_owned(), port, base.to_owned(), api);
        assert_eq!(parsed("http://localhost"), own("localhost", 80, "", None));
        assert_eq!(
            parsed("http://127.0.0.1:8080/"),
            own("127.0.0.1", 8080, "", None)
        );
        assert_eq!(parsed("http://[::1]:9/v1"), own("::1", 9, "", None));
        let chat = Some(EndpointApi::Chat);
        assert_eq!(
            parsed("http://a:1/x/v1/chat/completions"),
            own("a", 1, "/x", chat)
        );
        let plain = Some(EndpointApi::Completions);
        assert_eq!(parsed("http://a:1/v1/completions/"), own("a", 1, "", plain));
        let llama = Some(EndpointApi::Llama);
        assert_eq!(parsed("http://a:1/completion"), own("a", 1, "", llama));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "127.0.0.1:80",
            "https://127.0.0.1",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:b",
            "http://a:0",
            "http://a:70000",
            "http://[::1",
            "http://[a]:1",
            "http://me@a:1",
            "http://a:1/?q=1",
            "http://a b",
            "http://a:1/\n",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        for local in [
            "http://127.0.0.1:1",
            "http://127.8.9.1:1",
            "http://localhost:1",
        ] {
            let endpoint: Endpoint = local.parse().unwrap();
            assert!(endpoint.local_addresses().is_ok(), "{local}");
        }
        // Addresses reserved for documentation, and a multicast group.
        for other in [
            "http://192.0.2.7:1",
            "http://[2001:db8::1]:1",
            "http://224.0.0.1:1",
        ] {
            let endpoint: Endpoint = other.parse().unwrap();
            let error = endpoint.local_addresses().unwrap_err().to_string();
            assert!(error.contains("not an address of this machine"), "{error}");
        }
        let unknown: Endpoint = "http://no-such-host.invalid:1".parse().unwrap();
        let error = unknown.local_addresses().unwrap_err().to_string();
        assert!(error.contains("unknown"), "{error}");
    }
}
