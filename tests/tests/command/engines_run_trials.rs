//! `energy sweep` with the engines `http` and `command`.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use energy_models::tiny::{self, TinyConfig};
use energy_store::Store;
use energy_tests::{StoredRun, energy, free_port, send, until, wait};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_fake-model-server");

fn sweep(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the command")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
    command
        .current_dir(folder)
        .args([
            "sweep",
            "--db",
            "energy.db",
            "--source",
            "modelled",
            "--baseline",
            "0s",
        ])
        .args(arguments);
    command
}

/// Arguments of a sweep of a server with these faults.
fn served(faults: &str) -> Vec<String> {
    let port = free_port();
    let serve = format!("'{SERVER}' {port} {faults}");
    let endpoint = format!("http://127.0.0.1:{port}");
    let words = [
        "--engine",
        "http",
        "--serve",
        &serve,
        "--endpoint",
        &endpoint,
    ];
    words.map(str::to_owned).to_vec()
}

/// Executes a sweep of a server.
fn sweep_served(folder: &Path, faults: &str, arguments: &[&str]) -> Output {
    let mut command = command(folder, arguments);
    command.args(served(faults));
    command.output().expect("the command")
}

/// One text of the newest trial.
fn newest_trial(folder: &Path, column: &str) -> Option<String> {
    let store = Store::open(folder.join("energy.db")).expect("a file");
    let sql = format!("SELECT {column} FROM v_trials ORDER BY start_unix_ns DESC LIMIT 1");
    let text = store.connection().query_row(&sql, [], |row| row.get(0));
    text.expect("a trial")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Facts of the runs of complete trials, in the order of their configurations.
fn runs(folder: &Path) -> Vec<(Option<i64>, Option<i64>, String, Value)> {
    let store = Store::open(folder.join("energy.db")).expect("a file");
    let sql = "SELECT r.input_tokens, r.output_tokens, r.engine, r.config, r.prompt, r.experiment
               FROM v_trials t JOIN runs r ON r.no = t.run
               WHERE t.status = 'complete' AND r.status = 'complete' ORDER BY t.no";
    let connection = store.connection();
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |r| {
        let config: String = r.get(3)?;
        let mut config: Value = serde_json::from_str(&config).expect("JSON");
        config["prompt"] = r.get::<_, Option<String>>(4)?.into();
        config["experiment"] = r.get::<_, Option<String>>(5)?.into();
        Ok((r.get(0)?, r.get(1)?, r.get(2)?, config))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn each_trial_of_a_server_has_its_own_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let serve = format!("'{SERVER}' {port} stops={{count}} llama");
    let endpoint = format!("http://127.0.0.1:{port}");
    let engine = [
        "--engine",
        "http",
        "--serve",
        &serve,
        "--endpoint",
        &endpoint,
    ];
    let factors = ["--label", "count=2,3", "--max-tokens", "9", "--repeat", "2"];
    let output = sweep(
        folder.path(),
        &[&engine[..], &factors, &["--experiment", "served"]].concat(),
    );
    assert!(output.status.success(), "{}", errors(&output));
    let runs = runs(folder.path());
    assert_eq!(runs.len(), 4);
    for (at, (input, generated, engine, config)) in runs.iter().enumerate() {
        let count = 2 + at as i64 / 2;
        assert!(input.is_some_and(|input| input > 1));
        // Numbers and the end token.
        assert_eq!(*generated, Some(count + 1));
        assert_eq!(engine, "llama.cpp");
        assert_eq!(config["labels"]["count"], count.to_string());
        assert_eq!(config["experiment"], "served");
        assert!(config["prompt"].is_string());
    }
}

#[test]
fn trials_of_any_command_have_their_prompt_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = r#"echo "{\"usage\": {\"prompt_tokens\": $(wc -w < {prompt_file}), \"completion_tokens\": {max_tokens}}}""#;
    let engine = ["--engine", "command", "--command", command];
    let factors = ["--max-tokens", "4,8", "--prompt-file", "prompt.txt"];
    let arguments = [&engine[..], &factors, &["--tokens-json", "usage"]].concat();
    let output = sweep(folder.path(), &arguments);
    assert_eq!(
        output.status.code(),
        Some(2),
        "no prompt: {}",
        errors(&output)
    );
    std::fs::write(folder.path().join("prompt.txt"), "one two three\n").expect("written");
    let output = sweep(folder.path(), &arguments);
    assert!(output.status.success(), "{}", errors(&output));
    let runs = runs(folder.path());
    let counts: Vec<_> = runs
        .iter()
        .map(|run| (run.0, run.1, run.2.as_str()))
        .collect();
    assert_eq!(
        counts,
        [(Some(3), Some(4), "command"), (Some(3), Some(8), "command")]
    );
    for (run, tokens) in runs.iter().zip([4, 8]) {
        assert_eq!(run.3["max_tokens"], tokens);
        assert_eq!(run.3["prompt"], "one two three");
    }
}

#[test]
fn configurations_without_effect_are_refused_before_the_first_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = ["--endpoint", "http://127.0.0.1:1"];
    for (arguments, error) in [
        (
            vec!["--engine", "http"],
            "give the command line of the server with --serve",
        ),
        (
            vec!["--engine", "http", "--serve", "x"],
            "give the address of the server with --endpoint",
        ),
        (
            vec!["--engine", "command"],
            "give the command line with --command",
        ),
        (
            vec!["--engine", "command", "--command", "x", "--threads", "1,2"],
            "has no {threads}",
        ),
        (
            vec!["--engine", "command", "--command", "x", "--batch", "2"],
            "omit --batch",
        ),
        (
            vec!["--engine", "steam"],
            "choose one of: candle, http, command",
        ),
        (
            vec!["--engine", "candle", "--endpoint", "http://127.0.0.1:1"],
            "has no server",
        ),
        (
            vec!["--label", "tp=1,2"],
            "engine candle: --label tp has several values",
        ),
        (
            vec![
                "--engine",
                "command",
                "--command",
                "x",
                "--label",
                "model=a",
            ],
            "choose another key",
        ),
        (
            vec!["--serve", "x"],
            "--serve has no effect without the engine http",
        ),
        (
            vec!["--engine", "http", "--serve", "x", "--tokens-json", "usage"],
            "--tokens-json has no effect without the engine command",
        ),
        (
            vec![
                "--engine",
                "http",
                "--serve",
                "x",
                "--endpoint",
                "http://192.0.2.1",
            ],
            "not an address of this machine",
        ),
        (
            [
                &[
                    "--engine",
                    "http",
                    "--serve",
                    "x {model}",
                    "--model",
                    "named",
                    "--prompt-tokens",
                    "9",
                ],
                &endpoint[..],
            ]
            .concat(),
            "needs the file of the model",
        ),
    ] {
        let output = sweep(folder.path(), &arguments);
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(error), "{arguments:?}: {errors}");
    }
}

