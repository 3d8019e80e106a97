//! `energy sweep`: factors, prompts, failures, limits, and what it prints.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use energy_models::tiny::{self, TinyConfig};
use energy_tests::{FakeSensor, energy, until, wait};
use rusqlite::Connection;
use serde_json::Value;

const COMMAND: &str = env!("CARGO_BIN_EXE_energy-command");

/// Creates the model in `folder`.
fn model(folder: &Path) {
    let config = TinyConfig {
        context_length: 65_536,
        ..TinyConfig::default()
    };
    tiny::write_gguf(folder.join("tiny.gguf"), &config).expect("a model");
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = energy(COMMAND);
    command
        .current_dir(folder)
        .args(words)
        .args(["--db", "energy.db"]);
    command
}

/// Returns `energy sweep` of the model without a baseline.
fn sweep(folder: &Path, more: &[&str]) -> Command {
    sweep_of("modelled", folder, more)
}

/// Returns the same command with another power source.
fn sweep_of(source: &str, folder: &Path, more: &[&str]) -> Command {
    let words = ["sweep", "--raw", "--baseline", "0s", "--source", source];
    let mut command = command(folder, &words);
    command.args(more);
    if !more.contains(&"--model") {
        command.args(["--model", "tiny.gguf"]);
    }
    command
}

fn output(mut command: Command) -> (Output, String, String) {
    let output = command.output().expect("the command");
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let (out, err) = (out.into_owned(), err.into_owned());
    (output, out, err)
}

fn ok(command: Command) -> (String, String) {
    let (output, out, err) = output(command);
    assert!(output.status.success(), "{err}");
    (out, err)
}

fn refused(command: Command) -> String {
    let (output, _, err) = output(command);
    assert_eq!(output.status.code(), Some(2), "{err}");
    err
}

/// Returns the rows of a query as JSON.
fn rows(folder: &Path, sql: &str) -> Vec<Value> {
    let (out, _) = ok(command(folder, &["query", sql, "--format", "json"]));
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let columns = answer["columns"].as_array().expect("columns");
    let object = |row: &Value| {
        let values = row.as_array().expect("values").iter().cloned();
        let names = columns.iter().map(|name| name.as_str().expect("a name"));
        names.map(str::to_owned).zip(values).collect()
    };
    let rows = answer["rows"].as_array().expect("rows");
    rows.iter().map(|row| Value::Object(object(row))).collect()
}

#[test]
fn made_prompts_have_exactly_the_requested_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = [
        "--prompt-tokens",
        "1,7,64..256x2",
        "--batch",
        "1,3",
        "--max-tokens",
        "2",
    ];
    let (out, err) = ok(sweep(folder.path(), &more));
    let cells = |row: &str| {
        row.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let has = |row: &str| cells(row).starts_with(&["256".to_owned(), "3".to_owned()]);
    assert!(out.lines().any(has), "{out}");
    assert!(err.contains("[10/10]"), "{err}");
    let runs = rows(
        folder.path(),
        "select t.config, r.input_tokens, r.batch, r.prompt is null as unstored
         from v_trials t join runs r on r.no = t.run",
    );
    assert_eq!(runs.len(), 10);
    for run in runs {
        let config: Value = serde_json::from_str(run["config"].as_str().unwrap()).unwrap();
        let tokens = config["prompt_tokens"].as_i64().unwrap();
        let batch = config["batch"].as_i64().unwrap();
        assert_eq!(run["batch"], batch);
        assert_eq!(run["input_tokens"], tokens * batch, "{config}");
        assert_eq!(run["unstored"], 1);
    }
}

#[test]
fn a_long_prompt_is_stored_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = TinyConfig {
        layers: 1,
        context_length: 16_384,
        ..TinyConfig::default()
    };
    tiny::write_gguf(folder.path().join("tiny.gguf"), &config).expect("a model");
    // Long texts of few tokens: attention over the text is quick.
    let (word, count) = ("<|endoftext|>", 11_600);
    let prompt = word.repeat(count);
    assert!(prompt.len() > 150_000);
    std::fs::write(folder.path().join("prompt.txt"), &prompt).expect("written");
    let more = [
        "--prompt-file",
        "prompt.txt",
        "--max-tokens",
        "1",
        "--repeat",
        "2",
    ];
    for no_text in [false, true] {
        let mut sweep = sweep(folder.path(), &more);
        if no_text {
            sweep.arg("--no-text");
        }
        ok(sweep);
    }
    let runs = rows(folder.path(), "select input_tokens, prompt from runs");
    assert_eq!(runs.len(), 4);
    for run in runs {
        assert_eq!(run["input_tokens"].as_u64(), u64::try_from(count).ok());
        assert_eq!(run["prompt"], Value::Null);
    }
    let plans = "select length(plan) as plan from experiments order by 1";
    let plans = rows(folder.path(), plans);
    let length = |row: &Value| row["plan"].as_i64().expect("a length");
    assert!(length(&plans[0]) < 10_000, "no text is stored");
    assert!(length(&plans[1]) > 150_000, "the text is stored once");
}

