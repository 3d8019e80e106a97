//! A database that cannot be written is refused before anything is recorded, with
//! its name and the next step, and stays as it is.

use std::path::Path;
use std::process::Command;

use energy_store::SCHEMA_VERSION;
use energy_tests::{modelled, record, tokens};
use rusqlite::Connection;

/// Returns the builder's error for the database at `path`.
fn refusal(path: &Path) -> String {
    let builder = modelled(path);
    let error = builder.build().expect_err("refused");
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn a_file_of_a_newer_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    record(&path, || tokens(3));
    let database = Connection::open(&path).expect("the database");
    let newer = SCHEMA_VERSION as i64 + 1;
    database
        .pragma_update(None, "user_version", newer)
        .expect("changed");
    drop(database);
    let before = std::fs::read(&path).expect("its bytes");
    let text = refusal(&path);
    assert!(
        text.contains("newer version") && text.contains("update this program"),
        "{text}"
    );
    assert_eq!(std::fs::read(&path).expect("its bytes"), before);
}

#[test]
fn a_file_of_another_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("addresses.db");
    let database = Connection::open(&path).expect("a database");
    database
        .execute_batch("CREATE TABLE addresses (name TEXT)")
        .expect("a table");
    drop(database);
    assert!(refusal(&path).contains("no recording: give another file"));
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "no database at all, but long enough to look like one",
    )
    .expect("written");
    assert!(refusal(&text).contains("give another file"));
}

#[test]
fn a_missing_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("not/there/energy.db");
    assert!(refusal(&path).contains("check that the folder exists"));
    assert!(!path.exists());
}

/// Root may write to any file: then the recorded program runs as nobody.
#[test]
#[cfg(unix)]
fn a_file_that_is_read_only() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    record(&path, || tokens(3));
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("allowed");
    };
    allow(&path, 0o444);
    allow(folder.path(), 0o555);
    let mut program = Command::new(env!("CARGO_BIN_EXE_recorded-program"));
    program.arg(&path);
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } == 0 {
        const NOBODY: u32 = 65_534;
        program.uid(NOBODY).gid(NOBODY);
    }
    let output = program.output();
    allow(folder.path(), 0o755);
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            eprintln!("SKIPPED: an unprivileged user may not run the test's programs");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("energy.db") && text.contains("writable"),
        "{text}"
    );
}