#[test]
fn each_process_warms_up_outside_of_the_totals() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["--warmup", "2", "--repeat", "2", "--max-tokens", "3"];
    let output = sweep_served(folder.path(), "llama", &words);
    assert!(output.status.success(), "{}", errors(&output));
    let model = folder.path().join("tiny.gguf");
    tiny::write_gguf(&model, &TinyConfig::default()).expect("a model");
    let candle = [&words[..], &["--model", "tiny.gguf", "--raw"]].concat();
    let output = sweep(folder.path(), &candle);
    assert!(output.status.success(), "{}", errors(&output));
    let path = folder.path().join("energy.db");
    let uuids: Vec<String> = {
        let store = Store::open(&path).expect("a file");
        let mut statement = store
            .connection()
            .prepare("SELECT uuid FROM runs ORDER BY no");
        let statement = statement.as_mut().expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|uuid| uuid.expect("an id")).collect()
    };
    assert_eq!(uuids.len(), 4);
    for uuid in uuids {
        let run = StoredRun::open(&path, &uuid);
        let no = run.no;
        let labels = run.labels();
        assert_eq!(labels["warm_up"], 1, "run {no}: {labels:?}");
        assert_eq!(labels["inference"], 1, "run {no}: {labels:?}");
        let output_tokens = "SELECT output_tokens FROM runs WHERE no = ?1";
        assert!(run.number(output_tokens) <= 3.0, "run {no}");
        // The warm-up is no part of the inference.
        let within =
            "SELECT count(*) FROM nodes c JOIN nodes p ON p.run = c.run AND p.id = c.parent
                      WHERE c.run = ?1 AND c.label = 'warm_up' AND p.label = 'inference'";
        assert_eq!(run.number(within), 0.0, "run {no}");
        let of = |label: &str| {
            format!(
                "FROM spans s JOIN nodes n ON n.run = s.id >> 40 AND n.id = s.node
                 WHERE n.run = ?1 AND n.label = '{label}'"
            )
        };
        let (inference, warm_up) = (of("inference"), of("warm_up"));
        let after = format!(
            "SELECT (SELECT min(s.start_ns) {inference}) >= (SELECT max(s.end_ns) {warm_up})"
        );
        let after = after.as_str();
        assert_eq!(run.number(after), 1.0, "run {no}");
    }
}

