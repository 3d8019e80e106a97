//! Headers of all responses, and the files of the dashboard.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::raw;
use super::served::{Answered, serve_measured};

fn assert_restricted(answered: &Answered) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answered.header(name), Some(value), "{answered:?}");
    }
    let policy = answered.header("content-security-policy").unwrap();
    for part in [
        "default-src 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answered.header("access-control-allow-origin"), None);
}

#[test]
fn all_responses_restrict_what_pages_do() {
    let (_folder, server) = serve_measured(&[]);
    for path in [
        "/",
        "/assets/charts.css",
        "/api/profiling/runs",
        "/api/openapi.json",
        "/no",
        "/assets/no",
    ] {
        assert_restricted(&server.get(path));
    }
    assert_restricted(&raw::send(
        &server,
        &["GET / HTTP/1.1", "Host: evil.example"],
        b"",
    ));
    let runs = server.get("/api/profiling/runs");
    assert_eq!(runs.header("cache-control"), Some("no-store"));
    let wrong_method = raw::send(&server, &["PUT /api/profiling/runs HTTP/1.1"], b"");
    wrong_method.problem(405);
    assert!(wrong_method.header("allow").unwrap().contains("GET"));
    assert_restricted(&wrong_method);
}

#[test]
fn files_are_sent_once_and_compressed() {
    let (_folder, server) = serve_measured(&[]);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/assets/charts.js", "text/javascript; charset=utf-8"),
        ("/assets/charts.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ] {
        let answered = server.get(path);
        assert_eq!(answered.header("content-type"), Some(kind), "{path}");
        assert_eq!(answered.header("cache-control"), Some("no-cache"), "{path}");
        let tag = answered.header("etag").unwrap().to_owned();
        let again = server.get_with(path, &[("if-none-match", &format!("\"x\", {tag}"))]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        let other = server.get_with(path, &[("if-none-match", "W/\"x\"")]);
        assert_eq!(other.status, 200, "{path}");
    }
    let lines = ["GET /assets/charts.js HTTP/1.1", "Accept-Encoding: gzip"];
    let packed = raw::send(&server, &lines, b"");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let plain = server.get("/assets/charts.js");
    assert!(packed.body.len() * 2 < plain.body.len());
}

#[test]
fn paths_outside_of_the_list_are_absent() {
    let (_folder, server) = serve_measured(&[]);
    for path in [
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/assets//etc/passwd",
        "/assets/",
        "/index.html",
    ] {
        let line = format!("GET {path} HTTP/1.1");
        raw::send(&server, &[&line], b"").problem(404);
    }
}

/// Parses the module with Node.js if it is installed.
#[test]
fn the_charts_are_a_valid_module() {
    let (_folder, server) = serve_measured(&[]);
    let module = server.get("/assets/charts.js").text();
    let started = Command::new("node")
        .args(["--input-type=module", "--check"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut node) = started else {
        eprintln!("SKIPPED: node is not installed");
        return;
    };
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(module.as_bytes()).unwrap();
    drop(stdin);
    let mut errors = String::new();
    node.stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert!(node.wait().unwrap().success(), "{errors}");
}
