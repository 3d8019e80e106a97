//! Names of configurations: what distinguishes them from others.

use std::collections::BTreeSet;

use crate::format::{escape, shorten};
use crate::query::ConfigurationKey;

/// Maximum length of a value.
const VALUE: usize = 40;
/// Position of the precision in the list of settings.
const PRECISION: usize = 2;
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

/// Returns the settings of a configuration with their names, in the order of importance.
fn settings(key: &ConfigurationKey) -> Vec<(String, String)> {
    let number = |value: Option<i64>| value.map(|value| value.to_string());
    let checksum = key.model_sha256.as_ref();
    let mut all = vec![
        ("", key.model.as_deref().map(model_name)),
        (
            "sha256",
            checksum.map(|sum| sum.chars().take(CHECKSUM).collect()),
        ),
        ("", key.precision.as_deref().map(precision_name)),
        ("requantize", key.requantize.clone()),
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

/// Returns a name for each configuration: the settings in which they differ, or the model if they
/// do not differ.
pub fn names_of(keys: &[ConfigurationKey]) -> Vec<String> {
    let mut all: Vec<Vec<(String, String)>> = keys.iter().map(settings).collect();
    // The precision shows the conversion.
    let conversions: BTreeSet<_> = keys
        .iter()
        .map(|key| (&key.precision, &key.requantize))
        .collect();
    let precisions: BTreeSet<_> = keys.iter().map(|key| &key.precision).collect();
    if conversions.len() == precisions.len() {
        for own in &mut all {
            own.retain(|(name, _)| name != "requantize");
        }
    }
    // The formats in use, without those of the file, where they distinguish precisions.
    let used = |key: &ConfigurationKey| {
        let name = key.precision.as_deref().map(precision_name)?;
        name.split(" (").next().map(str::to_owned)
    };
    let formats: BTreeSet<_> = keys.iter().map(used).collect();
    if formats.len() == precisions.len() {
        for (own, key) in all.iter_mut().zip(keys) {
            if let (Some(cell), Some(used)) = (own.get_mut(PRECISION), used(key)) {
                cell.1 = used;
            }
        }
    }
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
