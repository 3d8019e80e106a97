//! Configuration differences between runs, which may explain a difference of energy better than
//! the change under test.

use energy_data::{Provenance, ProvenanceSet};
use serde::Serialize;

use super::{KindBasis, Side};
use crate::error::{Error, Result};
use crate::format::{escape, shorten};
use crate::query::{Recording, RunSetting, setting};

/// Source of the power of all compared runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerOrigin {
    /// Read from sensors during the runs.
    Measured,
    /// Computed from CPU time.
    Modelled,
    /// Replayed from recordings, in all or some of the runs.
    Replayed,
}

/// A setting that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Name of the setting: `host`, `prompt`.
    pub what: &'static str,
    /// Its values, each with the sides that have it.
    pub values: Vec<SettingValue>,
}

/// One value of a setting, and the sides that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingValue {
    /// The value.
    pub value: String,
    /// Labels of sides with a run of this value.
    pub sides: Vec<&'static str>,
}

/// Returns the settings of each side's runs.
pub(super) fn settings(recording: &Recording, sides: &[Side]) -> Result<Vec<Vec<RunSetting>>> {
    let of_side = |side: &Side| {
        side.runs
            .iter()
            .map(|run| setting(recording, run))
            .collect()
    };
    sides.iter().map(of_side).collect()
}

/// Returns the source of the power. Fails if measured and modelled power are mixed: a model
/// cannot show a difference between two programs' power.
pub(super) fn power(sides: &[Side]) -> Result<PowerOrigin> {
    let sources_of = |side: &Side| -> Vec<ProvenanceSet> {
        let sources = side.runs.iter().filter_map(|run| run.provenance);
        sources.collect()
    };
    let all: Vec<ProvenanceSet> = sides.iter().flat_map(sources_of).collect();
    let modelled = ProvenanceSet::from(Provenance::Modelled);
    if all.iter().all(|sources| *sources == modelled) {
        return Ok(PowerOrigin::Modelled);
    }
    let any_has = |one| all.iter().any(|sources| sources.contains(one));
    if any_has(Provenance::Modelled) {
        let sources: Vec<String> = sides
            .iter()
            .map(|side| {
                let words = sources_of(side).into_iter();
                let mut words: Vec<String> = words.map(|sources| sources.to_string()).collect();
                words.sort();
                words.dedup();
                format!("{} is {}", side.title(), words.join(" and "))
            })
            .collect();
        return Err(Error::Compare(format!(
            "measured and modelled power cannot be compared: {}; record both from the same source",
            sources.join(", ")
        )));
    }
    Ok(match any_has(Provenance::Replayed) {
        true => PowerOrigin::Replayed,
        false => PowerOrigin::Measured,
    })
}

/// The machine.
const HOST: &str = "host";

type SettingField = fn(&RunSetting) -> Option<&str>;

const COMPARED_SETTINGS: [(&str, SettingField); 15] = [
    (HOST, |setting| setting.host.as_deref()),
    ("chip", |setting| setting.chip.as_deref()),
    ("power source", |setting| setting.sources.as_deref()),
    ("precision", |setting| setting.precision.as_deref()),
    ("power", |setting| setting.power.as_deref()),
    ("low-power mode", |setting| {
        setting.low_power_mode.as_deref()
    }),
    ("depth", |setting| setting.depth.as_deref()),
    ("statistics", |setting| setting.statistics.as_deref()),
    ("max tokens", |setting| setting.max_tokens.as_deref()),
    ("sampling", |setting| setting.sampling.as_deref()),
    ("prompt form", |setting| setting.prompt_form.as_deref()),
    ("number of prompts", |setting| setting.prompts.as_deref()),
    ("batch", |setting| setting.batch.as_deref()),
    ("device", |setting| setting.device.as_deref()),
    ("key-value cache", |setting| setting.cache.as_deref()),
];

/// Returns the names of all settings that [`differences`] compares.
pub(super) fn checked() -> Vec<&'static str> {
    let names = COMPARED_SETTINGS.iter().map(|(what, _)| *what);
    names.chain(["prompt", "model file"]).collect()
}

/// Returns all settings that differ between runs. Unknown settings do not count as different.
pub(super) fn differences(sides: &[Side], settings: &[Vec<RunSetting>]) -> Vec<Difference> {
    let differing =
        |what, field: SettingField| differs(what, sides, settings, |setting| field(setting));
    let mut found: Vec<Difference> = COMPARED_SETTINGS
        .iter()
        .filter_map(|(what, field)| differing(what, *field))
        .collect();
    // Shows the text if it is stored; equal texts have equal hashes.
    if differing("prompt", |setting| setting.prompt_sha256.as_deref()).is_some() {
        found.extend(differs("prompt", sides, settings, |setting| {
            setting
                .prompt
                .as_deref()
                .or(setting.prompt_sha256.as_deref())
        }));
    }
    found.extend(models(sides, settings));
    found
}

