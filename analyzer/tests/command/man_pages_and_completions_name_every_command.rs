//! Man pages and completion scripts are made for all commands that there are.

use crate::fixture::command::{energy, errors, text};
use clap::CommandFactory;
use energy_analyzer::cli::Cli;

/// Names of the commands.
fn commands() -> Vec<String> {
    let command = Cli::command();
    let names = command
        .get_subcommands()
        .map(|one| one.get_name().to_owned());
    names.collect()
}

#[test]
fn a_folder_gets_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = energy(folder.path(), &["man", "--dir", "not/there/yet"]);
    assert_eq!(text(&output), "");
    assert!(errors(&output).contains("wrote man pages to not/there/yet"));
    let page = |name: &str| {
        let path = folder.path().join("not/there/yet").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let first = page("energy.1");
    assert!(
        first.contains(".TH energy 1") && first.contains("Exit codes"),
        "{first}"
    );
    for name in commands() {
        assert!(first.contains(&name.replace('-', "\\-")), "{name}");
        let own = page(&format!("energy-{name}.1"));
        assert!(own.contains(".TH") && own.contains("Examples:"), "{own}");
    }
    assert!(page("energy-import-csv.1").contains("spans.csv"));
    assert_eq!(text(&energy(folder.path(), &["man"])), first);
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = energy(folder.path(), &["man", "--dir", "file"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        errors(&refused).starts_with("energy: file: "),
        "{}",
        errors(&refused)
    );
}

#[test]
fn every_shell_completes_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&energy(folder.path(), &["completions", shell]));
        for name in commands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
        assert!(script.contains("j-per-token"), "{shell}");
    }
    assert_eq!(
        energy(folder.path(), &["completions", "none"])
            .status
            .code(),
        Some(2)
    );
}
