//! Who may use the server, and under which name.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::attempts::Attempts;
use super::host::{AllowedHosts, Authority};
use super::token::{self, AccessToken, SentToken};
use crate::error::{Error, Result};
use crate::serve::ServeOptions;
use crate::serve::problem::Problem;

/// Parameter of the URL with the token.
const PARAMETER: &str = "token";

/// Rules of access to one server.
#[derive(Debug)]
pub(in crate::serve) struct Access {
    hosts: AllowedHosts,
    token: Option<AccessToken>,
    attempts: Attempts,
    cookie: String,
    /// Parameter that opens the dashboard in a browser: `?token=...`; empty without a token.
    pub(in crate::serve) log_in: String,
    /// Warnings about the token and the address.
    pub(in crate::serve) warnings: Vec<String>,
}

/// A request that passed all checks.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is served.
    Granted,
    /// It had the token in its URL: the cookie is set, and the client requests the URL without it.
    LoggedIn(Response),
}

impl Access {
    /// Reads the rules from the options.
    ///
    /// # Errors
    /// If the address can be reached from other machines and there is no token, or if an option
    /// is invalid.
    pub(in crate::serve) fn new(options: &ServeOptions) -> Result<Self> {
        let address = options.listen;
        let hosts = AllowedHosts::new(address.ip(), &options.hosts).map_err(|name| {
            Error::Request(format!(
                "--host {name}: not a host name; write a name such as energy.example, with the \
                 port if it must match: energy.example:8443"
            ))
        })?;
        let (token, mut warnings) = token::read(options)?;
        if !address.ip().to_canonical().is_loopback() {
            if token.is_none() {
                return Err(Error::Request(format!(
                    "--listen {address}: other machines can reach this address, so a token is \
                     required; add --token-file FILE (create one with `openssl rand -hex 32 > FILE; \
                     chmod 600 FILE`), or listen on 127.0.0.1 and use `ssh -L`"
                )));
            }
            warnings.push(format!(
                "connections to {address} are not encrypted: the token and the runs can be read \
                 in the network; use `ssh -L` or a proxy with TLS where it is not trusted"
            ));
        }
        if options.allow_delete && token.is_none() {
            warnings.push(
                "--allow-delete has no effect without a token: each deletion needs its \
                 confirmation; add --token-file FILE"
                    .to_owned(),
            );
        }
        let (token, log_in) = match token {
            Some((token, text)) => (Some(token), format!("?{PARAMETER}={}", encoded(&text))),
            None => (None, String::new()),
        };
        Ok(Self {
            hosts,
            token,
            attempts: Attempts::default(),
            cookie: cookie_name(address),
            log_in,
            warnings,
        })
    }

    /// Sets the address that the server listens on, after a free port was selected.
    pub(in crate::serve) fn bound_to(mut self, address: SocketAddr) -> Self {
        self.cookie = cookie_name(address);
        self
    }