#[test]
fn failing_cells_are_stored_with_their_error_and_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    // The second prompt does not fit into the context.
    let more = [
        "--prompt-tokens",
        "8,70000",
        "--max-tokens",
        "2",
        "--repeat",
        "2",
    ];
    let mut first = sweep(folder.path(), &more);
    first.args(["--experiment", "long", "--format", "json"]);
    let (out, err) = ok(first);
    assert!(err.contains("70000, run 1: failed, skipped"), "{err}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let schema = energy_analyzer::schema("sweep").expect("a schema");
    let schema = serde_json::from_str(schema).expect("JSON");
    let valid = jsonschema::validate(&schema, &answer);
    assert!(valid.is_ok(), "{valid:?}");
    assert_eq!(
        (answer["complete"].as_i64(), answer["failed"].as_i64()),
        (Some(2), Some(2))
    );
    let error = answer["failures"][0]["error"].as_str().expect("an error");
    assert!(error.contains("70000"), "{error}");
    let rows_of = answer["configurations"].as_array().expect("rows");
    assert_eq!(rows_of[1]["j_per_token"], Value::Null);
    assert!(rows_of[0]["lo_j_per_token"].as_f64() <= rows_of[0]["j_per_token"].as_f64());

    // Nothing is left to do, unless failed runs are repeated.
    let (_, err) = ok(command(folder.path(), &["sweep", "--resume", "long"]));
    assert!(!err.contains("failed, skipped"), "{err}");
    let (_, err) = ok(command(
        folder.path(),
        &["sweep", "--resume", "long", "--retry-failed"],
    ));
    assert_eq!(err.matches("failed, skipped").count(), 2, "{err}");
    // What the plan stores cannot be given again: it would be ignored.
    for stored in [
        ["--max-tokens", "9"],
        ["--batch", "2"],
        ["--baseline", "0s"],
        ["--repeat", "9"],
    ] {
        let [option, value] = stored;
        let given = command(folder.path(), &["sweep", "--resume", "long", option, value]);
        let error = refused(given);
        assert!(
            error.contains("cannot be used with") && error.contains(option),
            "{error}"
        );
    }
    let all = refused(command(folder.path(), &["sweep", "--resume"]));
    assert!(all.contains("all experiments are complete"), "{all}");
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = ["--max-tokens", "60000", "--timeout", "300ms"];
    let (result, out, err) = output(sweep(folder.path(), &more));
    assert!(err.contains("timeout: it took longer than 300ms"), "{err}");
    assert!(out.contains("--retry-failed"), "{out}");
    assert_eq!(result.status.code(), Some(1), "no run is complete");
    assert!(err.contains("no run is complete"), "{err}");
}

#[test]
fn deleted_runs_are_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = ["--max-tokens", "1..3", "--experiment", "three"];
    ok(sweep(folder.path(), &more));
    let select = "select run_uuid from v_trials where configuration = '2'";
    let before = rows(folder.path(), select)[0]["run_uuid"].clone();
    let uuid = before.as_str().expect("an id");
    ok(command(folder.path(), &["delete", "--yes", uuid]));
    ok(command(folder.path(), &["sweep", "--resume", "three"]));
    let after = rows(folder.path(), select)[0]["run_uuid"].clone();
    assert_ne!(before, after);
    assert_eq!(rows(folder.path(), "select 1 from runs").len(), 3);

    // An experiment without runs is deleted with the last one.
    ok(command(folder.path(), &["delete", "--yes", "group=three"]));
    assert_eq!(rows(folder.path(), "select 1 from experiments").len(), 0);
    assert_eq!(rows(folder.path(), "select 1 from trials").len(), 0);
}