#[test]
fn warm_up_executions_of_commands_are_not_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = ["--engine", "command", "--command", "echo x >> executed"];
    let words = ["--warmup", "2", "--repeat", "2"];
    let output = sweep(folder.path(), &[&command[..], &words].concat());
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(runs(folder.path()).len(), 2);
    let executed = std::fs::read_to_string(folder.path().join("executed")).expect("a file");
    assert_eq!(executed.lines().count(), 2 * 3);

    let command = ["--engine", "command", "--command", "echo oops >&2; exit 3"];
    let output = sweep(folder.path(), &[&command[..], &["--warmup", "1"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let errors = errors(&output);
    assert!(
        errors.contains("execution 1 of the warm-up") && errors.contains("oops"),
        "{errors}"
    );
}

#[test]
fn faults_of_a_server_are_failed_trials_with_one_message() {
    let folder = tempfile::tempdir().expect("a folder");
    for (faults, more, error) in [
        (
            "dies=3",
            "",
            "the server ended (exit status: 9) after 3 tokens",
        ),
        (
            "ends",
            "",
            "the server ended (exit status: 7) before it was ready",
        ),
        ("never-ready", "--start-timeout 1s", "is not ready after 1s"),
        ("cuts=3", "", "after 3 tokens"),
        (
            "reports=2",
            "",
            "the server reports an error: the context is full",
        ),
        ("hangs=2", "--timeout 4s", "timeout: it took longer than 4s"),
        ("models=2", "", "the server has 2 models"),
    ] {
        let more: Vec<&str> = more.split_whitespace().collect();
        let output = sweep_served(
            folder.path(),
            faults,
            &[&["--max-tokens", "5"][..], &more].concat(),
        );
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{faults}: {errors}");
        assert_eq!(errors.matches("failed, skipped").count(), 1, "{errors}");
        assert!(errors.contains(error), "{faults}: {errors}");
        assert_eq!(
            newest_trial(folder.path(), "status").as_deref(),
            Some("failed")
        );
        let stored = newest_trial(folder.path(), "error").expect("an error");
        assert!(stored.contains(error), "{faults}: {stored}");
    }
    assert!(runs(folder.path()).is_empty(), "no run counts");
}

#[test]
fn unknown_counts_and_other_clients_are_warnings_of_the_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    for (faults, warning) in [
        ("no-usage", "the server reports no numbers of tokens"),
        ("llama busy", "1 other request when the recorded one began"),
        ("llama metrics others=7", "7 tokens of other requests"),
        ("llama metrics", ""),
    ] {
        let output = sweep_served(folder.path(), faults, &["--max-tokens", "4"]);
        let errors = errors(&output);
        assert!(output.status.success(), "{faults}: {errors}");
        let stored = newest_trial(folder.path(), "warning").unwrap_or_default();
        assert!(
            stored.contains(warning) && errors.contains(warning),
            "{faults}: {stored} {errors}"
        );
        let is_of_client = |text: &str| text.contains("other request");
        assert_eq!(
            is_of_client(&stored),
            is_of_client(warning),
            "{faults}: {stored}"
        );
    }
    // A count that the server does not report is unknown.
    let counts = runs(folder.path());
    let unknown = counts.iter().filter(|run| run.1.is_none());
    assert_eq!((counts.len(), unknown.count()), (4, 1));
}

#[test]
fn dry_runs_find_past_runs_of_servers_and_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = served("stops={count}");
    let server: Vec<&str> = server.iter().map(String::as_str).collect();
    let command = [
        "--engine",
        "command",
        "--command",
        "cat {prompt_file}; echo {max_tokens} {count}",
    ];
    for engine in [&server[..], &command] {
        let estimated = |more: &[&str]| {
            let output = sweep(folder.path(), &[engine, more, &["--dry-run"]].concat());
            assert!(output.status.success(), "{}", errors(&output));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let same = ["--label", "count=2", "--max-tokens", "4"];
        let before = estimated(&same);
        assert!(before.contains("time: unknown (no past runs"), "{before}");
        assert!(before.contains("energy: unknown"), "{before}");
        let output = sweep(folder.path(), &[engine, &same].concat());
        assert!(output.status.success(), "{}", errors(&output));
        let after = estimated(&same);
        assert!(
            after.contains("time: about ") && after.contains("from past runs"),
            "{after}"
        );
        assert!(after.contains("energy: about "), "{after}");
        let both = estimated(&["--label", "count=2,3", "--max-tokens", "4"]);
        assert!(both.contains("of 1 of 2 configurations"), "{both}");
        for other in [
            ["--label", "count=3", "--max-tokens", "4"],
            ["--label", "count=2", "--max-tokens", "5"],
        ] {
            let text = estimated(&other);
            assert!(text.contains("time: unknown"), "{other:?}: {text}");
        }
        let text = estimated(&[&same[..], &["another prompt"]].concat());
        assert!(text.contains("time: unknown"), "{text}");
    }
}

#[test]
fn values_of_placeholders_are_filled_in_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // The value of one label has the name of another one.
    let labels = ["--label", "first={second}", "--label", "second=2"];
    let output = sweep_served(folder.path(), "stops={second} # {first}", &labels);
    assert!(output.status.success(), "{}", errors(&output));
    let config = &runs(folder.path())[0].3;
    let line = config["serve"].as_str().expect("a line");
    assert!(line.ends_with("stops=2 # '{second}'"), "{line}");
}

