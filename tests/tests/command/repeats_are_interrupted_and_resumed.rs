//! `energy run --repeat`: every repeat is a separate run in one group, each round has every
//! configuration once, and an interrupted group resumes.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use energy_tests::{energy, energy_run_of, send, until, wait};
use rusqlite::Connection;

const COMMAND: &str = env!("CARGO_BIN_EXE_energy-command");
const PROMPT: &str = "zebras quarrel quietly";

/// A run in the file: its status and its tags.
type RunRecord = (String, BTreeMap<String, String>);

fn run(folder: &Path, more: &[&str]) -> Command {
    let mut command = energy_run_of(COMMAND, folder, PROMPT);
    command
        .current_dir(folder)
        .args(["--db", "energy.db", "--source", "modelled"])
        .args(more);
    command
}

fn ok(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the command");
    let message = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{message}");
    String::from_utf8(stdout).expect("text")
}

fn refused(mut command: Command) -> String {
    let output = command.output().expect("the command");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).expect("text")
}

fn resume(folder: &Path, group: &str) -> Command {
    let mut command = energy(COMMAND);
    command
        .current_dir(folder)
        .args(["run", "--resume", group, "--db", "energy.db"]);
    command
}

/// The runs in the order in which they were made.
fn made(folder: &Path) -> Vec<RunRecord> {
    let database = Connection::open(folder.join("energy.db")).expect("the database");
    let mut rows = database
        .prepare("SELECT no, status FROM runs ORDER BY no")
        .expect("runs");
    let runs = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let runs: Vec<(i64, String)> = runs.expect("runs").map(|run| run.expect("a run")).collect();
    let mut tags = database
        .prepare("SELECT key, value FROM run_tags WHERE run = ?1")
        .expect("tags");
    let mut tags_of = |run: i64| {
        let rows = tags.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("tags").map(|tag| tag.expect("a tag")).collect()
    };
    runs.into_iter()
        .map(|(no, status)| (status, tags_of(no)))
        .collect()
}

#[test]
fn each_round_has_every_configuration_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = ["--repeat", "3", "--max-tokens", "4,12", "--group", "two"];
    let message = ok(run(folder.path(), &more));
    assert!(message.contains("experiment two: 6 runs"), "{message}");
    assert!(message.contains("modelled"), "{message}");
    let runs = made(folder.path());
    assert_eq!(runs.len(), 6);
    for (round, runs) in runs.chunks(2).enumerate() {
        let mut configs = Vec::new();
        for (status, tags) in runs {
            assert_eq!(status, "complete");
            assert_eq!(tags["group"], "two");
            assert_eq!(tags["repeat"], (round + 1).to_string());
            configs.push(tags["config"].as_str());
        }
        configs.sort_unstable();
        assert_eq!(configs, ["12", "4"]);
    }

    let again = refused(run(folder.path(), &more));
    assert!(again.contains("--resume two"), "{again}");
    let unknown = refused(resume(folder.path(), "three"));
    assert!(unknown.contains("choose one of: two"), "{unknown}");
    ok(resume(folder.path(), "two"));
    assert_eq!(made(folder.path()).len(), 6, "nothing was left to do");
}

#[test]
fn an_interrupted_group_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    // The pause is long, so that the signal arrives during it or a run.
    let more = ["--repeat", "2", "--cooldown", "1000s", "--group", "g"];
    let mut command = run(folder.path(), &more);
    command.args(["--max-tokens", "4"]).stdout(Stdio::null());
    let prepare = || {
        // SAFETY: a plain system call with no handler of ours: whoever runs the tests
        // may have the signal ignored.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
        Ok(())
    };
    // SAFETY: between fork and exec it calls `signal` alone, which may be called there.
    unsafe { command.pre_exec(prepare) };
    let mut child = command.spawn().expect("the command");
    let first_is_whole = || {
        let path = folder.path().join("energy.db");
        let status = |database: Connection| {
            let sql = "SELECT count(*) FROM runs WHERE status = 'complete'";
            database.query_row(sql, [], |row| row.get::<_, i64>(0))
        };
        path.exists() && Connection::open(path).and_then(status) == Ok(1)
    };
    until("the first repeat", first_is_whole);
    send(&child, libc::SIGINT);
    assert_eq!(wait(&mut child, "energy run").code(), Some(130));
    assert_eq!(made(folder.path()).len(), 1);

    // The remaining plan is in the file; a shorter pause avoids a long wait.
    let database = Connection::open(folder.path().join("energy.db")).expect("the database");
    let changed = database.execute(
        "UPDATE experiments SET plan = json_set(plan, '$.cooldown_ms', 1)",
        [],
    );
    assert_eq!(changed, Ok(1));
    drop(database);
    ok(resume(folder.path(), "g"));
    let runs = made(folder.path());
    let repeats: Vec<&str> = runs.iter().map(|(_, tags)| &*tags["repeat"]).collect();
    assert_eq!(repeats, ["1", "2"]);
    assert!(runs.iter().all(|(status, _)| status == "complete"));
}

#[test]
fn a_changed_model_is_reported_and_texts_are_omitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = ["--repeat", "2", "--max-tokens", "4", "--group", "g"];
    let mut command = run(folder.path(), &more);
    command.arg("--no-text");
    ok(command);
    let path = folder.path().join("energy.db");
    let bytes = std::fs::read(&path).expect("readable");
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(!holds(PROMPT.as_bytes()), "the prompt is in the file");

    let error = refused(resume(folder.path(), "g"));
    assert!(error.contains("give the same prompt"), "{error}");
    let mut same = resume(folder.path(), "g");
    same.arg(PROMPT);
    ok(same);

    let model = folder.path().join("tiny.gguf");
    let mut bytes = std::fs::read(&model).expect("the model");
    bytes.push(0);
    std::fs::write(&model, bytes).expect("written");
    let mut same = resume(folder.path(), "g");
    same.arg(PROMPT);
    let changed = refused(same);
    assert!(changed.contains("--force"), "{changed}");
    let mut forced = resume(folder.path(), "g");
    forced.args(["--force", PROMPT]);
    ok(forced);
}