#[test]
fn a_dry_run_estimates_from_past_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = [
        "--max-tokens",
        "2,4",
        "--batch",
        "1,2",
        "--repeat",
        "3",
        "--dry-run",
    ];
    let (out, _) = ok(sweep(folder.path(), &more));
    assert!(out.contains("4 configurations, 12 runs"), "{out}");
    assert!(out.contains("time: unknown (no past runs"), "{out}");
    assert!(out.contains("energy: unknown"), "{out}");
    assert!(
        !folder.path().join("energy.db").exists(),
        "nothing was written"
    );
    ok(sweep(folder.path(), &["--max-tokens", "2,4"]));
    let (out, _) = ok(sweep(folder.path(), &more));
    assert!(
        out.contains("time: about ") && out.contains("of 2 of 4 configurations"),
        "{out}"
    );
    assert!(out.contains("energy: about "), "{out}");
    let experiments = rows(folder.path(), "select 1 from experiments");
    assert_eq!(experiments.len(), 1, "a dry run stores nothing");
}

#[test]
fn wrong_factors_and_values_are_one_clear_message() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    for (more, text) in [
        (&["--requantize", "q3"][..], "use auto, none, q8_0, f32"),
        (&["--batch", "0..4"], "use numbers from 1 to 256"),
        (&["--batch", "4..1"], "range 4..1 is empty"),
        (&["--prompt-tokens", "8", "a prompt"], "cannot be used with"),
        (&["--engine", "steam"], "choose one of: candle"),
        (&["--endpoint", "http://127.0.0.1:1"], "omit --endpoint"),
        (&["--model", "none.gguf"], "no such file"),
        (&["--colour", "red"], "unexpected argument '--colour'"),
        (&["--label", "tp"], "write KEY=V1,V2"),
        (&["--label", "tp=1,2"], "--label tp has several values"),
        (&["--api", "chat"], "--api has no effect"),
        (&["--device", "cuda"], "cuda"),
        (
            &["--max-tokens", "1..10000", "--batch", "1..9"],
            "configurations exceed",
        ),
    ] {
        let error = refused(sweep(folder.path(), more));
        assert!(error.contains(text), "{more:?}: {error}");
        assert!(!folder.path().join("energy.db").exists(), "{more:?}");
    }
}

#[test]
fn threads_are_a_factor_and_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    ok(sweep(
        folder.path(),
        &["--threads", "1,3", "--max-tokens", "2"],
    ));
    let sql = "select t.configuration as wanted, r.config ->> '$.threads' as used
               from v_trials t join runs r on r.no = t.run order by 1";
    let found = rows(folder.path(), sql);
    let found: Vec<(&str, String)> = found
        .iter()
        .map(|row| (row["wanted"].as_str().unwrap(), row["used"].to_string()))
        .collect();
    assert_eq!(found.len(), 2);
    for (wanted, used) in found {
        assert_eq!(used.trim_matches('"'), wanted);
    }
    let mut single = command(
        folder.path(),
        &["run", "again", "--model", "tiny.gguf", "--raw"],
    );
    single.args(["--baseline", "0s", "--threads", "2", "--max-tokens", "2"]);
    ok(single);
    let sql = "select config ->> '$.threads' as used from runs order by no desc limit 1";
    assert_eq!(
        rows(folder.path(), sql)[0]["used"]
            .to_string()
            .trim_matches('"'),
        "2"
    );
}

#[test]
fn one_of_several_simultaneous_sweeps_gets_the_name() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let begin = |_| {
        let mut sweep = sweep(
            folder.path(),
            &["--max-tokens", "1", "--experiment", "same"],
        );
        sweep.stdout(Stdio::null()).stderr(Stdio::piped());
        sweep.spawn().expect("the command")
    };
    let all: Vec<_> = (0..3).map(begin).collect();
    let mut codes = Vec::new();
    for child in all {
        let output = child.wait_with_output().expect("the command");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            let text = "experiment same exists; resume it with --resume same";
            assert!(errors.contains(text), "{errors}");
        }
        codes.push(output.status.code());
    }
    codes.sort();
    assert_eq!(codes, [Some(0), Some(2), Some(2)]);
    let count = "select count(*) as n from experiments";
    assert_eq!(rows(folder.path(), count)[0]["n"], 1);
    assert_eq!(rows(folder.path(), "select 1 from runs").len(), 1);
}

