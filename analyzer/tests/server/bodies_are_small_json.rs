//! Requests that change something have bodies that a form of another site cannot send, and that
//! fit into memory.

use super::raw;
use super::served::serve_measured;

#[test]
fn forms_and_large_bodies_are_refused() {
    let (_folder, server) = serve_measured(&[]);
    let post = "POST /api/profiling/generate HTTP/1.1";
    let body = br#"{"prompt": ""}"#;
    let length = format!("Content-Length: {}", body.len());
    for kind in [
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: application/jsonp",
        "X-None: 1",
    ] {
        raw::send(&server, &[post, kind, &length], body).problem(415);
    }
    let json = "Content-Type: application/json; charset=utf-8";
    raw::send(&server, &[post, json, &length], body).problem(422);
    let large = vec![b' '; (1 << 20) + 1];
    let length = format!("Content-Length: {}", large.len());
    raw::send(&server, &[post, json, &length], &large).problem(413);
    // Only the announced length matters.
    raw::send(&server, &[post, json, "Content-Length: 10000000000"], b"").problem(413);
    let part = [
        format!("{:x}\r\n", large.len()).as_bytes(),
        &large,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let chunked = raw::send(&server, &[post, json, "Transfer-Encoding: chunked"], &part);
    assert_eq!(chunked.status, 413);
    raw::send(&server, &[post, json, "Content-Length: 1"], b"{").problem(422);
    // The server still answers.
    assert_eq!(server.get("/").status, 200);
}
