//! Selects the configurations that a prediction is based on.

use std::collections::BTreeMap;

use energy_host::Host;
use energy_statistics::prediction::{MeasuredModel, MeasuredWorkload, Workload};

use super::group::PredictionGroup;
use super::options::PredictOptions;
use crate::error::{Error, Result};
use crate::format::{escape, precision_name, shorten, used_precision};
use crate::query::{ConfigurationKey, RunConfiguration, RunFacts};

/// Maximum length of a name in a message.
const NAME: usize = 40;

/// Configurations of one model that differ only in their workload.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SelectedGroup<'c> {
    /// What they have in common.
    pub(super) key: ConfigurationKey,
    /// The configurations.
    pub(super) members: Vec<&'c RunConfiguration>,
    /// Its settings, and what was left out.
    pub(super) group: PredictionGroup,
}

/// Models that differ only in their size, with their configurations.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SelectedModels<'c> {
    /// The models.
    pub(super) models: Vec<MeasuredModel>,
    /// Their configurations.
    pub(super) members: Vec<&'c RunConfiguration>,
    /// Origin of their power.
    pub(super) provenance: Option<String>,
    /// Their settings, and what was left out.
    pub(super) group: PredictionGroup,
}

/// Returns the configurations of the requested machine.
pub(super) fn of_machine<'c>(
    configurations: &'c [RunConfiguration],
    options: &PredictOptions,
) -> Result<Vec<&'c RunConfiguration>> {
    let here = Host::here();
    let is_it = |one: &&RunConfiguration| {
        let machine = one.key.machine.as_deref().unwrap_or_default();
        let host = one.first().and_then(|run| run.host.as_deref());
        match &options.machine {
            Some(wanted) => machine.starts_with(wanted.as_str()) || host == Some(wanted.as_str()),
            None => here.id.as_deref() == Some(machine) || here.name.as_deref() == Some(machine),
        }
    };
    let found: Vec<&RunConfiguration> = configurations.iter().filter(is_it).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut known: Vec<String> = configurations
        .iter()
        .filter_map(|one| {
            let host = one.first().and_then(|run| run.host.clone());
            host.or_else(|| one.key.machine.clone())
        })
        .map(|name| shorten(&escape(&name), NAME))
        .collect();
    known.sort();
    known.dedup();
    Err(match (known.is_empty(), &options.machine) {
        (true, _) => Error::Request(
            "no complete run with a known energy per token: record some, for example with \
             `energy sweep --prompt-tokens 32,128,512 --max-tokens 16,64 --repeat 3`"
                .to_owned(),
        ),
        (false, Some(wanted)) => Error::Unknown {
            what: "machine",
            name: shorten(&escape(wanted), NAME),
            known: known.join(", "),
        },
        (false, None) => Error::Request(format!(
            "the file has no run of this machine, and a prediction holds for one machine: record \
             runs here, or choose a machine with --machine ({})",
            known.join(", ")
        )),
    })
}

/// Selects the group of the requested model with the most configurations; `None` if the model was
/// not measured.
pub(super) fn select<'c>(
    configurations: &[&'c RunConfiguration],
    options: &PredictOptions,
) -> Result<Option<SelectedGroup<'c>>> {
    let models = matching_models(configurations, &options.model)?;
    let of_model = configurations
        .iter()
        .filter(|one| models.contains(&(one.key.model.clone(), one.key.model_sha256.clone())));
    let of_model: Vec<&RunConfiguration> = of_model.copied().collect();
    let mut groups: Vec<(ConfigurationKey, Vec<&RunConfiguration>)> =
        groups(of_model.iter().copied());
    if groups.is_empty() {
        return Ok(None);
    }
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let wanted = |(key, _): &(ConfigurationKey, Vec<&RunConfiguration>)| is_wanted(key, options);
    let keys: Vec<ConfigurationKey> = groups.iter().map(|(key, _)| key.clone()).collect();
    let names = crate::analyse::names_of(&keys);
    let Some(at) = groups.iter().position(wanted) else {
        return Err(Error::Request(format!(
            "no run of this model has that precision and engine: choose one of {}",
            names.join("; ")
        )));
    };
    let (key, members) = groups.swap_remove(at);
    let others = names
        .into_iter()
        .enumerate()
        .filter(|(other, _)| *other != at);
    let others = others.map(|(_, name)| name).collect();
    Ok(Some(SelectedGroup {
        group: PredictionGroup::of(&key, (&members, &of_model), others),
        key,
        members,
    }))
}

fn is_wanted(key: &ConfigurationKey, options: &PredictOptions) -> bool {
    let is = |wanted: &Option<String>, names: &[&str]| {
        let is_one = |wanted: &String| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
        wanted.as_ref().is_none_or(is_one)
    };
    let stored = key.precision.as_deref().unwrap_or_default();
    let names = [stored, &precision_name(stored), &used_precision(stored)];
    is(&options.precision, &names)
        && is(
            &options.engine,
            &[key.engine.as_deref().unwrap_or_default()],
        )
}

/// Groups configurations that differ only in their workload.
fn groups<'c>(
    configurations: impl Iterator<Item = &'c RunConfiguration>,
) -> Vec<(ConfigurationKey, Vec<&'c RunConfiguration>)> {
    let mut groups: BTreeMap<ConfigurationKey, Vec<&RunConfiguration>> = BTreeMap::new();
    for one in configurations {
        let key = ConfigurationKey {
            batch: None,
            prompt_tokens: None,
            max_tokens: None,
            ..one.key.clone()
        };
        groups.entry(key).or_default().push(one);
    }
    groups.into_iter().collect()
}

/// Name and checksum of a model.
type ModelIdentity = (Option<String>, Option<String>);