#[test]
fn one_configuration_without_factors_is_an_experiment() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = [
        "a prompt",
        "--label",
        "host=a",
        "--experiment",
        "one",
        "--repeat",
        "2",
    ];
    let (out, _) = ok(sweep(folder.path(), &more));
    assert!(
        out.contains("experiment one: 2 runs") && out.contains("(all)"),
        "{out}"
    );
    let labels = "select config ->> '$.labels.host' as host from runs";
    let labels = rows(folder.path(), labels);
    assert_eq!(labels.len(), 2);
    assert!(labels.iter().all(|row| row["host"] == "a"), "{labels:?}");
}

#[test]
fn complete_runs_of_failed_trials_do_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = ["--max-tokens", "1,2", "--repeat", "2", "--experiment", "e"];
    ok(sweep(folder.path(), &more));
    let database = Connection::open(folder.path().join("energy.db")).expect("the database");
    let sql = "UPDATE trials SET status = 'failed', error = 'timeout' WHERE no = 1";
    assert_eq!(database.execute(sql, []), Ok(1));
    drop(database);
    ok(command(folder.path(), &["sweep", "--resume", "e"]));
    let tags = "select t.key || '=' || t.value as tag from run_tags t
                join v_trials v on v.run = t.run
                where v.no = 1 and t.key in ('group', 'replaced')";
    let tags = rows(folder.path(), tags);
    assert_eq!(tags.len(), 1, "{tags:?}");
    assert_eq!(tags[0]["tag"], "replaced=failed");
    let grouped = "select count(*) as n from run_tags where key = 'group' and value = 'e'";
    assert_eq!(rows(folder.path(), grouped)[0]["n"], 3);
    // Another trial takes its place.
    let retry = [
        "sweep",
        "--resume",
        "e",
        "--retry-failed",
        "--format",
        "json",
    ];
    let (out, _) = ok(command(folder.path(), &retry));
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let counts = ["complete", "failed"].map(|key| answer[key].as_i64());
    assert_eq!(counts, [Some(4), Some(0)]);
    assert_eq!(rows(folder.path(), grouped)[0]["n"], 4);
}

#[test]
fn two_processes_cannot_execute_one_experiment() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = [
        "--repeat",
        "2",
        "--cooldown",
        "1000s",
        "--max-tokens",
        "1",
        "--experiment",
        "e",
    ];
    let mut first = sweep(folder.path(), &more);
    first.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = first.spawn().expect("the command");
    until("the first run", || {
        let path = folder.path().join("energy.db");
        let sql = "SELECT count(*) FROM trials WHERE status = 'complete'";
        let count = |database: Connection| database.query_row(sql, [], |row| row.get::<_, i64>(0));
        path.exists() && Connection::open(path).and_then(count) == Ok(1)
    });
    let (output, _, err) = output(command(folder.path(), &["sweep", "--resume", "e"]));
    assert_eq!(output.status.code(), Some(1));
    let text = format!("experiment e is being executed by process {}", child.id());
    assert!(err.contains(&text), "{err}");
    energy_tests::send(&child, libc::SIGTERM);
    assert_eq!(wait(&mut child, "the sweep").code(), Some(143));
}

#[test]
fn merged_files_hold_their_experiments() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    ok(sweep(
        folder.path(),
        &["--max-tokens", "1,2", "--experiment", "e"],
    ));
    let (out, _) = ok({
        let mut merge = energy(COMMAND);
        merge.current_dir(folder.path());
        merge.args(["merge", "energy.db", "--db", "all.db"]);
        merge
    });
    assert!(out.contains("1 experiment(s) copied"), "{out}");
    let all = Connection::open(folder.path().join("all.db")).expect("the database");
    let sql = "SELECT count(*) FROM v_trials WHERE run IS NOT NULL";
    assert_eq!(all.query_row(sql, [], |row| row.get::<_, i64>(0)), Ok(2));
}

#[test]
fn own_cpu_time_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let (out, _) = ok(sweep(folder.path(), &["--max-tokens", "1,2"]));
    let line = out.lines().find(|line| line.contains("CPU time: runs"));
    assert!(line.is_some_and(|line| line.contains('%')), "{out}");
}

/// A sensor of 4 W.
fn sensor() -> FakeSensor {
    FakeSensor::new(env!("CARGO_BIN_EXE_fake-powermetrics")).set("WATTS", "cpu=4")
}