    /// Refuses names that are not those of this server.
    pub(super) fn check_host(&self, host: &str) -> std::result::Result<(), Problem> {
        let is_allowed = Authority::parse(host).is_some_and(|host| self.hosts.contain(&host));
        if is_allowed {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("host {host:?} is not allowed"),
        )
        .with_remedy("use the address that `energy serve` printed, or start it with --host NAME"))
    }

    /// Refuses requests that a page of another host sends.
    pub(super) fn check_origin(
        &self,
        origin: &str,
        host: &str,
    ) -> std::result::Result<(), Problem> {
        let is_same = || {
            let (origin, default) = Authority::parse_origin(origin)?;
            let host = Authority::parse(host)?;
            let port = |port: Option<u16>| port.unwrap_or(default);
            Some(origin.host == host.host && port(origin.port) == port(host.port))
        };
        match is_same() {
            Some(true) => Ok(()),
            _ => Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!("pages of {origin:?} may not use this server"),
            )
            .with_remedy("send requests from the dashboard, or from a program without Origin")),
        }
    }

    /// Refuses clients without the token. A token in the URL sets the cookie.
    pub(super) fn check_token(
        &self,
        client: IpAddr,
        request: &Request,
    ) -> std::result::Result<Admission, Problem> {
        let Some(token) = &self.token else {
            return Ok(Admission::Granted);
        };
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        let in_url = if is_read { in_url(request.uri()) } else { None };
        let sent = SentToken::find(request.headers(), &self.cookie);
        if in_url.is_none() && sent.is_none() {
            return Err(unauthorized("this server requires a token"));
        }
        let is_right = match (&in_url, sent) {
            (Some(text), _) => token.is(text),
            (None, Some(sent)) => token.is_sent(sent),
            (None, None) => false,
        };
        // Several clients may have one address: the wrong tokens of one do not exclude the others.
        match (is_right, in_url) {
            (true, None) => return Ok(Admission::Granted),
            (true, Some(_)) => return Ok(Admission::LoggedIn(self.log_in(token, request.uri()))),
            (false, _) => {}
        }
        // A page of another site can make a browser send a wrong token. It must neither exclude the
        // user of that browser nor end their access.
        let is_foreign = is_sent_by_other_pages(request.headers());
        let problem = match is_foreign {
            true => unauthorized("the token is wrong"),
            false => self.count_attempt(client),
        };
        // Ends the repeated use of an outdated cookie.
        let is_outdated = matches!(sent, Some(SentToken::Cookie(_)))
            && sent.is_some_and(|sent| !token.is_sent(sent));
        Err(match is_outdated && !is_foreign {
            true => self.without_cookie(problem),
            false => problem,
        })
    }

    /// Counts a wrong token, and returns the problem to answer.
    fn count_attempt(&self, client: IpAddr) -> Problem {
        let now = Instant::now();
        if let Some(wait) = self.attempts.wait(client, now) {
            let seconds = wait.as_secs() + 1;
            return Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many wrong tokens were sent from this address",
            )
            .with_remedy(format!("wait {seconds} s, then send the right token"))
            .with_header(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        self.attempts.add(client, now);
        unauthorized("the token is wrong")
    }

    /// Makes the browser forget the cookie.
    fn without_cookie(&self, problem: Problem) -> Problem {
        let cookie = format!("{}=; Path=/; Max-Age=0; HttpOnly", self.cookie);
        match HeaderValue::try_from(cookie) {
            Ok(cookie) => problem.with_header(header::SET_COOKIE, cookie),
            Err(_) => problem,
        }
    }

    fn log_in(&self, token: &AccessToken, uri: &Uri) -> Response {
        let cookie = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict",
            self.cookie,
            token.cookie()
        );
        let headers = [
            (header::LOCATION, without_token(uri)),
            (header::SET_COOKIE, cookie),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

/// Returns whether a browser states that a page of another origin caused the request: a link, an
/// image, a frame. Another port of this host is another origin, although browsers send it cookies.
fn is_sent_by_other_pages(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
        .with_remedy(
            "open /?token=TOKEN in the browser, or send the header Authorization: Bearer TOKEN",
        )
        .with_header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"energy\""),
        )
}

/// Returns the name of the cookie. Browsers send cookies to all ports of a host.
fn cookie_name(address: SocketAddr) -> String {
    format!("energy-token-{}", address.port())
}

/// Returns the token in the URL.
fn in_url(uri: &Uri) -> Option<String> {
    let pairs = uri.query()?.split('&');
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == PARAMETER)?;
    Some(decoded(value))
}

/// Returns the path and the other parameters. The path begins with one slash: two would name
/// another host.
fn without_token(uri: &Uri) -> String {
    let is_other = |pair: &&str| pair.split('=').next() != Some(PARAMETER);
    let query = uri.query().unwrap_or_default().split('&');
    let query: Vec<&str> = query
        .filter(|pair| !pair.is_empty())
        .filter(is_other)
        .collect();
    let path = uri.path().trim_start_matches(['/', '\\']);
    match query.is_empty() {
        true => format!("/{path}"),
        false => format!("/{path}?{}", query.join("&")),
    }
}

