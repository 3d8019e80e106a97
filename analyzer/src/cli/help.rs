//! Template of `energy --help`: commands grouped under headings.

use clap::Command;

/// Commands by purpose. Commands that are not part of this build are skipped.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Record",
        &[
            "run",
            "sweep",
            "record",
            "drive",
            "import",
            "calibrate",
            "doctor",
            "models",
        ],
    ),
    (
        "Inspect a run",
        &[
            "summary",
            "show",
            "pipeline",
            "tokens",
            "layers",
            "ops",
            "requests",
            "hot",
            "balance",
            "power",
            "flamegraph",
            "export",
            "report",
            "attribute",
        ],
    ),
    (
        "Compare runs",
        &["runs", "compare", "baseline", "query", "serve"],
    ),
    ("Many hosts, other systems", &["fleet", "otlp"]),
    ("Experiments", &["analyse", "predict", "table", "quality"]),
    (
        "Maintain the database",
        &["tag", "name", "delete", "prune", "size", "vacuum", "merge"],
    ),
    ("Set up the shell", &["completions", "man"]),
];

/// Groups the commands in the help of `command`.
pub(super) fn with_groups(command: Command) -> Command {
    let list = list(&command);
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}Options:\n{{options}}{{after-help}}"
    ))
}

fn list(command: &Command) -> String {
    let names = command.get_subcommands().map(|one| one.get_name().len());
    let width = names.max().unwrap_or(0);
    let line = |name: &str| {
        let about = command.find_subcommand(name)?.get_about()?;
        Some(format!("  {name:<width$}  {about}\n"))
    };
    let mut text = String::new();
    for (heading, names) in GROUPS {
        let lines: String = names.iter().filter_map(|name| line(name)).collect();
        if !lines.is_empty() {
            text.push_str(&format!("{heading}:\n{lines}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    /// Returns all commands with the words that invoke them.
    fn all(command: &Command, words: &[String]) -> Vec<(Vec<String>, Command)> {
        let all = command.get_subcommands().flat_map(|one| {
            let words = [words, &[one.get_name().to_owned()]].concat();
            let below = all(one, &words);
            [vec![(words, one.clone())], below].concat()
        });
        all.collect()
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = command();
        command.clone().debug_assert();
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        for one in command.get_subcommands() {
            let name = one.get_name();
            let count = grouped.iter().filter(|grouped| **grouped == name).count();
            assert_eq!(count, 1, "`{name}` is in {count} groups");
        }
    }

    #[test]
    fn help_lists_every_command_and_exit_code_within_80_columns() {
        let help = command().term_width(80).render_help().to_string();
        for one in command().get_subcommands() {
            let line = |line: &str| line.trim_start().starts_with(one.get_name());
            assert!(help.lines().any(line), "{}: {help}", one.get_name());
        }
        for code in [
            "0 done",
            "1 failed",
            "2 wrong usage",
            "3 ",
            "4 ",
            "130 or 143",
        ] {
            assert!(help.contains(code), "{code}: {help}");
        }
        let longest = help.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{help}");
    }

    #[test]
    fn every_help_fits_80_columns() {
        for (invocation, one) in all(&command(), &[]) {
            let mut one = one.term_width(80);
            for help in [one.render_help(), one.render_long_help()] {
                let help = help.to_string();
                let wide = help.lines().find(|line| line.chars().count() > 80);
                assert_eq!(wide, None, "{invocation:?}");
            }
        }
    }

    /// Splits an example into words as a shell does.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                '|' | '>' | '&' if !quoted => break,
                ' ' if !quoted => {
                    words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)))
                }
                c => word.push(c),
            }
        }
        words.extend((!word.is_empty()).then_some(word));
        words
    }

    #[test]
    fn every_help_has_examples_that_parse() {
        let command = command();
        for (invocation, one) in all(&command, &[]) {
            let help = one.clone().render_long_help().to_string();
            let examples = help.split("Examples:\n").nth(1);
            let examples = examples.unwrap_or_else(|| panic!("{invocation:?} has no examples"));
            let lines: Vec<&str> = examples
                .lines()
                .take_while(|line| !line.is_empty())
                .collect();
            let begins = format!("energy {}", invocation.join(" "));
            let own = lines.iter().filter(|line| line.contains(&begins)).count();
            assert!(own > 0, "{invocation:?}: no example of its own");
            for line in lines {
                let words = words(line);
                assert_eq!(words[0], "energy", "{line}");
                let parsed = command.clone().try_get_matches_from(&words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
        }
    }
}
