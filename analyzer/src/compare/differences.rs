//! In what runs were not made alike: what may explain a difference of energy better
//! than the change that is looked for.

use serde::Serialize;

use super::{KindBasis, Side};
use crate::error::{Error, Result};
use crate::format::{escape, shorten};
use crate::query::{Recording, Setting, setting};

/// How the power of all compared runs came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Sensors read it during the runs.
    Measured,
    /// It was computed from CPU time.
    Modelled,
    /// It comes from recordings, in all or part of the runs.
    Replayed,
}

/// One thing that is not the same for all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What it is: `host`, `prompt`.
    pub what: &'static str,
    /// Its values, each with the sides that have it.
    pub values: Vec<Value>,
}

/// One value, and where it occurs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// The value.
    pub value: String,
    /// Labels of sides with a run that has it.
    pub sides: Vec<&'static str>,
}

/// Settings of each side's runs.
pub(super) fn settings(recording: &Recording, sides: &[Side]) -> Result<Vec<Vec<Setting>>> {
    let of_side = |side: &Side| {
        side.runs
            .iter()
            .map(|run| setting(recording, run))
            .collect()
    };
    sides.iter().map(of_side).collect()
}

/// How the power came to be. What was measured is never compared with what was
/// computed: a model knows nothing of the difference between two programs' power.
pub(super) fn power(sides: &[Side]) -> Result<Power> {
    let of = |side: &Side| -> Vec<String> {
        let words = side.runs.iter().filter_map(|run| run.provenance.clone());
        words.collect()
    };
    let all: Vec<String> = sides.iter().flat_map(of).collect();
    let is_modelled = |word: &String| word.contains("modelled");
    if all.iter().all(|word| word == "modelled") {
        return Ok(Power::Modelled);
    }
    if all.iter().any(is_modelled) {
        let told: Vec<String> = sides
            .iter()
            .map(|side| {
                let mut words = of(side);
                words.sort();
                words.dedup();
                format!("{} is {}", side.title(), words.join(" and "))
            })
            .collect();
        return Err(Error::Compare(format!(
            "measured and modelled power are never compared: {}; record both from the same source",
            told.join(", ")
        )));
    }
    Ok(match all.iter().any(|word| word.contains("replayed")) {
        true => Power::Replayed,
        false => Power::Measured,
    })
}

type Of = fn(&Setting) -> Option<&str>;

const ALIKE: [(&str, Of); 6] = [
    ("host", |of| of.host.as_deref()),
    ("chip", |of| of.chip.as_deref()),
    ("power source", |of| of.sources.as_deref()),
    ("precision", |of| of.precision.as_deref()),
    ("power", |of| of.power.as_deref()),
    ("low-power mode", |of| of.low_power_mode.as_deref()),
];

/// Everything in which runs were not made alike. What is not known of a run differs
/// from nothing.
pub(super) fn differences(sides: &[Side], settings: &[Vec<Setting>]) -> Vec<Difference> {
    let of = |what, of: Of| differs(what, sides, settings, |setting| of(setting));
    let mut found: Vec<Difference> = ALIKE
        .iter()
        .filter_map(|(what, one)| of(what, *one))
        .collect();
    // The text where it is there; equal texts have equal hashes.
    if of("prompt", |of| of.prompt_sha256.as_deref()).is_some() {
        found.extend(differs("prompt", sides, settings, |of| {
            of.prompt.as_deref().or(of.prompt_sha256.as_deref())
        }));
    }
    found.extend(models(sides, settings));
    found
}

/// Models of two names are compared on purpose, if each side has one. One name for two
/// files, or two models on one side, is a mistake.
fn models(sides: &[Side], settings: &[Vec<Setting>]) -> Option<Difference> {
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
        return differs("model file", sides, settings, |of| {
            of.model_sha256.as_deref()
        });
    }
    let mixed = sides.iter().zip(settings).any(|(side, settings)| {
        let (side, settings) = (std::slice::from_ref(side), std::slice::from_ref(settings));
        differs("model", side, settings, |of| of.model.as_deref()).is_some()
    });
    match mixed {
        true => differs("model", sides, settings, |of| of.model.as_deref()),
        false => None,
    }
}

/// Why kinds of spans cannot be compared: figures of two methods differ where nothing
/// else does.
pub(super) fn kinds_apart(
    sides: &[Side],
    settings: &[Vec<Setting>],
    basis: &KindBasis,
) -> Option<String> {
    let methods = differs("method", sides, settings, |of| of.method.as_deref());
    if let Some(methods) = methods.filter(|_| !basis.is_uniform()) {
        return Some(format!(
            "they were attributed by {}; use `energy attribute RUN --method`",
            methods.told()
        ));
    }
    let idle = |of: &Setting| Some(if of.has_idle { "known" } else { "not known" });
    differs("idle power", sides, settings, idle).map(|idle| {
        format!(
            "idle power, which their energies leave out, is {}",
            idle.told()
        )
    })
}

fn differs<'s>(
    what: &'static str,
    sides: &'s [Side],
    settings: &'s [Vec<Setting>],
    of: impl Fn(&'s Setting) -> Option<&'s str>,
) -> Option<Difference> {
    let mut values: Vec<Value> = Vec::new();
    for (side, settings) in sides.iter().zip(settings) {
        for value in settings.iter().filter_map(&of) {
            let at = values.iter().position(|known| known.value == value);
            let at = at.unwrap_or_else(|| {
                values.push(Value {
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
    /// Values and sides: `box (A), other (B)`.
    fn told(&self) -> String {
        const MOST: usize = 4;
        let one = |value: &Value| {
            let text = shorten(&escape(&value.value), 40);
            format!("{text} ({})", value.sides.join(", "))
        };
        let mut told: Vec<String> = self.values.iter().take(MOST).map(one).collect();
        if self.values.len() > MOST {
            told.push(format!("{} more", self.values.len() - MOST));
        }
        told.join(", ")
    }

    /// In one line.
    pub fn line(&self) -> String {
        format!("{}: {}", self.what, self.told())
    }
}

/// The refusal, which lists every difference.
pub(super) fn refusal(differences: &[Difference]) -> Error {
    let lines: Vec<String> = differences
        .iter()
        .map(|one| format!("\n  {}", one.line()))
        .collect();
    Error::Compare(format!(
        "the runs were not made alike:{}\nrecord them alike, or compare them nevertheless with --allow-different",
        lines.concat()
    ))
}
