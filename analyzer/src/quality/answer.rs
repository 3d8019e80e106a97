//! The qualities of a model's conversions.

use serde_json::json;

use super::evaluate::EvaluatedWeights;
use crate::format::{Answer, Column, Sheet, counted, escape, shorten};

/// Qualities of a model with several conversions of its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelQuality {
    /// One for each conversion.
    pub all: Vec<EvaluatedWeights>,
}

impl ModelQuality {
    /// Converts to an answer.
    pub fn answer(&self) -> Answer {
        let first = self.all.first();
        let model = first.map_or("", |one| one.model.as_str());
        let tokens = first.map_or(0, |one| one.quality.tokens);
        let text = first.map_or("", |one| one.quality.text.as_str());
        let title = format!("Quality of {} against f32", shorten(&escape(model), 60));
        let rows = self.all.iter().map(|one| {
            let ratio = one.quality.perplexity / one.quality.reference_perplexity;
            json!({
                "requantize": one.requantize,
                "precision": one.precision,
                "cache": one.cache,
                "perplexity": one.quality.perplexity,
                "reference_perplexity": one.quality.reference_perplexity,
                "perplexity_ratio": ratio,
                "top1_agreement": one.quality.top1_agreement,
                "runs": one.runs,
            })
        });
        let columns = vec![
            Column::text("requantize", "requantize"),
            Column::text("precision", "precision"),
            Column::number("perplexity", "perplexity"),
            Column::number("reference_perplexity", "f32"),
            Column::number("perplexity_ratio", "ratio"),
            Column::percent("top1_agreement", "top-1 as f32"),
            Column::count("runs", "runs"),
            Column::data("cache"),
        ];
        let stored: usize = self.all.iter().map(|one| one.runs).sum();
        let stored = match stored {
            0 => "No run of the file used these weights; repeat the command after recording, so that \
                  analyses show the quality."
                .to_owned(),
            runs => format!("Stored with {} as tags.", counted(runs, "run")),
        };
        Answer::new("quality", title)
            .with("model", json!(model))
            .with("model_sha256", json!(first.map(|one| &one.model_sha256)))
            .with("text", json!(text))
            .with("tokens", json!(tokens))
            .sheet(Sheet::new("conversions", "", columns, rows))
            .note(stored)
            .note(format!(
                "A proxy on the text {text} ({tokens} predicted tokens): it shows damage, not how \
                 answers differ."
            ))
    }
}