/// Returns a difference of models. Two model names are compared on purpose if each side has
/// one; one name for two files, or two models on one side, is a mistake.
fn models(sides: &[Side], settings: &[Vec<RunSetting>]) -> Option<Difference> {
    let all = || settings.iter().flatten();
    let one_name_two_files = all().any(|a| {
        all().any(|b| {
            a.model.is_some()
                && a.model == b.model
                && a.model_sha256.is_some()
                && b.model_sha256.is_some()
                && a.model_sha256 != b.model_sha256
        })
    });
    if one_name_two_files {
        return differs("model file", sides, settings, |setting| {
            setting.model_sha256.as_deref()
        });
    }
    let mixed = sides.iter().zip(settings).any(|(side, settings)| {
        let (side, settings) = (std::slice::from_ref(side), std::slice::from_ref(settings));
        differs("model", side, settings, |setting| setting.model.as_deref()).is_some()
    });
    match mixed {
        true => differs("model", sides, settings, |setting| setting.model.as_deref()),
        false => None,
    }
}

/// Returns why operations cannot be compared: attributions by different methods differ even for
/// equal runs.
pub(super) fn incomparable_kinds(
    sides: &[Side],
    settings: &[Vec<RunSetting>],
    basis: &KindBasis,
) -> Option<String> {
    let methods = differs("method", sides, settings, |setting| {
        setting.method.as_deref()
    });
    if let Some(methods) = methods.filter(|_| !basis.is_uniform()) {
        return Some(format!(
            "they were attributed by {}; use `energy attribute RUN --method`",
            methods.values_text()
        ));
    }
    let idle = |setting: &RunSetting| Some(if setting.has_idle { "known" } else { "unknown" });
    differs("idle power", sides, settings, idle).map(|idle| {
        format!(
            "idle power, which their energies exclude, is {}",
            idle.values_text()
        )
    })
}

fn differs<'s>(
    what: &'static str,
    sides: &'s [Side],
    settings: &'s [Vec<RunSetting>],
    field: impl Fn(&'s RunSetting) -> Option<&'s str>,
) -> Option<Difference> {
    let mut values: Vec<SettingValue> = Vec::new();
    for (side, settings) in sides.iter().zip(settings) {
        for value in settings.iter().filter_map(&field) {
            let at = values.iter().position(|known| known.value == value);
            let at = at.unwrap_or_else(|| {
                values.push(SettingValue {
                    value: value.to_owned(),
                    sides: Vec::new(),
                });
                values.len() - 1
            });
            if values[at].sides.last() != Some(&side.label) {
                values[at].sides.push(side.label);
            }
        }
    }
    (values.len() > 1).then_some(Difference { what, values })
}

impl Difference {
    /// Formats values and sides: `box (A), other (B)`.
    pub(super) fn values_text(&self) -> String {
        const MAX_VALUES: usize = 4;
        let one = |value: &SettingValue| {
            let text = shorten(&escape(&value.value), 40);
            format!("{text} ({})", value.sides.join(", "))
        };
        let mut texts: Vec<String> = self.values.iter().take(MAX_VALUES).map(one).collect();
        if self.values.len() > MAX_VALUES {
            texts.push(format!("{} more", self.values.len() - MAX_VALUES));
        }
        texts.join(", ")
    }

    /// Returns whether each side has runs of several hosts: the comparison is then one of hosts in
    /// general, not of one host with another.
    pub(super) fn is_of_fleets(&self, sides: &[Side]) -> bool {
        let hosts = |side: &Side| {
            let of_side = |value: &&SettingValue| value.sides.contains(&side.label);
            self.values.iter().filter(of_side).count()
        };
        self.what == HOST && sides.iter().all(|side| hosts(side) > 1)
    }

    /// Formats the difference in one line.
    pub fn line(&self) -> String {
        format!("{}: {}", self.what, self.values_text())
    }
}

/// Fails if runs differ in something that explains a difference of energy, with the list.
pub(super) fn refuse(differences: &[Difference], sides: &[Side]) -> Result<()> {
    let lines: Vec<String> = differences
        .iter()
        .filter(|one| !one.is_of_fleets(sides))
        .map(|one| format!("\n  {}", one.line()))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(Error::Compare(format!(
        "the runs have different configurations:{}\nrecord them with the same configuration, or \
         compare them with --allow-different",
        lines.concat()
    )))
}
