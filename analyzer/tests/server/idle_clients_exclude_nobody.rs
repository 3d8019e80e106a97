//! Clients that connect and send nothing, or half of a request, do not exclude others.
#![cfg(unix)]

use std::io::Write;
use std::net::TcpStream;

use super::fixture;
use super::raw;
use super::served::Served;

#[test]
fn half_requests_of_one_client_do_not_use_up_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let database = fixture::recording(folder.path(), "measured");
    let server = Served::start_with_files(&database, 200);
    let mut open: Vec<TcpStream> = Vec::new();
    for number in 0..300 {
        let mut stream = raw::connect(&server);
        // The server closes the oldest ones while new ones arrive.
        if number % 3 != 0 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n");
        }
        open.push(stream);
        if number % 100 == 99 {
            assert_eq!(server.json("/api/profiling/runs")["total"], 1);
        }
    }
    // Queries, and files that are not open yet.
    let run = format!("/api/profiling/run/{}", fixture::UUID);
    assert_eq!(server.get(&format!("{run}/charts")).status, 200);
    let exported = server.get("/api/profiling/export/last?format=csv-tables");
    assert_eq!(exported.status, 200, "{}", exported.text());
}
