//! Names of configurations: what distinguishes them from others.

use std::collections::BTreeSet;

use crate::format::{escape, shorten, used_precision};
use crate::query::ConfigurationKey;

/// Maximum length of a value.
const VALUE: usize = 40;
/// Digits of a checksum.
const CHECKSUM: usize = 8;

/// Returns the name of a model for display.
pub(super) fn model_name(name: &str) -> String {
    shorten(&escape(name), VALUE)
}

/// Returns the name of a precision, without commas, so that names can be listed.
pub(super) fn precision_name(precision: &str) -> String {
    shorten(&escape(&crate::format::precision_name(precision)), VALUE)
}

/// Returns the settings of a configuration with their names, in the order of importance. `precision`
/// and `requantize` are the texts for these two.
fn settings(
    key: &ConfigurationKey,
    precision: Option<String>,
    requantize: Option<String>,
) -> Vec<(String, String)> {
    let number = |value: Option<i64>| value.map(|value| value.to_string());
    let checksum = key.model_sha256.as_ref();
    let mut all = vec![
        ("", key.model.as_deref().map(model_name)),
        (
            "sha256",
            checksum.map(|sum| sum.chars().take(CHECKSUM).collect()),
        ),
        ("", precision),
        ("requantize", requantize),
        ("engine", key.engine.clone()),
        ("batch", number(key.batch)),
        ("prompt", number(key.prompt_tokens)),
        ("max", number(key.max_tokens)),
        ("device", key.device.clone()),
        ("threads", key.threads.map(|count| count.to_string())),
        ("cache", key.cache.clone()),
        ("depth", key.depth.clone()),
        ("statistics", key.statistics.clone()),
        ("chip", key.chip.clone()),
        (
            "machine",
            key.machine.as_ref().map(|name| shorten(name, 12)),
        ),
        ("rails", key.rails.clone()),
        ("power", key.provenance.clone()),
        ("attribution", key.attribution.clone()),
        ("prompt form", key.prompt_form.clone()),
        ("sampling", key.sampling.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect::<Vec<_>>();
    let labels = key.labels.iter();
    all.extend(labels.map(|(name, value)| (escape(name), Some(value.clone()))));
    let text = |value: Option<String>| value.map(|value| shorten(&escape(&value), VALUE));
    let named = all.into_iter().map(|(name, value)| (name, text(value)));
    named
        .map(|(name, value)| (name, value.unwrap_or_default()))
        .collect()
}

/// Returns the settings of each configuration. The precision is that in use where it distinguishes them
/// as the whole one does, and shows the conversion where that distinguishes no more.
fn settings_of(keys: &[ConfigurationKey]) -> Vec<Vec<(String, String)>> {
    let used = |key: &ConfigurationKey| key.precision.as_deref().map(used_precision);
    let precisions: BTreeSet<_> = keys.iter().map(|key| &key.precision).collect();
    let is_used_enough = keys.iter().map(used).collect::<BTreeSet<_>>().len() == precisions.len();
    let conversions = keys.iter().map(|key| (&key.precision, &key.requantize));
    let is_conversion_shown = conversions.collect::<BTreeSet<_>>().len() == precisions.len();
    let of = |key: &ConfigurationKey| {
        let precision = match is_used_enough {
            true => used(key),
            false => key.precision.as_deref().map(precision_name),
        };
        settings(
            key,
            precision,
            key.requantize.clone().filter(|_| !is_conversion_shown),
        )
    };
    keys.iter().map(of).collect()
}

/// Returns a name for each configuration: the settings in which they differ, or the model if they
/// do not differ.
pub fn names_of(keys: &[ConfigurationKey]) -> Vec<String> {
    let all = settings_of(keys);
    let differs = |name: &str, at: usize| {
        let value = |one: &Vec<(String, String)>| match name {
            "" => one.get(at).cloned(),
            _ => one.iter().find(|(other, _)| other == name).cloned(),
        };
        all.windows(2)
            .any(|pair| value(&pair[0]) != value(&pair[1]))
    };
    let mut names: Vec<String> = all
        .iter()
        .map(|own| {
            let different = own.iter().enumerate().filter(|(at, (name, value))| {
                // The checksum is a name of last resort.
                !value.is_empty() && name != "sha256" && differs(name, *at)
            });
            let words: Vec<String> = different
                .map(|(_, (name, value))| format!("{name} {value}").trim().to_owned())
                .collect();
            match words.is_empty() {
                false => words.join(", "),
                true => own
                    .first()
                    .map_or(String::new(), |(_, model)| model.clone()),
            }
        })
        .collect();
    let is_double: Vec<bool> = doubles(&names);
    for ((name, is_double), key) in names.iter_mut().zip(is_double).zip(keys) {
        let sum = key.model_sha256.as_deref().unwrap_or_default();
        if is_double && !sum.is_empty() {
            let sum: String = sum.chars().take(CHECKSUM).collect();
            *name = format!("{name} {sum}").trim().to_owned();
        }
    }
    let is_double: Vec<bool> = doubles(&names);
    for ((name, is_double), key) in names.iter_mut().zip(is_double).zip(keys) {
        if let Some(program) = key.program.as_ref().filter(|_| is_double) {
            *name = format!("{name} {}", shorten(&escape(program), VALUE));
        }
    }
    names
}

fn doubles(names: &[String]) -> Vec<bool> {
    let is_double = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    names.iter().map(is_double).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(model: &str, batch: i64, sha: &str) -> ConfigurationKey {
        ConfigurationKey {
            model: Some(model.to_owned()),
            model_sha256: Some(sha.to_owned()),
            batch: Some(batch),
            ..ConfigurationKey::default()
        }
    }

    #[test]
    fn names_are_what_differs() {
        let names = |keys: &[ConfigurationKey]| names_of(keys);
        assert_eq!(
            names(&[key("a", 1, "x"), key("a", 2, "x")]),
            ["batch 1", "batch 2"]
        );
        assert_eq!(names(&[key("a", 1, "x"), key("b", 1, "y")]), ["a", "b"]);
        assert_eq!(names(&[key("a", 1, "x")]), ["a"]);
        assert_eq!(names(&[key("a", 1, "x"), key("a", 1, "y")]), ["a x", "a y"]);
    }
}
