//! Quality of a model's answers, as tags of runs.

use std::collections::BTreeMap;

use serde::Serialize;

/// Keys of the tags, in the order of the fields of [`StoredQuality`].
pub const QUALITY_TAGS: [&str; 5] = [
    "quality.text",
    "quality.tokens",
    "quality.perplexity",
    "quality.reference_perplexity",
    "quality.top1_agreement",
];

/// Quality of a model with its weights as a run used them, against the same model in f32 on a
/// short text. A proxy: a text of some hundred tokens does not show how answers differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredQuality {
    /// The text: its name and version.
    pub text: String,
    /// Tokens that were predicted.
    pub tokens: u64,
    /// Perplexity on the text.
    pub perplexity: f64,
    /// Perplexity of the same model in f32.
    pub reference_perplexity: f64,
    /// Share of positions at which the most likely token is that of f32.
    pub top1_agreement: f64,
}

impl StoredQuality {
    /// Reads the quality from the tags of a run; `None` if one is missing or impossible.
    pub fn of(tags: &BTreeMap<String, String>) -> Option<Self> {
        let [text, tokens, perplexity, reference, top1] = QUALITY_TAGS.map(|key| tags.get(key));
        let number = |text: Option<&String>, lo: f64, hi: f64| {
            let number = text?.parse::<f64>().ok()?;
            (number.is_finite() && number >= lo && number <= hi).then_some(number)
        };
        Some(Self {
            text: text?.clone(),
            tokens: tokens?.parse().ok()?,
            perplexity: number(perplexity, 1.0, f64::MAX)?,
            reference_perplexity: number(reference, 1.0, f64::MAX)?,
            top1_agreement: number(top1, 0.0, 1.0)?,
        })
    }

    /// Returns the tags that store it.
    pub fn tags(&self) -> [(&'static str, String); 5] {
        let values = [
            self.text.clone(),
            self.tokens.to_string(),
            self.perplexity.to_string(),
            self.reference_perplexity.to_string(),
            self.top1_agreement.to_string(),
        ];
        let mut values = values.into_iter();
        QUALITY_TAGS.map(|key| (key, values.next().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_hold_a_quality_or_an_impossible_one_is_unknown() {
        let quality = StoredQuality {
            text: "harbour-1".to_owned(),
            tokens: 700,
            perplexity: 12.5,
            reference_perplexity: 12.25,
            top1_agreement: 0.975,
        };
        let tags = |all: [(&str, String); 5]| {
            let owned = all.into_iter().map(|(key, value)| (key.to_owned(), value));
            owned.collect::<BTreeMap<_, _>>()
        };
        let mut stored = tags(quality.tags());
        assert_eq!(StoredQuality::of(&stored), Some(quality));
        for wrong in ["1.5", "NaN", "-0.1", ""] {
            stored.insert("quality.top1_agreement".to_owned(), wrong.to_owned());
            assert_eq!(StoredQuality::of(&stored), None, "{wrong}");
        }
    }
}
