//! Command lines of engines, in which the values of a configuration replace placeholders.

use crate::error::{Error, Result};
use crate::experiment::{ExperimentPlan, TrialConfig};
use crate::program::{Placeholder, fill};
use crate::run::WeightConversion;

/// Factors that only reach a program through its command line, with their placeholders.
const FACTORS: &[(&str, &str)] = &[
    ("model", "model"),
    ("threads", "threads"),
    ("device", "device"),
    ("cache", "cache"),
    ("max-tokens", "max_tokens"),
];

/// Placeholders that are no labels.
const RESERVED: &[&str] = &[
    "model",
    "threads",
    "device",
    "cache",
    "max_tokens",
    "prompt_file",
];

/// A command line of an engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandTemplate<'t> {
    /// Name of the engine.
    pub(super) engine: &'static str,
    /// Option that the line was given by.
    pub(super) option: &'static str,
    /// The line.
    pub(super) line: &'t str,
    /// Factors that the engine itself uses.
    pub(super) used: &'t [&'static str],
}

impl CommandTemplate<'_> {
    /// Checks that the engine can run a configuration.
    ///
    /// # Errors
    /// If a value would have no effect: the placeholder is missing, or the engine does not have the
    /// factor.
    pub(super) fn check(&self, plan: &ExperimentPlan, config: &TrialConfig) -> Result<()> {
        let wrong = |text: String| Err(Error::Request(format!("engine {}: {text}", self.engine)));
        if config.batch > 1 {
            return wrong("it generates one answer at a time; omit --batch".to_owned());
        }
        let keeps = [WeightConversion::Auto, WeightConversion::None];
        if !keeps.contains(&config.requantize) {
            return wrong(
                "it cannot convert weights; omit --requantize, and give models in the wanted format"
                    .to_owned(),
            );
        }
        if plan.options.system.is_some() {
            return wrong("it has no system turn; omit --system".to_owned());
        }
        let is_varied = |name: &str| {
            let mut factors = plan.factors.iter();
            factors.any(|chosen| chosen.factor == name && chosen.is_varied())
        };
        if is_varied("depth") {
            return wrong("its spans have one depth; give one value of --depth".to_owned());
        }
        let is_chosen = |name: &str| plan.factors.iter().any(|chosen| chosen.factor == name);
        for (factor, placeholder) in FACTORS {
            let is_used = self.used.contains(factor) || self.has(placeholder);
            if is_chosen(factor) && !is_used {
                return wrong(format!(
                    "--{factor} has no effect, because the command line has no {{{placeholder}}}; \
                     add it to {}",
                    self.option
                ));
            }
        }
        for chosen in &plan.factors {
            let Some(key) = chosen.label_key() else {
                continue;
            };
            if RESERVED.contains(&key) {
                return wrong(format!(
                    "--label {key}: {{{key}}} stands for another value in the command line; choose \
                     another key"
                ));
            }
            if chosen.is_varied() && !self.has(key) {
                return wrong(format!(
                    "--label {key} has several values, but the command line has no {{{key}}}; add \
                     it to {}",
                    self.option
                ));
            }
        }
        Ok(())
    }

    /// Returns whether the command line has a placeholder.
    pub(super) fn has(&self, placeholder: &str) -> bool {
        self.line.contains(&format!("{{{placeholder}}}"))
    }
}

/// Replaces the placeholders of a configuration and the `further` ones. The line must not have been
/// filled in before: values can contain braces.
pub(super) fn filled<'c>(
    line: &str,
    config: &'c TrialConfig,
    further: impl IntoIterator<Item = Placeholder<'c>>,
) -> String {
    let labels = config.labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let text = |name: &'static str, value: String| (name.into(), value.into());
    let threads = config
        .threads
        .map(|threads| text("threads", threads.to_string()));
    let own = [
        text("max_tokens", config.max_tokens.to_string()),
        text("device", config.device.clone()),
        text("cache", crate::run::options::value_name(&config.cache)),
    ];
    let values: Vec<Placeholder<'_>> = further
        .into_iter()
        .chain(labels)
        .chain(threads)
        .chain(own)
        .collect();
    fill(line, &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;
    use crate::experiment::{FactorOptions, SweepOptions};
    use crate::run::RunOptions;

    fn plan(factors: &[(&str, &str)]) -> ExperimentPlan {
        let mut chosen = FactorOptions::default();
        for (name, values) in factors {
            chosen.choose(name, values).unwrap();
        }
        ExperimentPlan::new(
            "e".into(),
            &RunOptions::default(),
            &chosen,
            &EngineOptions::default(),
            &SweepOptions::default(),
        )
    }

    fn checked(line: &str, factors: &[(&str, &str)]) -> Result<()> {
        let plan = plan(factors);
        let template = CommandTemplate {
            engine: "http",
            option: "--serve",
            line,
            used: &["max-tokens"],
        };
        for config in plan.configs().unwrap() {
            template.check(&plan, &config.config)?;
        }
        Ok(())
    }

    #[test]
    fn factors_need_their_placeholders() {
        assert!(checked("serve", &[("max-tokens", "4,8")]).is_ok());
        assert!(checked("serve", &[("label", "host=a"), ("depth", "layer")]).is_ok());
        assert!(
            checked(
                "serve {threads}",
                &[("threads", "1,2"), ("requantize", "none")]
            )
            .is_ok()
        );
        for (line, factor, value, expected) in [
            ("serve", "threads", "2", "add it to --serve"),
            ("serve {threads}", "model", "a,b", "has no {model}"),
            ("serve", "batch", "1,2", "omit --batch"),
            ("serve", "requantize", "q8_0", "omit --requantize"),
            ("serve", "depth", "phase,layer", "one value of --depth"),
            ("serve", "label", "tp=1,2", "has no {tp}"),
            ("serve {model}", "label", "model=a", "choose another key"),
        ] {
            let error = checked(line, &[(factor, value)]).unwrap_err().to_string();
            assert!(
                error.starts_with("engine http: ") && error.contains(expected),
                "{error}"
            );
        }
    }

    #[test]
    fn values_of_the_configuration_are_filled_in() {
        let mut config = TrialConfig {
            threads: Some(3),
            max_tokens: 7,
            ..TrialConfig::default()
        };
        config.labels.insert("tp".into(), "2".into());
        let line = filled(
            "x {model} -t {threads} -n {max_tokens} {tp} {device} {cache} {other}",
            &config,
            [("model".into(), "a b".into())],
        );
        assert_eq!(line, "x 'a b' -t 3 -n 7 2 cpu f32 {other}");
    }
}
