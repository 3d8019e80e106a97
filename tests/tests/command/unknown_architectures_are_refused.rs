//! `energy run` refuses a model of an unknown architecture, and runs it with `--assume`,
//! which the run's configuration contains.

use std::path::Path;
use std::process::Output;

use energy_models::tiny::{self, TinyConfig};
use energy_tests::{StoredRun, energy};
use tracing_energy::Store;

fn run(folder: &Path, model: &str, more: &[&str]) -> Output {
    let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
    command.arg("--db").arg(folder.join("energy.db"));
    command.args([
        "run",
        "hello",
        "--raw",
        "--max-tokens",
        "2",
        "--model",
        model,
    ]);
    command.args(["--baseline", "0s", "--source", "modelled"]);
    command.args(more).output().expect("the command")
}

#[test]
fn an_unknown_architecture_runs_only_if_assumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("unknown.gguf");
    tiny::write_gguf(&path, &TinyConfig::default()).expect("a model");
    let mut bytes = std::fs::read(&path).expect("a file");
    for at in 0..bytes.len() - 5 {
        if &bytes[at..at + 5] == b"llama" {
            bytes[at..at + 5].copy_from_slice(b"lemma");
        }
    }
    std::fs::write(&path, bytes).expect("a file");
    let model = path.to_str().expect("a path");

    let refused = run(folder.path(), model, &[]);
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    for part in [
        "`lemma` is not supported",
        "--assume",
        "two halves of a head",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }

    // A run without a model has no results, so that it is not kept.
    let path = folder.path().join("energy.db");
    let runs = |sql: &str| {
        Store::open(&path)
            .expect("a file")
            .connection()
            .query_row(sql, [], |r| r.get::<_, i64>(0))
    };
    assert_eq!(runs("SELECT count(*) FROM runs").expect("a count"), 0);

    let assumed = run(folder.path(), model, &["--assume"]);
    let message = String::from_utf8_lossy(&assumed.stderr);
    assert!(assumed.status.success(), "{message}");
    assert!(message.contains("two halves of a head"), "{message}");
    let stored = StoredRun::open(&folder.path().join("energy.db"), "last");
    let sql = "SELECT json_array_length(config, '$.assumed') FROM runs WHERE no = ?1";
    assert!(stored.number(sql) >= 5.0);
}