/// Encodes a value of the URL.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Decodes a value of the URL. Invalid sequences remain as they are.
fn decoded(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_without_the_token_stays_on_this_server() {
        let without = |uri: &str| without_token(&uri.parse().unwrap());
        assert_eq!(without("/?token=a"), "/");
        assert_eq!(without("/a?x=1&token=b&y=2"), "/a?x=1&y=2");
        assert_eq!(without("//evil.example/?token=a"), "/evil.example/");
        assert_eq!(without("/a?tokens=1"), "/a?tokens=1");
    }

    #[test]
    fn tokens_survive_the_url() {
        for text in ["a+b/c==", "100%", "&x=y", "%41"] {
            let uri = format!("/?a=b&token={}", encoded(text));
            assert_eq!(in_url(&uri.parse().unwrap()).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_machines_need_a_token() {
        let on = |listen: &str, token: Option<&str>| {
            Access::new(&ServeOptions {
                listen: listen.parse().unwrap(),
                token: token.map(str::to_owned),
                ..ServeOptions::default()
            })
        };
        assert!(on("127.0.0.1:8077", None).is_ok());
        assert!(on("[::1]:8077", None).is_ok());
        for listen in ["0.0.0.0:8077", "[::]:8077", "192.168.1.2:0"] {
            let error = on(listen, None).unwrap_err().to_string();
            assert!(error.contains("--token-file"), "{error}");
            let access = on(listen, Some("0123456789abcdef0123456789abcdef")).unwrap();
            assert_eq!(access.warnings.len(), 1);
        }
        for token in ["", "  ", "a b", "t\u{e4}"] {
            assert!(on("127.0.0.1:8077", Some(token)).is_err(), "{token:?}");
        }
    }

    #[test]
    fn the_right_token_is_accepted_after_wrong_ones_of_the_same_address() {
        let access = Access::new(&ServeOptions {
            token: Some("0123456789abcdef".to_owned()),
            ..ServeOptions::default()
        })
        .unwrap();
        let client = IpAddr::from([10, 0, 0, 1]);
        let send = |name: header::HeaderName, value: String| {
            let request = Request::builder().uri("/").header(name, value);
            let request = request.body(axum::body::Body::empty()).unwrap();
            match access.check_token(client, &request) {
                Ok(_) => 200,
                Err(problem) => problem.status(),
            }
        };
        let bearer = |token: &str| send(header::AUTHORIZATION, format!("Bearer {token}"));
        let statuses: Vec<u16> = (0..12).map(|_| bearer("wrong")).collect();
        assert_eq!(statuses, [[401; 10].as_slice(), &[429, 429]].concat());
        assert_eq!(bearer("0123456789abcdef"), 200);
        let cookie = access.token.as_ref().unwrap().cookie();
        let cookie = format!("{}={cookie}", access.cookie);
        assert_eq!(send(header::COOKIE, cookie), 200);
        let outdated = format!("{}=0", access.cookie);
        assert_eq!(send(header::COOKIE, outdated), 429);
    }

    #[test]
    fn pages_of_other_origins_neither_exclude_a_user_nor_end_their_access() {
        let access = Access::new(&ServeOptions {
            token: Some("0123456789abcdef".to_owned()),
            ..ServeOptions::default()
        })
        .unwrap();
        let client = IpAddr::from([127, 0, 0, 1]);
        let cookie = |value: &str| format!("{}={value}", access.cookie);
        let right = cookie(access.token.as_ref().unwrap().cookie());
        let send = |uri: &str, site: Option<&str>, cookie: Option<&str>| {
            let mut request = Request::builder().uri(uri);
            for (name, value) in [("sec-fetch-site", site), ("cookie", cookie)] {
                request = value
                    .into_iter()
                    .fold(request, |of, value| of.header(name, value));
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            match access.check_token(client, &request) {
                Ok(_) => (200, false),
                Err(problem) => {
                    let status = problem.status();
                    let headers = problem.into_response().headers().clone();
                    (status, headers.contains_key(header::SET_COOKIE))
                }
            }
        };
        for site in ["cross-site", "same-site"] {
            for sent in [None, Some(right.as_str()), Some(cookie("0").as_str())] {
                for _ in 0..12 {
                    assert_eq!(send("/?token=wrong", Some(site), sent), (401, false));
                }
            }
        }
        // Browsers without that header: the right cookie stays, too.
        assert_eq!(send("/?token=wrong", None, Some(&right)), (401, false));
        // An outdated cookie is removed, and the user's own attempts are counted.
        assert_eq!(
            send("/", Some("same-origin"), Some(&cookie("0"))),
            (401, true)
        );
        for _ in 0..8 {
            assert_eq!(send("/?token=wrong", Some("none"), None), (401, false));
        }
        assert_eq!(send("/?token=wrong", Some("none"), None), (429, false));
        assert_eq!(send("/", Some("none"), Some(&cookie("0"))), (429, true));
        assert_eq!(send("/", Some("none"), Some(&right)), (200, false));
    }
}
