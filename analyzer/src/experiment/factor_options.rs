//! Factors on the command line, and the configurations that they span.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::chosen_factor::ChosenFactor;
use super::config::TrialConfig;
use super::factor::{FACTORS, Factor, FactorValues, find};
use super::labels::Labels;
use crate::error::{Error, Result};

/// Most configurations of an experiment.
const MOST: usize = 20_000;

/// Factors that were given on the command line, in the order of their list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactorOptions {
    /// The factors.
    pub chosen: Vec<ChosenFactor>,
}

/// Options of factors: those of `energy run`, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactorArgs<const OF_RUN: bool>(pub FactorOptions);

/// A configuration with the values that distinguish it from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledConfig {
    /// The values; empty if there is only one configuration.
    pub label: String,
    /// Name and text of each value.
    pub values: Vec<(String, String)>,
    /// The configuration.
    pub config: TrialConfig,
}

impl FactorOptions {
    /// Adds values as on the command line.
    ///
    /// # Errors
    /// If there is no such factor or value; the message lists the accepted ones.
    pub fn choose(&mut self, name: &str, text: &str) -> Result<()> {
        let factor = find(name).ok_or_else(|| Error::Unknown {
            what: "factor",
            name: name.to_owned(),
            known: names(),
        })?;
        let values = factor.expand(text);
        let values = values.map_err(|error| Error::Request(format!("--{name}: {error}")))?;
        self.add(factor, values);
        Ok(())
    }

    fn add(&mut self, factor: &Factor, values: Vec<String>) {
        let key = |value: &str| value.split_once('=').map(|(key, _)| key.to_owned());
        for value in values {
            let is_same = |chosen: &&mut ChosenFactor| {
                let own = chosen.values.first();
                chosen.factor == factor.name
                    && (!matches!(factor.values, FactorValues::Labels)
                        || own.and_then(|own| key(own)) == key(&value))
            };
            match self.chosen.iter_mut().find(is_same) {
                Some(chosen) if chosen.values.contains(&value) => {}
                Some(chosen) => chosen.values.push(value),
                None => self.chosen.push(ChosenFactor {
                    factor: factor.name.to_owned(),
                    values: vec![value],
                }),
            }
        }
    }

    /// Returns whether the factor was given.
    pub fn has(&self, name: &str) -> bool {
        self.chosen.iter().any(|chosen| chosen.factor == name)
    }

    /// Returns the factors with several values.
    pub fn varied(&self) -> impl Iterator<Item = &ChosenFactor> {
        self.chosen.iter().filter(|chosen| chosen.is_varied())
    }

    /// Returns `base` with every combination of values; the first factor changes last.
    ///
    /// # Errors
    /// If there are too many combinations, or a stored plan has a factor or value that does not
    /// exist.
    pub fn configs(&self, base: &TrialConfig) -> Result<Vec<LabelledConfig>> {
        let count = self.chosen.iter().map(|chosen| chosen.values.len());
        let count = count.fold(1_usize, usize::saturating_mul);
        if count > MOST {
            let text = format!("{count} configurations exceed {MOST}; give fewer values");
            return Err(Error::Request(text));
        }
        let mut all = vec![base.clone()];
        for chosen in &self.chosen {
            let factor = find(&chosen.factor).ok_or_else(|| Error::Unknown {
                what: "factor",
                name: chosen.factor.clone(),
                known: names(),
            })?;
            let mut next = Vec::with_capacity(all.len() * chosen.values.len());
            for config in &all {
                for value in &chosen.values {
                    let mut config = config.clone();
                    let set = (factor.set)(&mut config, value);
                    set.map_err(|error| Error::Request(format!("--{}: {error}", factor.name)))?;
                    next.push(config);
                }
            }
            all = next;
        }
        let labels = Labels::of(&self.chosen);
        let labelled = |(index, config)| LabelledConfig {
            label: labels.of_config(index),
            values: labels.values(index),
            config,
        };
        Ok(all.into_iter().enumerate().map(labelled).collect())
    }
}

