//! `energy drive` with a fake server: spans, counts and energies of a request; faults of the server;
//! servers of other machines and of other users.
#![cfg(unix)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use energy_data::rows::RunStatus;
use energy_tests::{FakeSensor, StoredRun, energy, free_port, send, until, wait, write_whole};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_fake-model-server");
const ENERGY: &str = env!("CARGO_BIN_EXE_energy-command");

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// `energy drive` of a server with these faults, and its port. Without a sensor and a baseline.
fn drive(folder: &Path, faults: &str, path: &str) -> (Command, u16) {
    let port = free_port();
    let mut command = driven_at(folder, port, path);
    command.args(["--serve", &format!("'{SERVER}' {port} {faults}")]);
    (command, port)
}

fn driven_at(folder: &Path, port: u16, path: &str) -> Command {
    let mut command = energy(ENERGY);
    command
        .current_dir(folder)
        .args(["drive", "--db", "energy.db", "--baseline", "0s"])
        .args(["--prompt", "count from zero please"])
        .args(["--endpoint", &format!("http://127.0.0.1:{port}{path}")]);
    command
}

fn modelled(command: &mut Command) -> Output {
    command
        .args(["--source", "modelled", "--max-tokens", "6"])
        .output()
        .expect("the command")
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn summary(folder: &Path) -> Value {
    let output = energy(ENERGY)
        .current_dir(folder)
        .args(["summary", "--db", "energy.db", "--format", "json"])
        .output()
        .expect("the command");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn last_run(folder: &Path) -> StoredRun {
    StoredRun::open(&folder.join("energy.db"), "last")
}

fn config(run: &StoredRun) -> Value {
    let connection = run.store().connection();
    let sql = "SELECT config FROM runs WHERE no = ?1";
    let text: String = connection
        .query_row(sql, [run.no], |row| row.get(0))
        .expect("a config");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn requests_have_the_spans_of_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, faults) in [
        ("", "slow=300"),
        ("/v1/completions", "llama"),
        ("/v1/chat/completions", "no-health"),
        ("/completion", "llama"),
    ] {
        let (mut command, port) = drive(folder.path(), faults, path);
        let output = modelled(command.args(["--warmup", "2"]));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{path}: {}", messages(&output));
        assert!(text.starts_with(" 0 1 2 3 4 5\n"), "{path}: {text}");
        let errors = messages(&output);
        assert!(!errors.contains("token"), "no count differs: {errors}");
        assert!(!is_open(port), "{path}: the server has ended");

        let run = last_run(folder.path());
        assert_eq!(run.status, RunStatus::Complete);
        run.assert_closed();
        run.assert_balanced();
        let labels = run.labels();
        let expected = [
            ("decode", 1),
            ("inference", 1),
            ("model_loading", 1),
            ("prefill", 1),
            ("token", 6),
            ("warm_up", 1),
        ];
        let expected = expected.map(|(label, count)| (label.to_owned(), count));
        assert_eq!(labels, expected.into(), "{path}");
        // The CPU time of the server belongs to the run.
        assert!(run.number("SELECT count(*) FROM processes WHERE run = ?1") >= 1.0);
        assert!(run.number("SELECT max(unattributed_j) FROM balance WHERE run = ?1") > 0.0);

        let summary = summary(folder.path());
        assert_eq!(summary["totals"]["input_tokens"], 4, "{path}");
        assert_eq!(summary["totals"]["output_tokens"], 6, "{path}");
        let engine = if faults == "llama" {
            "llama.cpp"
        } else {
            "http"
        };
        assert_eq!(summary["run"]["engine"], engine);
        assert_eq!(summary["run"]["model"], "numbers");
        assert_eq!(summary["latency"]["requests"], 1);
        let ms = |key: &str| summary["latency"][key].as_f64().expect("a time") / 1e6;
        assert!(ms("ttft_ns") >= 50.0, "{summary}");
        assert!(ms("tpot_ns") >= 10.0, "{summary}");
        let server = &config(&run)["server"];
        assert_eq!(server["streamed_tokens"], 6);
        let version = if engine == "http" { "0.1" } else { "b42" };
        assert_eq!(server["version"], version);
    }
}

#[test]
fn energies_of_waits_are_power_times_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let watts = folder.path().join("watts");
    write_whole(&watts, "cpu 4");
    let sensor = FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics")).watts_from(&watts);
    let (mut command, _) = drive(folder.path(), "", "");
    let output = command
        .args([
            "--source",
            "powermetrics",
            "--interval",
            "50ms",
            "--max-tokens",
            "40",
        ])
        .envs(sensor.environment())
        .output()
        .expect("the command");
    assert!(output.status.success(), "{}", messages(&output));
    let latency = &summary(folder.path())["latency"];
    for (joules, ns) in [("ttft_j", "ttft_ns"), ("tpot_j", "tpot_ns")] {
        let watts =
            latency[joules].as_f64().expect("joules") / (latency[ns].as_f64().expect("ns") / 1e9);
        assert!((watts - 4.0).abs() < 0.05, "{joules}: {watts} W");
    }
}