#[test]
fn throttled_runs_are_reported_and_repeated_once() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = [
        "--max-tokens",
        "1500",
        "--experiment",
        "hot",
        "--format",
        "json",
    ];
    let mut hot = sweep_of("powermetrics", folder.path(), &more);
    hot.args(["--interval", "20ms", "--repeat-throttled"]);
    hot.envs(sensor().set("MISBEHAVE", "hot:0").environment());
    let (out, err) = ok(hot);
    assert!(err.contains("throttled by heat"), "{err}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let counts = ["complete", "replaced", "pending"].map(|key| answer[key].as_i64());
    assert_eq!(
        counts,
        [Some(1), Some(1), Some(0)],
        "repeated once: {answer}"
    );
    let tags = "select count(*) as n from run_tags where key = 'group' and value = 'hot'";
    assert_eq!(
        rows(folder.path(), tags)[0]["n"],
        1,
        "the first run left its group"
    );
    let replaced = "select count(*) as n from run_tags g
                    join v_trials t on t.run = g.run and t.status = 'replaced'
                    where g.key = 'replaced'";
    assert_eq!(rows(folder.path(), replaced)[0]["n"], 1, "with a tag");
}

#[test]
fn pauses_end_when_power_is_idle_again() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let more = ["--max-tokens", "1", "--repeat", "3", "--cooldown", "1000s"];
    let mut sweep = sweep_of("powermetrics", folder.path(), &more);
    sweep.args(["--interval", "50ms"]);
    sweep.envs(sensor().environment());
    // A pause of 1000 s would exceed any patience.
    ok(sweep);
    let plan = "select plan ->> '$.idle_w' as watts from experiments";
    let watts = rows(folder.path(), plan)[0]["watts"].to_string();
    let watts: f64 = watts.trim_matches('"').parse().expect("watts");
    assert!((watts - 4.0).abs() < 0.1, "{watts}");
}

#[test]
fn a_changed_program_is_reported_and_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    let program = folder.path().join("energy");
    std::fs::copy(COMMAND, &program).expect("copied");
    let of_copy = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).args(words);
        command.args(["--db", "energy.db"]).stdin(Stdio::null());
        command
    };
    let words = ["sweep", "--model", "tiny.gguf", "--raw", "--baseline", "0s"];
    let mut first = of_copy(&words);
    first.args([
        "--source",
        "modelled",
        "--max-tokens",
        "1..2",
        "--experiment",
        "e",
    ]);
    let (_, err) = ok(first);
    assert!(!err.contains("has changed"), "{err}");
    let deleted = rows(folder.path(), "select run_uuid from v_trials where no = 1");
    let deleted = deleted[0]["run_uuid"].as_str().expect("an id").to_owned();
    ok(command(folder.path(), &["delete", "--yes", &deleted]));
    // Bytes after its end do not change what it does.
    let file = std::fs::OpenOptions::new().append(true).open(&program);
    std::io::Write::write_all(&mut file.expect("the program"), b"changed").expect("written");
    let (_, err) = ok(of_copy(&["sweep", "--resume", "e"]));
    let text = "the program has changed since the experiment began";
    assert!(err.contains(text), "{err}");
    let stored = "select no from trials where warning like '%program has changed%'";
    assert_eq!(rows(folder.path(), stored)[0]["no"], 1);
}

#[test]
fn damaged_plans_and_trials_are_one_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    model(folder.path());
    ok(sweep(
        folder.path(),
        &["--max-tokens", "1,2", "--experiment", "e"],
    ));
    let path = folder.path().join("energy.db");
    let change = |sql: &str| {
        let database = Connection::open(&path).expect("the database");
        database.execute_batch(sql).expect("changed");
    };
    for (damage, text) in [
        (
            "UPDATE trials SET config = '[1]'",
            "configuration cannot be read",
        ),
        (
            "UPDATE trials SET config = '{\"batch\":-1}'",
            "configuration cannot be read",
        ),
        (
            "UPDATE experiments SET plan = '{}'",
            "the stored plan cannot be used",
        ),
        ("UPDATE experiments SET plan = x'ff00'", "energy.db"),
    ] {
        change(damage);
        let (output, _, err) = output(command(folder.path(), &["sweep", "--resume", "e"]));
        assert!(!output.status.success());
        assert!(
            err.starts_with("energy: ") && !err.contains("panicked"),
            "{err}"
        );
        assert!(err.contains(text), "{damage}: {err}");
    }
    let no_trial = ["run", "--trial", "none:1"];
    assert!(refused(command(folder.path(), &no_trial)).contains("there is no trial none:1"));
}