/// Returns the names of all factors.
fn names() -> String {
    let names: Vec<&str> = FACTORS.iter().map(|factor| factor.name).collect();
    names.join(", ")
}

impl<const OF_RUN: bool> FactorArgs<OF_RUN> {
    fn factors() -> impl Iterator<Item = &'static Factor> {
        FACTORS.iter().filter(|factor| !OF_RUN || factor.is_of_run)
    }
}

impl<const OF_RUN: bool> Args for FactorArgs<OF_RUN> {
    fn augment_args(command: Command) -> Command {
        Self::factors().fold(command, |command, factor| {
            let parse = move |text: &str| factor.expand(text);
            command.arg(
                Arg::new(factor.name)
                    .long(factor.name)
                    .value_name(factor.placeholder)
                    .help(factor.full_help())
                    .action(ArgAction::Append)
                    .conflicts_with_all(factor.excludes)
                    .value_parser(parse)
                    .help_heading("Factors (lists 1,2,4 and ranges 1..4, 64..512+64, 64..4096x2)"),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const OF_RUN: bool> FromArgMatches for FactorArgs<OF_RUN> {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut options = FactorOptions::default();
        for factor in Self::factors() {
            for values in matches
                .get_many::<Vec<String>>(factor.name)
                .into_iter()
                .flatten()
            {
                options.add(factor, values.clone());
            }
        }
        Ok(Self(options))
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(given: &[(&str, &str)]) -> FactorOptions {
        let mut options = FactorOptions::default();
        for (name, text) in given {
            options.choose(name, text).unwrap();
        }
        options
    }

    fn labels(given: &[(&str, &str)]) -> Vec<String> {
        let configs = options(given).configs(&TrialConfig::default()).unwrap();
        configs.into_iter().map(|config| config.label).collect()
    }

    #[test]
    fn every_combination_is_a_configuration_with_a_unique_label() {
        let given = [
            ("requantize", "none,q8_0"),
            ("max-tokens", "8,16"),
            ("batch", "2"),
        ];
        assert_eq!(
            labels(&given),
            [
                "requantize=none max-tokens=8",
                "requantize=none max-tokens=16",
                "requantize=q8_0 max-tokens=8",
                "requantize=q8_0 max-tokens=16"
            ]
        );
        let configs = options(&given).configs(&TrialConfig::default()).unwrap();
        let last = &configs[3].config;
        assert_eq!((last.batch, last.max_tokens), (2, 16));
        assert_eq!(labels(&[]), [""]);
    }

    #[test]
    fn one_factor_needs_no_name() {
        assert_eq!(labels(&[("batch", "1,2")]), ["1", "2"]);
        let given = [("model", "a/tiny.gguf"), ("model", "b/small.gguf")];
        assert_eq!(labels(&given), ["tiny.gguf", "small.gguf"]);
        let given = [("model", "a/tiny.gguf,b/tiny.gguf")];
        assert_eq!(labels(&given), ["a/tiny.gguf", "b/tiny.gguf"]);
    }

    #[test]
    fn each_key_of_labels_is_a_factor() {
        let given = [("label", "tp=1,2"), ("label", "pp=4"), ("label", "tp=2,8")];
        assert_eq!(labels(&given), ["1", "2", "8"]);
        let configs = options(&given).configs(&TrialConfig::default()).unwrap();
        assert_eq!(configs[2].config.labels["tp"], "8");
        assert_eq!(configs[2].config.labels["pp"], "4");
    }

    #[test]
    fn unknown_factors_and_too_many_combinations_are_refused() {
        let error = FactorOptions::default()
            .choose("colour", "red")
            .unwrap_err();
        assert!(
            error.to_string().contains("engine, model, requantize"),
            "{error}"
        );
        let given = [("max-tokens", "1..1000"), ("prompt-tokens", "1..1000")];
        let error = options(&given)
            .configs(&TrialConfig::default())
            .unwrap_err();
        assert!(
            error.to_string().contains("1000000 configurations"),
            "{error}"
        );
    }
}
