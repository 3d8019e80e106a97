//! `energy run` and `energy calibrate` fail for a device that the build does not contain, before
//! anything is recorded: the CPU never replaces it.

use std::path::Path;
use std::process::Output;

use energy_models::tiny::{self, TinyConfig};
use energy_tests::{StoredRun, energy};

fn energy_command(folder: &Path, words: &[&str]) -> Output {
    let model = folder.join("tiny.gguf");
    tiny::write_gguf(&model, &TinyConfig::default()).expect("a model");
    let mut command = energy(env!("CARGO_BIN_EXE_energy-command"));
    command.arg("--db").arg(folder.join("energy.db"));
    command.args(words).arg("--model").arg(model);
    command.output().expect("the command")
}

const RUN: [&str; 8] = [
    "run",
    "hello",
    "--raw",
    "--max-tokens=2",
    "--baseline=0s",
    "--source=modelled",
    "--warmup=1",
    "--seed=1",
];

#[test]
fn an_absent_device_is_an_error_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let calibrate = ["calibrate", "--source=modelled"];
    for (words, device) in [
        (&RUN[..], "cuda"),
        (&RUN[..], "cuda:1"),
        (&RUN[..], "metal"),
        (&calibrate[..], "cuda"),
    ] {
        let device_word = format!("--device={device}");
        let output = energy_command(folder.path(), &[words, &[&device_word]].concat());
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{message}");
        let kind = device.split(':').next().expect("a kind");
        for part in [
            format!("`{device}` is not in this build"),
            format!("--features {kind}"),
        ] {
            assert!(message.contains(&part), "{part}: {message}");
        }
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }
    assert!(
        !folder.path().join("energy.db").exists(),
        "nothing is recorded"
    );
}

#[test]
fn options_of_devices_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    for (word, part) in [
        ("--device=tpu", "use cpu, cuda, cuda:N"),
        ("--device=cpu:1", "use cpu, cuda, cuda:N"),
        ("--sync=op", "--sync needs a --device other than cpu"),
        ("--sync=never", "op, layer, token"),
    ] {
        let output = energy_command(folder.path(), &[&RUN[..], &[word]].concat());
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{message}");
        assert!(message.contains(part), "{part}: {message}");
    }
    let output = energy_command(folder.path(), &[&RUN[..], &["--device=cpu"]].concat());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let stored = StoredRun::open(&folder.path().join("energy.db"), "last");
    let sql = "SELECT CAST(json_extract(config, '$.device') = 'cpu'
                 AND json_extract(config, '$.serialized') IS NULL AS REAL) FROM runs WHERE no = ?1";
    assert_eq!(stored.number(sql), 1.0);
}
