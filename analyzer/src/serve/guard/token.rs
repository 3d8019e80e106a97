//! The token of the server, and the forms in which clients send it.

use std::path::Path;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::checksum::sha256_of;
use crate::error::{Error, Result};
use crate::serve::ServeOptions;

/// Longest token in bytes.
const LONGEST: usize = 1024;
/// Shortest token that is no reason for a warning.
const SHORT: usize = 16;

/// The token. Only its hash is kept.
#[derive(Debug, Clone)]
pub(super) struct AccessToken {
    hash: [u8; 32],
    cookie: String,
    cookie_hash: [u8; 32],
}

/// A token that a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SentToken<'r> {
    Header(&'r str),
    Cookie(&'r str),
}

impl AccessToken {
    /// Creates the token from its text.
    fn new(text: &str) -> Self {
        // The cookie is another secret: it does not reveal the token, and it remains valid when
        // the server restarts.
        let cookie = sha256_of(format!("energy serve cookie\n{text}").as_bytes());
        Self {
            hash: digest(text),
            cookie_hash: digest(&cookie),
            cookie,
        }
    }

    /// Returns whether `text` is the token. The time does not depend on the text.
    pub(super) fn is(&self, text: &str) -> bool {
        are_equal(&self.hash, &digest(text))
    }

    /// Returns whether a client sent the token.
    pub(super) fn is_sent(&self, sent: SentToken<'_>) -> bool {
        match sent {
            SentToken::Header(text) => self.is(text),
            SentToken::Cookie(text) => are_equal(&self.cookie_hash, &digest(text)),
        }
    }

    /// Returns the value of the cookie.
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }
}

impl<'r> SentToken<'r> {
    /// Finds a token in headers. `Authorization` has precedence over the cookie `name`.
    pub(super) fn find(headers: &'r HeaderMap, name: &str) -> Option<Self> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            return is_bearer.then(|| Self::Header(token.trim()));
        }
        let cookies = headers.get_all(header::COOKIE).iter();
        let mut pairs = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let found = pairs.find(|(known, _)| *known == name);
        found.map(|(_, value)| Self::Cookie(value))
    }
}

/// The token, and its text for the URL that opens the dashboard.
type ReadToken = (AccessToken, String);

/// Reads the token of the options. Returns warnings in addition.
///
/// # Errors
/// If the file cannot be read, or the token is empty or contains unusual characters.
pub(super) fn read(options: &ServeOptions) -> Result<(Option<ReadToken>, Vec<String>)> {
    let mut warnings = Vec::new();
    let (text, origin) = match (&options.token, &options.token_file) {
        (Some(token), _) => (token.clone(), origin_of(token).to_owned()),
        (None, Some(path)) => {
            warnings.extend(is_readable_by_others(path));
            let text = std::fs::read_to_string(path).map_err(|source| {
                let path = path.display();
                Error::Request(format!(
                    "--token-file {path}: {source}; create it with `(umask 077; openssl rand -hex \
                     32 > {path})`, or name another file"
                ))
            })?;
            (text, format!("token file {}", path.display()))
        }
        (None, None) => return Ok((None, warnings)),
    };
    let token = text.trim();
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.is_empty() || token.len() > LONGEST || !is_plain {
        return Err(Error::Request(format!(
            "{origin}: a token has 1 to {LONGEST} visible ASCII characters; create one with \
             `openssl rand -hex 32`"
        )));
    }
    if token.len() < SHORT {
        warnings.push(format!(
            "{origin}: the token has fewer than {SHORT} characters and can be guessed; create one \
             with `openssl rand -hex 32`"
        ));
    }
    Ok((Some((AccessToken::new(token), token.to_owned())), warnings))
}

/// Returns the variable if it holds the token, or else the option.
fn origin_of(token: &str) -> &'static str {
    match std::env::var("ENERGY_TOKEN") {
        Ok(value) if value == token => "ENERGY_TOKEN",
        _ => "--token",
    }
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        format!("token file {path}: other users can read it; use `chmod 600 {path}`")
    })
}

#[cfg(not(unix))]
fn is_readable_by_others(_path: &Path) -> Option<String> {
    None
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares all bytes, whatever the first ones are.
fn are_equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let pairs = one.iter().zip(other);
    let differences = pairs.fold(0, |all, (one, other)| all | (one ^ other));
    std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn tokens_are_found_in_their_header_and_in_the_cookie_of_this_server() {
        let mut headers = HeaderMap::new();
        let cookies = HeaderValue::from_static("a=b; energy-token-1=x; energy-token-2=y");
        headers.insert(header::COOKIE, cookies);
        let find = |headers: &HeaderMap| {
            SentToken::find(headers, "energy-token-2").map(|sent| match sent {
                SentToken::Header(text) | SentToken::Cookie(text) => text.to_owned(),
            })
        };
        assert_eq!(find(&headers).as_deref(), Some("y"));
        let bearer = HeaderValue::from_static("bearer secret");
        headers.insert(header::AUTHORIZATION, bearer);
        assert_eq!(find(&headers).as_deref(), Some("secret"));
        let basic = HeaderValue::from_static("Basic secret");
        headers.insert(header::AUTHORIZATION, basic);
        assert_eq!(find(&headers), None);
    }

    #[test]
    fn the_cookie_is_not_the_token() {
        let token = AccessToken::new("secret");
        assert!(token.is("secret") && !token.is("secreT") && !token.is(""));
        assert!(token.is_sent(SentToken::Cookie(token.cookie())));
        assert!(!token.is_sent(SentToken::Cookie("secret")));
        assert!(!token.is_sent(SentToken::Header(token.cookie())));
    }
}
