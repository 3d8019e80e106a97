//! What the settings of a model's file mean to the decoder.

use crate::architecture::Family;
use crate::error::{Error, NOT_SUPPORTED_YET, Result};

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

/// A setting of families with a property.
pub(super) const fn of(has: fn(&Family) -> bool, neutral: &'static [f64]) -> Setting {
    Setting::Of { has, neutral }
}

/// Whether models of a family may have experts.
pub(super) fn has_experts(family: &Family) -> bool {
    family.experts.is_some()
}

/// A setting that a file states.
pub(super) struct StatedSetting<'f> {
    /// Its key in the list of settings.
    pub(super) key: &'f str,
    /// Its whole name in the file.
    pub(super) name: &'f str,
    /// A number, or a truth value as 0 or 1; `None` for others.
    pub(super) value: Option<f64>,
}

/// Verdict about a setting.
enum SettingVerdict {
    /// It is read, or changes nothing.
    Fine,
    /// It changes the result in a way that is not supported.
    Unsupported,
    /// Nothing is known about it.
    Unknown,
}

impl Setting {
    fn judge(&self, family: &Family, value: Option<f64>) -> SettingVerdict {
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

/// Checks settings by a list. Returns those that are unknown, if `assume` accepts them as
/// settings that change nothing.
///
/// # Errors
/// About the first setting that is not understood: `fault` receives its name, the problem and
/// the next step.
pub(super) fn check<'f>(
    list: &[(&str, Setting)],
    stated: impl IntoIterator<Item = StatedSetting<'f>>,
    family: &Family,
    assume: bool,
    fault: impl Fn(&str, &str, &'static str) -> Error,
) -> Result<Vec<String>> {
    let mut assumed = Vec::new();
    for StatedSetting { key, name, value } in stated {
        let found = list.iter().find(|(known, _)| *known == key);
        let verdict = found.map_or(SettingVerdict::Unknown, |(_, setting)| {
            setting.judge(family, value)
        });
        match verdict {
            SettingVerdict::Fine => {}
            SettingVerdict::Unsupported => {
                let problem = "has a value that changes the result";
                return Err(fault(name, problem, NOT_SUPPORTED_YET));
            }
            SettingVerdict::Unknown if assume => {
                assumed.push(format!("its setting `{name}` changes nothing"));
            }
            SettingVerdict::Unknown => return Err(fault(name, "is not understood", ASSUME)),
        }
    }
    Ok(assumed)
}

/// The next step if a setting is unknown.
const ASSUME: &str = "choose a model without it, or load it with `--assume` \
     (`LoadOptions::assume`) as if it changed nothing";
