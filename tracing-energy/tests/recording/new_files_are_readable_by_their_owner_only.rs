//! A recording and its log files are readable by the user who created them, and by others
//! only if the program permits it.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use energy_host::files::FileAccess;
use energy_power::SourceChoice;
use energy_store::{SqliteSink, Store};
use tracing_energy::EnergyLayer;

fn mode(path: impl AsRef<Path>) -> u32 {
    let path = path.as_ref();
    let metadata = std::fs::metadata(path);
    let metadata = metadata.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

fn log_file(path: &Path, end: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[test]
fn a_new_recording_and_its_logs_are_readable_by_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    let sink = SqliteSink::create(&path).unwrap();
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(log_file(&path, end)), 0o600, "{end:?}");
    }
    drop(sink);
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn logs_of_an_existing_recording_have_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("energy.db");
    drop(SqliteSink::create(&path).unwrap());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660)).unwrap();
    let _sink = SqliteSink::create_for(&path, FileAccess::All).unwrap();
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(log_file(&path, end)), 0o660, "{end:?}");
    }
}

#[test]
fn the_builder_widens_the_database_and_the_trace() {
    // The umask of the tests' user may clear bits of group and others.
    let plain = tempfile::tempdir().unwrap();
    std::fs::write(plain.path().join("plain"), "").unwrap();
    let umask_of = mode(plain.path().join("plain"));
    for (access, wanted) in [(None, 0o600), (Some(FileAccess::All), 0o644 & umask_of)] {
        let folder = tempfile::tempdir().unwrap();
        let [database, trace] = ["energy.db", "trace.json"].map(|name| folder.path().join(name));
        let mut builder = EnergyLayer::builder()
            .database_ignoring_env(&database)
            .chrome(&trace)
            .source(SourceChoice::Modelled)
            .interval(Duration::from_millis(20));
        if let Some(access) = access {
            builder = builder.readable_by(access);
        }
        let (_layer, guard) = builder.build().unwrap();
        assert_eq!([mode(&database), mode(&trace)], [wanted; 2]);
        guard.finish();
        assert_eq!([mode(&database), mode(&trace)], [wanted; 2]);
    }
}

#[test]
fn non_regular_files_are_refused_as_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, what) in [
        (folder.path(), "it is a folder"),
        (socket.as_path(), "it is a socket"),
        (Path::new("/dev/null"), "it is a device"),
    ] {
        let errors = [
            Store::open(path).err(),
            Store::open_writable(path).err(),
            Store::create(path).err(),
            SqliteSink::create(path).err(),
        ];
        for error in errors {
            let error = error.expect("refused").to_string();
            assert!(error.contains(what) && error.contains("give"), "{error}");
        }
    }
}
