//! Labels of configurations: short texts of the values that distinguish them.

use std::collections::BTreeSet;
use std::path::Path;

use super::chosen_factor::ChosenFactor;

/// Texts of the varied values.
pub(super) struct Labels {
    /// Name and texts of each factor, the number of texts included that are not shown.
    factors: Vec<(String, Vec<String>)>,
    /// Number of factors with several values.
    varied: usize,
}

impl Labels {
    /// Collects the texts of the chosen values.
    pub(super) fn of(chosen: &[ChosenFactor]) -> Self {
        let factors = chosen.iter().map(|chosen| {
            let texts = texts(chosen);
            let name = chosen.label_key().unwrap_or(&chosen.factor);
            (name.to_owned(), texts)
        });
        Self {
            factors: factors.collect(),
            varied: chosen.iter().filter(|chosen| chosen.is_varied()).count(),
        }
    }

    /// Returns name and text of each varied value in the combination with that index.
    pub(super) fn values(&self, mut index: usize) -> Vec<(String, String)> {
        let mut values = Vec::new();
        for (name, texts) in self.factors.iter().rev() {
            let text = texts.get(index % texts.len().max(1));
            index /= texts.len().max(1);
            if let Some(text) = text.filter(|_| texts.len() > 1) {
                values.push((name.clone(), text.clone()));
            }
        }
        values.reverse();
        values
    }

    /// Returns the label of the combination with that index.
    pub(super) fn of_config(&self, index: usize) -> String {
        let text = |(name, text)| match self.varied {
            1 => text,
            _ => format!("{name}={text}"),
        };
        Vec::from_iter(self.values(index).into_iter().map(text)).join(" ")
    }
}

/// Returns short texts of values: of models the names of their files if these differ.
fn texts(chosen: &ChosenFactor) -> Vec<String> {
    let values = &chosen.values;
    match chosen.factor.as_str() {
        "model" => {
            let name = |value: &String| {
                let name = Path::new(value).file_name();
                name.map_or_else(|| value.clone(), |name| name.to_string_lossy().into_owned())
            };
            let names: Vec<String> = values.iter().map(name).collect();
            match names.iter().collect::<BTreeSet<_>>().len() == names.len() {
                true => names,
                false => values.clone(),
            }
        }
        "label" => {
            let value = |text: &String| text.split_once('=').map_or("", |(_, one)| one).to_owned();
            values.iter().map(value).collect()
        }
        _ => values.clone(),
    }
}
