//! What the settings of a model's file mean to the decoder.

use crate::architecture::Family;

/// Meaning of one setting.
pub(super) enum Setting {
    /// The decoder reads it.
    Read,
    /// The decoder reads it for families with a property, and only `neutral` values are
    /// accepted for others.
    Of {
        /// Whether a family has the property.
        has: fn(&Family) -> bool,
        /// Values that change nothing.
        neutral: &'static [f64],
    },
    /// It changes the result and is not supported, except for these values.
    Neutral(&'static [f64]),
    /// It does not change the result.
    Unused,
}

/// SettingVerdict about one setting of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SettingVerdict {
    /// It is read, or changes nothing.
    Fine,
    /// It changes the result in a way that is not supported.
    Unsupported,
    /// Nothing is known about it.
    Unknown,
}

impl Setting {
    /// Judges a value; numbers and truth values are given, others are `None`.
    pub(super) fn judge(&self, family: &Family, value: Option<f64>) -> SettingVerdict {
        let is_one = |neutral: &[f64]| match value.is_some_and(|value| neutral.contains(&value)) {
            true => SettingVerdict::Fine,
            false => SettingVerdict::Unsupported,
        };
        match self {
            Self::Read | Self::Unused => SettingVerdict::Fine,
            Self::Of { has, .. } if has(family) => SettingVerdict::Fine,
            Self::Of { neutral, .. } | Self::Neutral(neutral) => is_one(neutral),
        }
    }
}

/// Judges the setting `key` by a list.
pub(super) fn judge(
    list: &[(&str, Setting)],
    key: &str,
    family: &Family,
    value: Option<f64>,
) -> SettingVerdict {
    let found = list.iter().find(|(known, _)| *known == key);
    found.map_or(SettingVerdict::Unknown, |(_, setting)| {
        setting.judge(family, value)
    })
}

/// Returns the assumption that an unknown setting changes nothing.
pub(super) fn assumption(key: &str) -> String {
    format!("its setting `{key}` changes nothing")
}

/// The next step if a setting is unknown.
pub(super) const ASSUME: &str = "choose a model without it, or load it with `--assume` \
     (`LoadOptions::assume`) as if it changed nothing";
