//! `energy serve` with a sensor of known power: a run that a client starts has measured energy,
//! and a server without a sensor refuses it. `--prompt-file` gives the prompt unchanged.
#![cfg(unix)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use energy_models::tiny;
use energy_tests::{FakeSensor, StoredRun, energy, energy_run, send, serve, tiny_model, wait};
use serde_json::{Value, json};

const WATTS: f64 = 7.0;

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, database: &Path, sensor: &FakeSensor) -> Self {
        let models = folder.join("models");
        std::fs::create_dir_all(&models).expect("a folder");
        tiny::write_gguf(models.join("tiny.gguf"), &tiny_model()).expect("a model");
        let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--source",
                "powermetrics",
            ])
            .args([Path::new("--models"), &models, Path::new("--db"), database])
            .envs(sensor.environment());
        let (child, url) = serve(&mut command);
        let address = url.replace("http://", "");
        Self { child, address }
    }

    /// Sends a request to start a run; the status and the body of the answer.
    fn generate(&self, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).expect("a server");
        let head = format!(
            "POST /api/profiling/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (
            status.expect("a status"),
            serde_json::from_str(body).expect("JSON"),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        send(&self.child, libc::SIGTERM);
        wait(&mut self.child, "energy serve");
    }
}

fn request() -> Value {
    json!({
        "prompt": "again and again", "model": "tiny.gguf", "raw": true, "baseline_ms": 0,
        "max_tokens": 400, "wait": true,
    })
}

#[test]
fn a_generated_run_has_measured_energy() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("energy.db");
    let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
    let sensor = sensor.set("WATTS", format!("cpu={WATTS}@0"));
    let server = Server::start(folder.path(), &database, &sensor);
    let (status, answer) = server.generate(&request());
    assert_eq!(status, 200, "{answer}");
    let run = StoredRun::open(&database, answer["run_id"].as_str().expect("an id"));
    run.assert_closed();
    run.assert_balanced();
    let modelled = "SELECT count(*) FROM rails WHERE run = ?1 AND provenance != 'measured'";
    assert_eq!(run.number(modelled), 0.0);
    let power = run.number(
        "SELECT sum(energy_j) * 1e9 / sum(samples.end_ns - samples.start_ns) FROM samples \
         JOIN rails ON rails.run = samples.run AND rails.id = samples.rail \
         WHERE samples.run = ?1 AND rails.kind = 'cpu' AND energy_j IS NOT NULL",
    );
    assert!((power / WATTS - 1.0).abs() < 0.02, "{power} W");
}

#[test]
fn a_refused_sensor_is_a_problem_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("energy.db");
    let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics"));
    let server = Server::start(folder.path(), &database, &sensor.set("MISBEHAVE", "sudo"));
    let (status, problem) = server.generate(&request());
    assert_eq!(status, 503, "{problem}");
    let remedy = problem["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("energy doctor"), "{problem}");
    assert!(!database.exists());
}

#[test]
fn the_prompt_of_a_file_is_used_without_its_last_line_break() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("energy.db");
    let file = folder.path().join("prompt.txt");
    std::fs::write(&file, "again\nand again\n").expect("written");
    let program = env!("CARGO_BIN_EXE_energy-command");
    // `energy_run` writes the model; its own prompt is not used.
    drop(energy_run(program, folder.path()));
    let run = |input: &str, stdin: Stdio| {
        let status = energy(program)
            .args(["run", "--prompt-file", input, "--raw", "--baseline", "0s"])
            .args(["--max-tokens", "2", "--source", "modelled", "--model"])
            .arg(folder.path().join("tiny.gguf"))
            .args([Path::new("--db"), &database])
            .stdin(stdin)
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("the command").success());
        let run = StoredRun::open(&database, "last");
        let run = run.store().find_run("last").expect("the run");
        run.row.metadata.prompt
    };
    let prompt = Some("again\nand again".to_owned());
    assert_eq!(run(file.to_str().expect("a path"), Stdio::null()), prompt);
    let stdin = std::fs::File::open(&file).expect("a file");
    assert_eq!(run("-", stdin.into()), prompt);
    let both = energy(program)
        .args(["run", "prompt", "--prompt-file", "-"])
        .output()
        .expect("the command");
    assert_eq!(both.status.code(), Some(2), "{both:?}");
}
