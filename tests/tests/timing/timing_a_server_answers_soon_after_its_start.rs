//! `energy serve` opens no sensor and repairs nothing before its first answer: the time from its
//! start to the first byte of the page is at most 50 ms, in the best of several starts, because
//! others of this machine may delay single ones.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use energy_tests::{energy, energy_run, serve};

const LIMIT: Duration = Duration::from_millis(50);
const STARTS: usize = 10;

#[test]
fn timing_a_server_answers_soon_after_its_start() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("energy.db");
        let program = env!("CARGO_BIN_EXE_energy-command");
        let recorded = energy_run(program, folder.path())
            .args(["--source", "modelled", "--max-tokens", "20", "--db"])
            .arg(&database)
            .output()
            .expect("the command");
        assert!(recorded.status.success(), "{recorded:?}");
        let start = || {
            let begin = Instant::now();
            let mut command = energy(program);
            command.args(["serve", "--listen", "127.0.0.1:0", "--db"]);
            let (mut server, url) = serve(command.arg(&database));
            let address = url.replace("http://", "");
            let mut stream = TcpStream::connect(address).expect("a server");
            let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
            stream.write_all(request).expect("sent");
            stream.read_exact(&mut [0]).expect("a byte");
            let took = begin.elapsed();
            let _ = server.kill();
            let _ = server.wait();
            took
        };
        let best = (0..STARTS).map(|_| start()).min().expect("starts");
        assert!(best <= LIMIT, "{best:?}");
    });
}
