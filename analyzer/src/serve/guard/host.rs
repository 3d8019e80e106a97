//! Names of hosts in requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostName {
    Address(IpAddr),
    /// In lower case, without a final dot.
    Name(String),
}

/// A host and, if it is given, a port: `localhost:8077`, `[::1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: HostName,
    pub(super) port: Option<u16>,
}

impl Authority {
    /// Parses the value of a `Host` header; `None` if it is malformed or contains a user name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':')?),
                };
                (HostName::Address(IpAddr::V6(address).to_canonical()), port)
            }
            None => {
                let (host, port) = match text.split_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                (HostName::parse(host)?, port)
            }
        };
        let is_number = |port: &&str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            // RFC 3986 allows an empty port.
            None | Some("") => None,
            Some(port) => Some(Some(port).filter(is_number)?.parse().ok()?),
        };
        Some(Self { host, port })
    }

    /// Parses an `Origin` header of a page: scheme, host, port. Returns the default port of the
    /// scheme as second value.
    pub(super) fn parse_origin(text: &str) -> Option<(Self, u16)> {
        let (scheme, rest) = text.split_once("://")?;
        let default = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        Some((Self::parse(rest)?, default))
    }
}

impl HostName {
    /// Parses a name or an IPv4 address. Unusual forms of addresses (`127.1`) remain names.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_name = !name.is_empty() && name.bytes().all(is_plain);
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

/// Hosts by which clients may call this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedHosts {
    listen: IpAddr,
    named: Vec<Authority>,
}

impl AllowedHosts {
    /// Allows the address itself, `localhost`, and the names given by the user.
    ///
    /// # Errors
    /// Returns the first invalid name.
    pub(super) fn new(listen: IpAddr, names: &[String]) -> Result<Self, String> {
        let parse = |name: &String| Authority::parse(name).ok_or_else(|| name.clone());
        Ok(Self {
            listen: listen.to_canonical(),
            named: names.iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    /// Returns whether requests for this host are served. The port matters only for names that
    /// were given with a port, because `ssh -L` and proxies use other ports.
    pub(super) fn contain(&self, given: &Authority) -> bool {
        let is_named = self.named.iter().any(|named| {
            named.host == given.host && (named.port.is_none() || named.port == given.port)
        });
        is_named
            || match &given.host {
                // An address in the URL is not resolved, so no other site can redirect it here.
                HostName::Address(address) => {
                    address.is_loopback() || *address == self.listen || self.listen.is_unspecified()
                }
                HostName::Name(name) => name == "localhost",
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(listen: &str, names: &[&str], host: &str) -> bool {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let allowed = AllowedHosts::new(listen.parse().unwrap(), &names).unwrap();
        Authority::parse(host).is_some_and(|host| allowed.contain(&host))
    }

    #[test]
    fn names_of_this_server_are_allowed_in_all_forms() {
        for host in [
            "localhost",
            "LocalHost:8077",
            "localhost.:9000",
            "127.0.0.1:8077",
            "127.0.0.1",
            "[::1]:8077",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(is_allowed("127.0.0.1", &[], host), "{host}");
        }
        assert!(is_allowed("10.1.2.3", &[], "10.1.2.3:8077"));
        assert!(is_allowed("0.0.0.0", &[], "10.1.2.3:8077"));
        assert!(is_allowed(
            "127.0.0.1",
            &["energy.example"],
            "Energy.Example:443"
        ));
        assert!(is_allowed(
            "127.0.0.1",
            &["energy.example:8443"],
            "energy.example:8443"
        ));
    }

    #[test]
    fn other_names_and_malformed_ones_are_refused() {
        for host in [
            "",
            "evil.example",
            "evil.example:8077",
            "localhost.evil.example",
            "localhost@evil.example",
            "evil.example#localhost",
            "localhost:8077:80",
            "localhost:+80",
            "localhost:99999",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "10.1.2.3:8077",
            "[::1",
            "[::1]8077",
            "::1",
            "[fe80::1%25eth0]",
            "localhost/",
            "local host",
        ] {
            assert!(!is_allowed("127.0.0.1", &[], host), "{host}");
        }
        assert!(!is_allowed("0.0.0.0", &[], "machine.example"));
        assert!(!is_allowed(
            "127.0.0.1",
            &["energy.example:8443"],
            "energy.example:80"
        ));
        let names = ["http://x".to_owned()];
        assert!(AllowedHosts::new(Ipv4Addr::LOCALHOST.into(), &names).is_err());
    }

    #[test]
    fn origins_have_a_scheme_of_the_web() {
        let (origin, default) = Authority::parse_origin("https://localhost").unwrap();
        assert_eq!((origin.port, default), (None, 443));
        for origin in [
            "null",
            "file://",
            "chrome-extension://abc",
            "localhost",
            "http://a/b",
        ] {
            assert_eq!(Authority::parse_origin(origin), None, "{origin}");
        }
    }
}
