//! Placeholders in command lines: `{model}` stands for the model of a run.

use std::borrow::Cow;

/// A name and the value that replaces it.
pub type Placeholder<'p> = (Cow<'p, str>, Cow<'p, str>);

/// Replaces `{name}` by its value, quoted for the shell if necessary. Braces around other texts, such
/// as those of JSON, are kept.
///
/// ```
/// use energy_analyzer::program::fill;
///
/// let values = [("model".into(), "my model.gguf".into()), ("tp".into(), "2".into())];
/// let line = "serve {model} --tp {tp} --json '{\"a\": {}}'";
/// assert_eq!(
///     fill(line, &values),
///     "serve 'my model.gguf' --tp 2 --json '{\"a\": {}}'"
/// );
/// ```
pub fn fill(line: &str, values: &[Placeholder<'_>]) -> String {
    let (mut filled, mut unread) = (String::new(), line);
    while let Some(at) = unread.find('{') {
        filled.push_str(&unread[..at]);
        let after = &unread[at + 1..];
        let name = after.find('}').map(|end| &after[..end]);
        let value = name.and_then(|name| values.iter().find(|(known, _)| known == name));
        match value {
            Some((name, value)) => {
                filled.push_str(&quoted(value));
                unread = &after[name.len() + 1..];
            }
            None => {
                filled.push('{');
                unread = after;
            }
        }
    }
    filled + unread
}

/// Quotes a value for a POSIX shell, unless it has only characters without a meaning there.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => value.into(),
        false => format!("'{}'", value.replace('\'', r"'\''")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_replaced_and_other_braces_kept() {
        let values: [Placeholder<'_>; 3] = [
            ("a".into(), "1".into()),
            ("empty".into(), "".into()),
            ("q".into(), "it's {a}".into()),
        ];
        for (line, expected) in [
            ("x {a}{a} y", "x 11 y"),
            ("{b} {a", "{b} {a"),
            ("{{a}}", "{1}"),
            ("{empty}", "''"),
            ("{q}", r"'it'\''s {a}'"),
            ("é{a}", "é1"),
            ("", ""),
        ] {
            assert_eq!(fill(line, &values), expected, "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_shell_reads_values_unchanged() {
        let values = ["a b", "$(x) `y` \"z\" \\", "it's", "*?[]~", "-n;&|<>\n"];
        for value in values {
            let line = fill("printf %s {v}", &[("v".into(), value.into())]);
            let output = std::process::Command::new("sh")
                .args(["-c", &line])
                .output();
            assert_eq!(output.unwrap().stdout, value.as_bytes());
        }
    }
}
