//! A pusher that is killed at any moment is followed by one that writes the same objects as one that
//! was never killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::fixture::command::{energy, text};
use crate::fixture::{summed, write};
use crate::lake;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use tracing_energy::Batch;

/// Makes a recording of several runs.
fn file(folder: &Path, runs: u32) {
    let run = |no: u32| -> Batch {
        let mut batch = summed("measured");
        let row = batch.run.as_mut().unwrap();
        row.uuid = format!("{no:08x}-0000-4000-8000-000000000000");
        row.host_id = Some("5eed".into());
        row.start_unix_ns += i64::from(no) * 3_600_000_000_000;
        batch
    };
    write(
        &folder.join("energy.db"),
        &(1..=runs).map(run).collect::<Vec<_>>(),
    );
}

const PUSH: [&str; 4] = ["fleet", "push", "lake", "--nodes"];

fn pushed_and_killed(folder: &Path, after: Duration) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_energy"))
        .current_dir(folder)
        .args(PUSH)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    // SIGKILL; it may have ended.
    let _ = child.kill();
    child.wait().unwrap();
}

fn killed_at_random_moments(kills: u32, seed: u64) {
    let undisturbed = tempfile::tempdir().unwrap();
    file(undisturbed.path(), 4);
    let begun = Instant::now();
    text(&energy(undisturbed.path(), &PUSH));
    let length = begun.elapsed();
    let expected = lake::objects(&undisturbed.path().join("lake"));
    assert_eq!(expected.len(), 4 * 7);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut halfway = 0;
    let mut at = tempfile::tempdir().unwrap();
    file(at.path(), 4);
    for _ in 0..kills {
        pushed_and_killed(at.path(), length.mul_f64(random.random_range(0.05..1.1)));
        let found = lake::objects(&at.path().join("lake"));
        assert!(
            found
                .iter()
                .all(|(name, hash)| expected.get(name) == Some(hash))
        );
        halfway += u32::from(!found.is_empty() && found.len() < expected.len());
        if random.random_bool(0.3) || found.len() == expected.len() {
            text(&energy(at.path(), &PUSH));
            assert_eq!(lake::objects(&at.path().join("lake")), expected);
            lake::check(&at.path().join("lake"));
            at = tempfile::tempdir().unwrap();
            file(at.path(), 4);
        }
    }
    eprintln!("{kills} kills, {halfway} of them between the first and the last object");
    text(&energy(at.path(), &PUSH));
    assert_eq!(lake::objects(&at.path().join("lake")), expected);
}

#[test]
fn pushes_killed_at_some_moments_write_the_same_objects() {
    killed_at_random_moments(8, 1);
}

/// The campaign of `.ci/full`.
#[test]
#[ignore = "takes a minute"]
fn pushes_killed_at_a_hundred_moments_write_the_same_objects() {
    killed_at_random_moments(100, 2);
}
