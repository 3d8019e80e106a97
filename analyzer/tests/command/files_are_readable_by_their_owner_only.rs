//! Files that commands create are readable by their owner only, unless an option widens
//! it; existing files keep their permissions; a folder in a file's place is reported.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::fixture::command::{energy, errors, text};
use crate::fixture::sides::{RunSpec, recording};

fn mode(path: impl AsRef<Path>) -> u32 {
    let path = path.as_ref();
    let metadata = std::fs::metadata(path);
    let metadata = metadata.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Commands that write `out`, and whether that is a folder.
const WRITING: [(&[&str], bool); 7] = [
    (&["report", "-o", "out"], false),
    (&["flamegraph", "-o", "out"], false),
    (&["flamegraph", "-o", "-", "--folded", "out"], false),
    (&["export", "chrome", "-o", "out"], false),
    (&["export", "json", "-o", "out"], false),
    (&["export", "csv", "-o", "out"], true),
    (&["merge", "energy.db", "--into", "out"], false),
];

/// A folder with a recording.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &[RunSpec::default()]);
    folder
}

/// All files below a path.
fn files(path: &Path) -> Vec<std::path::PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap();
    entries
        .flat_map(|entry| files(&entry.unwrap().path()))
        .collect()
}

fn run(folder: &Path, arguments: &[&str]) {
    let output = energy(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        errors(&output)
    );
}

#[test]
fn new_files_are_private_unless_an_option_widens_them() {
    let folder = folder();
    std::fs::write(folder.path().join("plain"), "").unwrap();
    let umask_of = mode(folder.path().join("plain"));
    let out = folder.path().join("out");
    for (arguments, is_folder) in WRITING {
        for (widened, wanted) in [
            (&[][..], 0o600),
            (&["--readable-by", "all"], 0o644 & umask_of),
        ] {
            run(folder.path(), &[arguments, widened].concat());
            let made = files(&out);
            assert!(!made.is_empty(), "{arguments:?}");
            for file in made {
                assert_eq!(mode(&file), wanted, "{arguments:?} {}", file.display());
            }
            match is_folder {
                true => {
                    assert_eq!(mode(&out) & 0o700, 0o700);
                    assert_eq!(mode(&out) & 0o077 == 0, wanted == 0o600);
                    std::fs::remove_dir_all(&out).unwrap();
                }
                false => std::fs::remove_file(&out).unwrap(),
            }
        }
    }
}

#[test]
fn existing_files_keep_their_mode_also_where_a_link_leads_to_them() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    for (arguments, _) in WRITING
        .iter()
        .filter(|(arguments, is_folder)| !is_folder && arguments[0] != "merge")
    {
        for link in [false, true] {
            let real = at(if link { "real" } else { "out" });
            std::fs::write(&real, "old").unwrap();
            set_mode(&real, 0o664);
            if link {
                symlink("real", at("out")).unwrap();
            }
            run(folder.path(), arguments);
            assert_eq!(mode(&real), 0o664, "{arguments:?}");
            assert_ne!(std::fs::read(&real).unwrap(), b"old", "{arguments:?}");
            let names = std::fs::read_dir(folder.path()).unwrap();
            let left = names.filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .ends_with(".part")
            });
            assert_eq!(left.count(), 0);
            for name in ["out", "real"] {
                let _ = std::fs::remove_file(at(name));
            }
        }
    }
}

/// A predictable name could be a link that somebody else has created.
#[test]
fn drafts_of_exports_do_not_follow_links() {
    let folder = folder();
    let other = folder.path().join("other");
    std::fs::write(&other, "mine").unwrap();
    symlink(&other, folder.path().join("out.part")).unwrap();
    run(folder.path(), &["export", "chrome", "-o", "out"]);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
}

#[test]
fn imported_runs_are_in_a_file_of_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(
        at("p.csv"),
        "timestamp_s,rail,power_w\n0,cpu,5\n0.1,cpu,6\n0.2,cpu,5\n",
    )
    .unwrap();
    run(folder.path(), &["--db", "a.db", "import", "power", "p.csv"]);
    run(
        folder.path(),
        &[
            "--db",
            "b.db",
            "import",
            "power",
            "p.csv",
            "--readable-by",
            "group",
        ],
    );
    assert_eq!(mode(at("a.db")), 0o600);
    assert_eq!(mode(at("b.db")) & 0o607, 0o600);
}

#[test]
fn a_folder_in_place_of_a_file_is_reported_in_one_line() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let commands: [&[&str]; 12] = [
        &["--db", "sub", "runs"],
        &["--db", "sub", "summary"],
        &["--db", "sub", "query", "select 1"],
        &["--db", "sub", "size"],
        &["--db", "sub", "import", "power", "energy.db"],
        &["merge", "sub"],
        &["merge", "energy.db", "--into", "sub"],
        &["import", "power", "sub"],
        &["import", "csv", "--spans", "sub", "--samples", "sub"],
        &["import", "chrome", "sub", "--power", "sub"],
        &["report", "-o", "sub"],
        &["flamegraph", "-o", "sub"],
    ];
    for arguments in commands {
        let output = energy(folder.path(), arguments);
        let message = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        // An import may fail because of its input first.
        if arguments != ["--db", "sub", "import", "power", "energy.db"] {
            assert!(message.contains("is a folder"), "{arguments:?}: {message}");
        }
        assert_eq!(
            message.trim_end().lines().count(),
            1,
            "{arguments:?}: {message}"
        );
    }
    let runs = text(&energy(folder.path(), &["runs", "--format", "csv"]));
    assert_eq!(
        runs.lines().count(),
        2,
        "the recording is as it was: {runs}"
    );
}