/// A command that starts a process which ignores signals, writes the id of that process, and waits;
/// with the file `quick` it ends at once.
const STUBBORN: &str = r#"[ -e quick ] && exit 0
sh -c 'trap "" TERM INT HUP; echo $$ > pid.part; mv pid.part pid; while :; do sleep 1; done' &
sleep 1000"#;

/// Returns whether a process runs: one that nobody has reaped has ended.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z")
}

#[cfg(target_os = "linux")]
#[test]
fn descendants_of_a_trial_end_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = [
        "--engine",
        "command",
        "--command",
        STUBBORN,
        "--timeout",
        "3s",
    ];
    let output = sweep(folder.path(), &words);
    let errors = errors(&output);
    assert!(
        errors.contains("timeout: it took longer than 3s"),
        "{errors}"
    );
    let pid = std::fs::read_to_string(folder.path().join("pid")).expect("a process");
    assert!(!is_running(pid.trim()), "it ended with its trial");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_trial_with_its_descendants_and_the_sweep_resumes() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let folder = tempfile::tempdir().expect("a folder");
        let words = [
            "--engine",
            "command",
            "--command",
            STUBBORN,
            "--repeat",
            "2",
        ];
        let mut command = command(folder.path(), &words);
        command.args(["--experiment", "e"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command");
        let file = folder.path().join("pid");
        until("the descendant", || file.exists());
        let pid = std::fs::read_to_string(&file).expect("a process");
        send(&child, signal);
        assert_eq!(wait(&mut child, "the sweep").code(), Some(code));
        assert!(!is_running(pid.trim()), "it ended with its trial");
        let status = newest_trial(folder.path(), "group_concat(status)");
        assert_eq!(status.as_deref(), Some("pending,pending"));

        std::fs::write(folder.path().join("quick"), "").expect("written");
        let resumed = energy(env!("CARGO_BIN_EXE_energy-command"))
            .current_dir(folder.path())
            .args(["sweep", "--resume", "e", "--db", "energy.db"])
            .output()
            .expect("the command");
        assert!(resumed.status.success(), "{}", errors(&resumed));
        assert_eq!(runs(folder.path()).len(), 2);
    }
}
