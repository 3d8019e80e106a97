//! A client that reads slowly holds a stream, and no reader.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::nested::{self, Nested};

#[test]
fn other_requests_are_answered_while_downloads_stall() {
    let run = Nested {
        // Exports of it exceed what sockets and queues buffer.
        op: "long ".repeat(2_000_000),
        ..Nested::default()
    };
    let (_folder, server) = nested::serve(&run);
    let address = server.url.trim_start_matches("http://");
    let stalled: Vec<TcpStream> = (0..6)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            let path = "/api/profiling/export/last?format=json";
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
            let mut first = [0; 16];
            stream.read_exact(&mut first).unwrap();
            assert!(first.starts_with(b"HTTP/1.1 200"), "{first:?}");
            stream
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(server.json("/api/profiling/runs")["total"], 1);
    }
    // A further download still works, and clients that leave free their streams.
    drop(stalled);
    for _ in 0..10 {
        let answered = server.get("/api/profiling/export/last?format=folded");
        assert_eq!(answered.status, 200);
    }
}