#[test]
fn counts_of_the_server_are_compared_with_the_stream() {
    let folder = tempfile::tempdir().expect("a folder");
    for (faults, path, output_tokens, warning) in [
        (
            "miscounts=1",
            "",
            Some(7),
            "counts 7 generated tokens, but 6",
        ),
        ("no-usage", "", None, "reports no numbers of tokens"),
        (
            "no-usage",
            "/completion",
            None,
            "reports no numbers of tokens",
        ),
        (
            "cached=3",
            "/v1/chat/completions",
            Some(6),
            "3 of 4 prompt tokens were in the cache",
        ),
        ("stops=2", "", Some(3), ""),
        ("stops=2", "/v1/chat/completions", Some(3), ""),
        ("stops=2 llama", "/completion", Some(3), ""),
        ("joins=2", "", Some(6), "counts 6 generated tokens, but 3"),
        ("joins=2", "/completion", Some(6), ""),
        (
            "busy llama",
            "",
            Some(6),
            "1 other request when the recorded one began",
        ),
        ("metrics llama", "", Some(6), ""),
        (
            "metrics others=5 llama",
            "/completion",
            Some(6),
            "processed 5 tokens of other requests",
        ),
    ] {
        let (mut command, _) = drive(folder.path(), faults, path);
        let output = modelled(&mut command);
        let errors = messages(&output);
        assert!(output.status.success(), "{faults} {path}: {errors}");
        assert!(errors.contains(warning), "{faults} {path}: {errors}");
        assert_eq!(
            errors.contains("token"),
            warning.contains("token"),
            "{faults}: {errors}"
        );
        let totals = &summary(folder.path())["totals"];
        assert_eq!(
            totals["output_tokens"].as_i64(),
            output_tokens,
            "{faults} {path}"
        );
        let input = output_tokens.map(|_| 4);
        assert_eq!(totals["input_tokens"].as_i64(), input, "{faults} {path}");
    }
}

#[test]
fn one_of_several_models_is_chosen_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut command, _) = drive(folder.path(), "models=2", "");
    let output = modelled(command.args(["--model", "numbers"]));
    assert!(output.status.success(), "{}", messages(&output));
    assert_eq!(summary(folder.path())["run"]["model"], "numbers");
    for (model, error) in [
        (&[][..], "the server has 2 models; choose one with --model"),
        (&["--model", "words"][..], "the server has no model words"),
    ] {
        let (mut command, _) = drive(folder.path(), "models=2", "");
        let output = modelled(command.args(model));
        let errors = messages(&output);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(error), "{errors}");
        assert!(errors.contains("letters-2, numbers"), "{errors}");
        assert_eq!(last_run(folder.path()).status, RunStatus::Cancelled);
    }
}

#[test]
fn faults_of_a_server_are_one_clear_error_and_the_recording_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    for (faults, arguments, error, tokens) in [
        (
            "ends",
            "",
            "the server ended (exit status: 7) before it was ready; its last lines: fake \
                      server: loading / fake server: no such model",
            0,
        ),
        (
            "never-ready",
            "--start-timeout 1s",
            "is not ready after 1s (/health: status 503)",
            0,
        ),
        (
            "dies=3",
            "",
            "the server ended (exit status: 9) after 3 tokens",
            3,
        ),
        (
            "hangs=3",
            "--timeout 3s",
            "did not end within 3s (3 tokens received)",
            3,
        ),
        ("cuts=3", "", "after 3 tokens", 3),
        ("malformed=3", "", "an event is not JSON", 3),
        (
            "reports=3",
            "",
            "the server reports an error: the context is full",
            3,
        ),
        (
            "refuses",
            "",
            "refuses the request (400): too long for me",
            0,
        ),
        ("no-stream", "", "the answer is not a stream", 0),
    ] {
        let (mut command, port) = drive(folder.path(), faults, "");
        let output = modelled(command.args(arguments.split_whitespace()));
        let errors = messages(&output);
        assert_eq!(output.status.code(), Some(1), "{faults}: {errors}");
        let own = errors
            .lines()
            .filter(|line| line.starts_with("energy: http://"));
        let own: Vec<&str> = own.collect();
        assert_eq!(own.len(), 1, "{faults}: {errors}");
        assert!(own[0].contains(error), "{faults}: {}", own[0]);
        assert!(!is_open(port), "{faults}: the server has ended");
        let run = last_run(folder.path());
        assert_eq!(run.status, RunStatus::Cancelled, "{faults}");
        run.assert_closed();
        let labels = run.labels();
        assert_eq!(labels["model_loading"], 1);
        // The span of the token that did not come ends with the run.
        let spans = labels.get("token").copied().unwrap_or(0);
        assert!(
            spans == tokens || tokens > 0 && spans == tokens + 1,
            "{faults}: {labels:?}"
        );
        assert!(config(&run)["error"].is_string(), "{faults}");
    }
}

