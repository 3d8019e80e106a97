//! Requests byte by byte, for headers that clients would not send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::served::{Answered, Served};

/// Opens a connection to the server.
pub fn connect(server: &Served) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(120));
    stream.set_read_timeout(patience).unwrap();
    stream
}

/// Sends a request and returns the answer. `lines` are the request line and headers without
/// `Host`, unless it is among them.
pub fn send(server: &Served, lines: &[&str], body: &[u8]) -> Answered {
    let mut stream = connect(server);
    let mut text = lines.join("\r\n");
    let is_host = |line: &&str| line.to_ascii_lowercase().starts_with("host:");
    if !lines.iter().any(is_host) {
        text += &format!("\r\nHost: {}", server.url.strip_prefix("http://").unwrap());
    }
    text += "\r\nConnection: close\r\n\r\n";
    stream.write_all(text.as_bytes()).unwrap();
    // A refused request is answered before its body is read.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&answer)
}

/// Splits an answer into its parts.
fn parse(answer: &[u8]) -> Answered {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(answer)));
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Answered {
        status: status.parse().unwrap(),
        headers: lines.map(header).collect(),
        body: answer[end + 4..].to_vec(),
    }
}
