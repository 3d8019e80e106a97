//! Connections of other clients to the server, from the system's table of connections.
//!
//! ```text
//! local            remote             owner
//! 127.0.0.1:50001  127.0.0.1:8080     this process    <- own end: client port 50001
//! 127.0.0.1:8080   127.0.0.1:50001    the server      <- its other end
//! 127.0.0.1:8080   10.0.0.9:41234     the server      <- another client
//! ```

#[cfg(any(target_os = "linux", test))]
use std::collections::HashSet;

/// State of an established connection in the tables.
#[cfg(any(target_os = "linux", test))]
const ESTABLISHED: &str = "01";

/// One row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(any(target_os = "linux", test))]
struct TcpRow {
    local_port: u16,
    remote_port: u16,
    inode: u64,
}

/// Returns the number of established connections of other processes to the port of the server;
/// `None` if the system has no such table.
#[cfg(target_os = "linux")]
pub(super) fn of_others(port: u16) -> Option<usize> {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    // A connection of this process may begin or end while the tables are read.
    let mut own = own_sockets()?;
    let texts: Vec<String> = tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .collect();
    if texts.is_empty() {
        return None;
    }
    own.extend(own_sockets()?);
    Some(count(&texts.concat(), port, &own))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of_others(_port: u16) -> Option<usize> {
    None
}

/// Returns the inodes of this process's sockets.
#[cfg(target_os = "linux")]
fn own_sockets() -> Option<HashSet<u64>> {
    let files = std::fs::read_dir("/proc/self/fd").ok()?;
    let inode = |file: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(file.ok()?.path()).ok()?;
        let inode = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        inode.parse().ok()
    };
    Some(files.filter_map(inode).collect())
}

#[cfg(any(target_os = "linux", test))]
fn count(table: &str, port: u16, own: &HashSet<u64>) -> usize {
    let rows: Vec<TcpRow> = table.lines().filter_map(established).collect();
    let is_own = |row: &&TcpRow| row.remote_port == port && own.contains(&row.inode);
    let own_ports: HashSet<u16> = rows
        .iter()
        .filter(is_own)
        .map(|row| row.local_port)
        .collect();
    let of_server = rows.iter().filter(|row| row.local_port == port);
    of_server
        .filter(|row| !own_ports.contains(&row.remote_port))
        .count()
}

/// Parses a line of an established connection.
#[cfg(any(target_os = "linux", test))]
fn established(line: &str) -> Option<TcpRow> {
    let mut words = line.split_whitespace().skip(1);
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let (local_port, remote_port) = (port(words.next()?)?, port(words.next()?)?);
    (words.next()? == ESTABLISHED).then_some(())?;
    let inode = words.nth(5)?.parse().ok()?;
    Some(TcpRow {
        local_port,
        remote_port,
        inode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_connections_and_other_ports_are_not_counted() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let row = |local: &str, remote: &str, state: &str, inode: u64| {
            format!(
                "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0000 100 0 0 10 0\n"
            )
        };
        let table = [
            head.to_owned(),
            row("0100007F:1F90", "00000000:0000", "0A", 1),
            row("0100007F:C351", "0100007F:1F90", "01", 2),
            row("0100007F:1F90", "0100007F:C351", "01", 3),
            row("0100007F:1F90", "0900000A:A112", "01", 4),
            row("0100007F:1F90", "0900000A:A113", "06", 5),
            row("0100007F:1F91", "0900000A:A112", "01", 6),
            row(
                "00000000000000000000000001000000:1F90",
                "00000000000000000000000001000000:A114",
                "01",
                7,
            ),
        ];
        let own = HashSet::from([2]);
        assert_eq!(count(&table.concat(), 8080, &own), 2);
        assert_eq!(count(&table.concat(), 8080, &HashSet::new()), 3);
        assert_eq!(count("nonsense\n 0: a b c\n", 8080, &own), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn connections_of_this_process_are_own() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let _server = listener.accept().unwrap();
        assert_eq!(of_others(address.port()), Some(0));
    }
}
