//! A page of another site cannot use the server, neither by a name that it makes refer to this
//! address (DNS rebinding) nor by requests from a visitor's browser.

use super::raw;
use super::served::serve_measured;

#[test]
fn hosts_of_other_sites_are_refused_on_every_path() {
    let (_folder, server) = serve_measured(&[]);
    for path in [
        "/",
        "/assets/charts.js",
        "/api/profiling/runs",
        "/api/openapi.json",
        "/ws/profiling",
    ] {
        for host in [
            "evil.example",
            "evil.example:8077",
            "localhost.evil.example",
            "",
        ] {
            let lines = [format!("GET {path} HTTP/1.1"), format!("Host: {host}")];
            let answered = raw::send(&server, &[&lines[0], &lines[1]], b"");
            let refused = if host.is_empty() {
                400..=403
            } else {
                403..=403
            };
            assert!(
                refused.contains(&answered.status),
                "{path} {host}: {answered:?}"
            );
        }
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9000"] {
        let line = format!("Host: {host}");
        let answered = raw::send(&server, &["GET /api/profiling/runs HTTP/1.1", &line], b"");
        assert_eq!(answered.status, 200, "{host}");
    }
}

#[test]
fn a_request_names_one_host() {
    let (_folder, server) = serve_measured(&[]);
    let get = "GET /api/profiling/runs HTTP/1.1";
    let twice = [get, "Host: localhost", "Host: evil.example"];
    assert!(raw::send(&server, &twice, b"").status >= 400);
    let absolute = "GET http://evil.example/api/profiling/runs HTTP/1.1";
    assert!(raw::send(&server, &[absolute, "Host: localhost"], b"").status >= 400);
    assert!(raw::send(&server, &[absolute, "Host: evil.example"], b"").status >= 400);
}

#[test]
fn names_of_the_user_are_served() {
    let (_folder, server) =
        serve_measured(&["--host", "energy.example", "--host", "other.example:8443"]);
    let status = |host: &str| {
        let line = format!("Host: {host}");
        raw::send(&server, &["GET / HTTP/1.1", &line], b"").status
    };
    assert_eq!(status("energy.example:9000"), 200);
    assert_eq!(status("other.example:8443"), 200);
    assert_eq!(status("other.example"), 403);
}

#[test]
fn origins_of_other_pages_are_refused() {
    let (_folder, server) = serve_measured(&[]);
    let own = server.url.clone();
    let upgrade = [
        "GET /ws/profiling HTTP/1.1",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let get = ["GET /api/profiling/runs HTTP/1.1"];
    for lines in [&get[..], &upgrade[..]] {
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:1",
            "http://127.0.0.1",
            "file://",
            &own.replace("http:", "ftp:"),
        ] {
            let line = format!("Origin: {origin}");
            let answered = raw::send(&server, &[lines, &[&line]].concat(), b"");
            assert_eq!(answered.status, 403, "{lines:?} {origin}");
            assert_eq!(answered.header("access-control-allow-origin"), None);
        }
    }
    let line = format!("Origin: {own}");
    assert_eq!(raw::send(&server, &[get[0], &line], b"").status, 200);
    // A proxy with TLS keeps the host and the port.
    let line = format!("Origin: {}", own.replace("http:", "https:"));
    assert_eq!(raw::send(&server, &[get[0], &line], b"").status, 200);
    // A request of a browser before another one that would need permission.
    let preflight = [
        "OPTIONS /api/profiling/generate HTTP/1.1",
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
    ];
    let answered = raw::send(&server, &preflight, b"");
    assert_eq!(answered.status, 403);
    assert_eq!(answered.header("access-control-allow-origin"), None);
}