/// Returns the models with the requested name or checksum: an exact name, else a part of one name.
fn matching_models(
    configurations: &[&RunConfiguration],
    wanted: &str,
) -> Result<Vec<ModelIdentity>> {
    let mut all: Vec<ModelIdentity> = configurations
        .iter()
        .map(|one| (one.key.model.clone(), one.key.model_sha256.clone()))
        .collect();
    all.sort();
    all.dedup();
    let lowercase = wanted.to_lowercase();
    let name = |model: &ModelIdentity| model.0.as_deref().unwrap_or_default().to_lowercase();
    let of = |is: &dyn Fn(&ModelIdentity) -> bool| {
        all.iter()
            .filter(|model| is(model))
            .cloned()
            .collect::<Vec<ModelIdentity>>()
    };
    let exact = of(&|model| name(model) == lowercase);
    let by_sum = of(&|model| {
        let sum = model.1.as_deref().unwrap_or_default();
        wanted.len() >= 6 && sum.starts_with(lowercase.as_str())
    });
    let by_part = of(&|model| name(model).contains(&lowercase));
    let found = [exact, by_sum, by_part]
        .into_iter()
        .find(|found| !found.is_empty());
    let found = found.unwrap_or_default();
    match found.len() {
        0 | 1 => Ok(found),
        _ => {
            let names: Vec<String> = found
                .iter()
                .map(|(name, sum)| {
                    let name = shorten(&escape(name.as_deref().unwrap_or("unnamed")), NAME);
                    let sum: String = sum.iter().flat_map(|sum| sum.chars()).take(12).collect();
                    format!("{name} {sum}").trim().to_owned()
                })
                .collect();
            Err(Error::Request(format!(
                "{} models match `{}`: {}; give the whole name, or the beginning of the SHA-256",
                names.len(),
                shorten(&escape(wanted), NAME),
                names.join(", ")
            )))
        }
    }
}

/// Returns the measured models with the settings of the largest group, for predictions across
/// models.
pub(super) fn measured_models<'c>(
    configurations: &[&'c RunConfiguration],
    options: &PredictOptions,
) -> SelectedModels<'c> {
    let mut by_setting: BTreeMap<ConfigurationKey, SelectedModels<'c>> = BTreeMap::new();
    for (key, members) in groups(configurations.iter().copied()) {
        let shape = members
            .first()
            .and_then(|one| one.first())
            .map(|run| &run.shape);
        let parameters = shape.and_then(|shape| shape.active_parameters);
        let (Some(parameters), true) = (parameters, is_wanted(&key, options)) else {
            continue;
        };
        let setting = ConfigurationKey {
            model: None,
            model_sha256: None,
            // It may name the model.
            program: None,
            ..key.clone()
        };
        let group = by_setting.entry(setting).or_default();
        group.models.push(MeasuredModel {
            name: key.model.clone().unwrap_or_default(),
            parameters: parameters as f64,
            configurations: workloads(&members),
        });
        group.members.extend(members);
    }
    let keys: Vec<ConfigurationKey> = by_setting.keys().cloned().collect();
    let names = crate::analyse::names_of(&keys);
    let all = names.into_iter().zip(by_setting);
    let mut all: Vec<(String, (ConfigurationKey, SelectedModels<'c>))> = all.collect();
    // Of equally many models, those with more configurations.
    all.sort_by_key(|(_, (_, group))| std::cmp::Reverse((group.models.len(), group.members.len())));
    let mut all = all.into_iter();
    let Some((_, (setting, mut selected))) = all.next() else {
        return SelectedModels::default();
    };
    let others = all.map(|(name, _)| name).collect();
    selected.group = PredictionGroup::of(&setting, (&selected.members, configurations), others);
    selected.provenance = setting.provenance;
    selected
}

/// Returns the workloads of configurations with the energies of their runs for one batch.
pub(super) fn workloads(configurations: &[&RunConfiguration]) -> Vec<MeasuredWorkload> {
    configurations
        .iter()
        .filter_map(|one| workload(one))
        .collect()
}

fn workload(one: &RunConfiguration) -> Option<MeasuredWorkload> {
    let outputs = one.values(RunFacts::output_per_sequence);
    let largest = one.key.batch.unwrap_or(1).max(1) as f64;
    // Runs of one configuration may have different numbers of sequences.
    let batch_of = |run: &RunFacts| Some(largest.min(run.sequences? as f64));
    let batch = batch_of(one.first()?)?;
    let energies_j = one.values(|run| {
        let batches = (run.sequences? as f64 / batch).max(1.0);
        let joules = run.results.energy_j? / batches;
        (batch_of(run) == Some(batch) && joules > 0.0).then_some(joules)
    });
    if energies_j.is_empty() || outputs.is_empty() {
        return None;
    }
    Some(MeasuredWorkload {
        workload: Workload {
            input_tokens: one.key.prompt_tokens? as f64,
            output_tokens: outputs.iter().sum::<f64>() / outputs.len() as f64,
            batch,
        },
        energies_j,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: PredictOptions,
    }

    #[test]
    fn precisions_are_found_by_their_names() {
        let key = ConfigurationKey {
            precision: Some("q4_1->f32, q8_0->f32".to_owned()),
            ..ConfigurationKey::default()
        };
        for (name, is_found) in [
            ("f32", true),
            ("F32 (from q4_1+q8_0)", true),
            ("q4_1->f32, q8_0->f32", true),
            ("q8_0", false),
            ("f3", false),
        ] {
            let words = ["predict", "--model", "m", "--input", "1", "--output", "1"];
            let words = [&words[..], &["--precision", name]].concat();
            let options = Line::parse_from(words).options;
            assert_eq!(is_wanted(&key, &options), is_found, "{name}");
        }
    }
}