#[test]
fn endpoints_elsewhere_and_contradictions_are_refused_before_anything_is_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("an address").to_string();
    let taken = format!("http://{taken}");
    for (arguments, error) in [
        (
            vec!["--serve", "true", "--endpoint", "http://192.0.2.1:80"],
            "not an address of this machine",
        ),
        (
            vec!["--serve", "true", "--endpoint", &taken],
            "a server listens there already",
        ),
        (
            vec!["--serve", "true", "--endpoint", "127.0.0.1:1"],
            "write it as http://",
        ),
        (vec!["--serve", "true"], "--endpoint"),
        (vec!["--endpoint", "http://127.0.0.1:1"], "--serve"),
        (
            vec![
                "--serve",
                "true",
                "--watch-pid",
                "1",
                "--endpoint",
                "http://127.0.0.1:1",
            ],
            "cannot be used with",
        ),
        (
            vec!["--watch-pid", "4194303", "--endpoint", "http://127.0.0.1:1"],
            "no process 4194303",
        ),
        (
            vec![
                "--serve",
                "true",
                "--api",
                "chat",
                "--endpoint",
                "http://127.0.0.1:1/completion",
            ],
            "omit one",
        ),
        (
            vec![
                "--serve",
                "true",
                "--prompt",
                " ",
                "--endpoint",
                "http://127.0.0.1:1",
            ],
            "the prompt is empty",
        ),
        (
            vec![
                "--serve",
                "true",
                "--max-tokens",
                "0",
                "--endpoint",
                "http://127.0.0.1:1",
            ],
            "from 1 to",
        ),
    ] {
        let output = energy(ENERGY)
            .current_dir(folder.path())
            .args(["drive", "--db", "none.db"])
            .args(&arguments)
            .output()
            .expect("the command");
        let errors = messages(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(error), "{arguments:?}: {errors}");
    }
    assert!(!folder.path().join("none.db").exists());
}

/// Starts a server that hangs after its second token, and waits until that was received.
fn hanging(folder: &Path) -> (Child, u16) {
    let (mut command, port) = drive(folder, "hangs=2", "");
    let mut child = command
        .args(["--source", "modelled"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command");
    until("tokens in the file", || {
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended by itself"
        );
        let run = StoredRun::try_open(&folder.join("energy.db"), "last");
        run.is_some_and(|run| run.labels().get("token").copied().unwrap_or(0) >= 2)
    });
    (child, port)
}

#[test]
fn a_signal_ends_the_server_and_keeps_the_recording() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut child, port) = hanging(folder.path());
        send(&child, signal);
        let status = wait(&mut child, "energy drive");
        assert_eq!(status.code(), Some(code));
        assert!(!is_open(port), "the server has ended");
        let run = last_run(folder.path());
        assert_eq!(run.status, RunStatus::Cancelled);
        run.assert_closed();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_ends_if_the_command_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut child, port) = hanging(folder.path());
    send(&child, libc::SIGKILL);
    wait(&mut child, "energy drive");
    until("the end of the server", || !is_open(port));
}

#[test]
fn a_server_that_runs_already_is_watched_and_not_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut server = Command::new(SERVER)
        .arg(port.to_string())
        .stderr(Stdio::null())
        .spawn()
        .expect("a server");
    until("the server", || is_open(port));
    let _other = TcpStream::connect(("127.0.0.1", port)).expect("another client");
    let mut command = driven_at(folder.path(), port, "");
    let output = modelled(command.args(["--watch-pid", &server.id().to_string()]));
    let errors = messages(&output);
    assert!(output.status.success(), "{errors}");
    if cfg!(target_os = "linux") {
        assert!(
            errors.contains("connections of other clients to the server during the request: 1;"),
            "{errors}"
        );
    }
    assert!(server.try_wait().expect("a server").is_none() && is_open(port));
    let run = last_run(folder.path());
    assert!(!run.labels().contains_key("model_loading"));
    let pid = format!(
        "SELECT count(*) FROM processes WHERE run = ?1 AND pid = {}",
        server.id()
    );
    assert_eq!(run.number(&pid), 1.0);
    assert!(run.number("SELECT max(unattributed_j) FROM balance WHERE run = ?1") > 0.0);
    server.kill().expect("killed");
    server.wait().expect("ended");
}

#[test]
fn labels_are_filled_in_and_stored_and_texts_are_not_if_unwanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut command, _) = drive(folder.path(), "stops={count}", "");
    let output = modelled(command.args(["--label", "count=2", "--no-text", "--name", "one"]));
    assert!(output.status.success(), "{}", messages(&output));
    let run = last_run(folder.path());
    let config = config(&run);
    assert_eq!(config["labels"]["count"], "2");
    assert_eq!(config["server"]["streamed_tokens"], 3);
    assert!(config["serve"].is_null() && config["prompt_sha256"].is_string());
    let texts = "SELECT prompt IS NULL AND response IS NULL FROM runs WHERE no = ?1";
    assert_eq!(run.number(texts), 1.0);
    drop(run);
    let bytes = std::fs::read(folder.path().join("energy.db")).expect("a file");
    for text in ["from zero please", "fake-model-server'"] {
        let found = bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        assert!(!found, "{text}");
    }
}
