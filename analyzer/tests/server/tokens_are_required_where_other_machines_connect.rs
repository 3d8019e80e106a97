//! The server listens on other than loopback addresses with a token only, and accepts it as a
//! header, as a cookie, and once in the URL.

use std::path::Path;
use std::process::{Command, Stdio};

use super::fixture;
use super::raw;
use super::served::{Answered, Served, serve_measured};

const TOKEN: &str = "0123456789abcdef+/=0123456789";

/// Runs the command, which must refuse to start; returns its message.
fn refused(database: &Path, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_energy"))
        .arg("--db")
        .arg(database)
        .arg("serve")
        .args(more)
        .env_remove("ENERGY_TOKEN")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn get(server: &Served, path: &str, headers: &[&str]) -> Answered {
    let line = format!("GET {path} HTTP/1.1");
    raw::send(server, &[&[line.as_str()], headers].concat(), b"")
}

#[test]
fn without_a_token_only_loopback_addresses_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let message = refused(&database, &["--listen", listen]);
        assert!(message.contains("--token-file"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let message = refused(&database, &["--token-file", empty.to_str().unwrap()]);
    assert!(message.contains("openssl rand"), "{message}");
    let message = refused(&database, &["--token-file", "/no/such/file"]);
    assert!(
        message.contains("--token-file /no/such/file") && message.contains("openssl rand"),
        "{message}"
    );
    let message = refused(&database, &["--host", "http://energy.example"]);
    assert!(message.contains("not a host name"), "{message}");
}

#[test]
fn every_path_requires_the_token() {
    let (_folder, server) = serve_measured(&["--token", TOKEN]);
    for path in [
        "/",
        "/assets/charts.js",
        "/api/profiling/runs",
        "/api/openapi.json",
        "/metrics",
        "/ws/profiling",
        "/no",
    ] {
        let answered = get(&server, path, &[]);
        assert_eq!(answered.status, 401, "{path}");
        // Clients that are refused hold no places.
        assert_eq!(answered.header("connection"), Some("close"), "{path}");
        assert!(
            answered
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
    let path = "/api/profiling/runs";
    let bearer = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(get(&server, path, &[&bearer]).status, 200);
    let basic = format!("Authorization: Basic {TOKEN}");
    assert_eq!(get(&server, path, &[&basic]).status, 401);
    let wrong = get(&server, path, &["Authorization: Bearer wrong"]);
    wrong.problem(401);
    assert!(!wrong.text().contains(TOKEN));
}

#[test]
fn the_token_in_the_url_becomes_a_cookie_of_this_server() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let server = Served::start(&database, &["--token-file", file.to_str().unwrap()]);
    let encoded = TOKEN
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3d");
    let answered = get(
        &server,
        &format!("/api/profiling/runs?limit=1&token={encoded}"),
        &[],
    );
    assert_eq!(answered.status, 303);
    assert_eq!(
        answered.header("location"),
        Some("/api/profiling/runs?limit=1")
    );
    let cookie = answered.header("set-cookie").unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(TOKEN), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let sent = format!("Cookie: other=1; {pair}");
    assert_eq!(get(&server, "/api/profiling/runs", &[&sent]).status, 200);
    // Another host is no target of the redirection.
    let answered = get(&server, &format!("//evil.example/?token={encoded}"), &[]);
    assert_eq!(answered.header("location"), Some("/evil.example/"));
    // A page that was open before the server restarted keeps its access.
    drop(server);
    let server = Served::start(&database, &["--token", TOKEN]);
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let value = pair.split_once('=').unwrap().1;
    let sent = format!("Cookie: energy-token-{port}={value}");
    assert_eq!(get(&server, "/", &[&sent]).status, 200);
    let outdated = get(&server, "/", &[&format!("Cookie: energy-token-{port}=0")]);
    assert_eq!(outdated.status, 401);
    assert!(outdated.header("set-cookie").unwrap().contains("Max-Age=0"));
    // Tokens in the URL of a request that changes something are not accepted.
    let post = format!("POST /api/profiling/cancel/x?token={encoded} HTTP/1.1");
    assert_eq!(raw::send(&server, &[&post], b"").status, 401);
}

#[test]
fn a_browser_without_the_token_gets_a_page() {
    let (_folder, server) = serve_measured(&["--token", TOKEN]);
    let shown = get(&server, "/", &["Accept: text/html,*/*;q=0.8"]);
    assert_eq!(shown.status, 401);
    assert_eq!(
        shown.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = shown.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(shown.text().contains("?token=TOKEN"), "{}", shown.text());
    get(&server, "/", &["Accept: application/json"]).problem(401);
}

#[test]
fn wrong_tokens_are_limited_and_the_right_one_is_not() {
    let (_folder, server) = serve_measured(&["--token", TOKEN]);
    let attempt = |token: &str| get(&server, "/", &[&format!("Authorization: Bearer {token}")]);
    for number in 0..10 {
        attempt(&number.to_string()).problem(401);
    }
    let answered = attempt("10");
    answered.problem(429);
    let wait: u64 = answered.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait));
    // Another client of the same address is not excluded.
    assert_eq!(attempt(TOKEN).status, 200);
    // Requests without a token are no attempts.
    assert_eq!(get(&server, "/", &[]).status, 401);
}

#[test]
fn wrong_tokens_of_other_pages_have_no_effect() {
    let (_folder, server) = serve_measured(&["--token", TOKEN]);
    let encoded = TOKEN
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3d");
    let logged_in = get(&server, &format!("/?token={encoded}"), &[]);
    let cookie = logged_in.header("set-cookie").unwrap();
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    for site in ["cross-site", "same-site"] {
        let site = format!("Sec-Fetch-Site: {site}");
        for _ in 0..12 {
            let answered = get(&server, "/?token=wrong", &[&site, &cookie]);
            answered.problem(401);
            assert_eq!(answered.header("set-cookie"), None);
        }
    }
    get(&server, "/", &["Authorization: Bearer wrong"]).problem(401);
    assert_eq!(get(&server, "/", &[&cookie]).status, 200);
}
