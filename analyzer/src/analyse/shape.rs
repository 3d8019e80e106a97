//! Energy per token by layers, hidden size and FFN size.

use energy_statistics::NotEstimable;
use energy_statistics::rank::rank_correlation;
use energy_statistics::regression::{MIN_MODELS, Regressor, multiple_power_law, separability};

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::levels;
use super::models::{SeriesModel, models_of, series_of_models};
use super::series::{CONFIDENCE, FactorSeries};
use super::words::{list_of, p_value};
use crate::format::number;
use crate::query::ModelShape;

/// Probability below which a correlation is shown.
const SIGNIFICANCE: f64 = 0.05;

/// Which property of a model goes with its energy?
pub(super) const SHAPE: Analysis = Analysis {
    name: "shape",
    question: "Does the energy per token go with layers, hidden size or FFN size?",
    varied: "models of different shapes",
    remedy: "energy sweep --model A,B,C,D --prompt-tokens 128 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let all = series_of_models(configurations);
        let findings: Vec<Finding> = all.iter().map(|one| finding(one, per)).collect();
        let mut plot = levels::plot(&findings, per, "layers");
        plot.title = format!("{} by layers", per.label());
        plot.caption = "A point is a model. Whiskers: 95 % intervals of means of runs.".to_owned();
        AnalysisResult {
            findings,
            plots: vec![plot],
        }
    },
};

/// A property of models, by name.
type Property = (&'static str, fn(&ModelShape) -> Option<u64>);

const PROPERTIES: [Property; 3] = [
    ("layers", |shape| shape.layers),
    ("hidden size", |shape| shape.hidden),
    ("FFN size", |shape| shape.ffn),
];

fn finding(series: &FactorSeries<'_>, per: PerToken) -> Finding {
    let models: Vec<SeriesModel<'_>> = models_of(series)
        .into_iter()
        .filter(|model| {
            PROPERTIES
                .iter()
                .all(|(_, of)| property(model, *of).is_some())
        })
        .collect();
    let rows = models.iter().map(|model| FindingRow {
        number: property(model, PROPERTIES[0].1),
        is_selected: true,
        ..model.level.row(per)
    });
    let rows: Vec<FindingRow> = rows.collect();
    match correlations(&models, per) {
        Err(reason) => Finding::not_estimable(&series.name, reason, rows),
        Ok(found) => {
            let separable = found.separable.as_ref();
            Finding {
                series: series.name.clone(),
                verdict: match (found.shown.is_empty(), separable.is_ok()) {
                    (true, _) => FindingVerdict::None,
                    (false, true) => FindingVerdict::Found,
                    (false, false) => FindingVerdict::Undecided,
                },
                answer: sentence(&found, models.len()),
                reason: None,
                estimates: found.estimates,
                rows,
            }
        }
    }
}

fn property(model: &SeriesModel<'_>, of: fn(&ModelShape) -> Option<u64>) -> Option<f64> {
    let shape = &model.level.configurations.first()?.first()?.shape;
    of(shape).map(|count| count as f64)
}

/// Correlations of properties with energy.
struct FoundCorrelations {
    estimates: Vec<NamedEstimate>,
    words: Vec<String>,
    /// Properties with a correlation.
    shown: Vec<&'static str>,
    /// Whether their effects can be separated: the exponents in words, if there are enough models.
    separable: Result<Option<String>, NotEstimable>,
}

fn correlations(
    models: &[SeriesModel<'_>],
    per: PerToken,
) -> Result<FoundCorrelations, NotEstimable> {
    let means: Vec<f64> = models.iter().filter_map(|model| model.mean(per)).collect();
    if means.len() < models.len() {
        return Err(NotEstimable::NoRun);
    }
    let (mut estimates, mut words, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    let (mut regressors, mut refused) = (Vec::new(), None);
    for (name, of) in PROPERTIES {
        let values: Vec<f64> = models
            .iter()
            .filter_map(|model| property(model, of))
            .collect();
        let pairs: Vec<(f64, f64)> = values.iter().copied().zip(means.iter().copied()).collect();
        match rank_correlation(&pairs) {
            Err(NotEstimable::NoVariance { .. }) => words.push(format!("{name} do not vary")),
            Err(reason) => refused = Some(reason),
            Ok(found) => {
                estimates.push(NamedEstimate::number(
                    &format!("rank correlation of {name}"),
                    found.rho,
                    "",
                ));
                estimates.push(NamedEstimate::number(&format!("p of {name}"), found.p, ""));
                words.push(format!("{name} {:+.2} ({})", found.rho, p_value(found.p)));
                if found.p < SIGNIFICANCE {
                    shown.push(name);
                }
                regressors.push(Regressor {
                    name: name.to_owned(),
                    values,
                });
            }
        }
    }
    if regressors.is_empty() {
        return Err(refused.unwrap_or(NotEstimable::NoVariance {
            of: "the shape of models".to_owned(),
        }));
    }
    let separable = separate(&regressors, &means, &mut estimates);
    Ok(FoundCorrelations {
        estimates,
        words,
        shown,
        separable,
    })
}

/// Separates the effects of properties: exponents in words with enough models.
fn separate(
    regressors: &[Regressor],
    means: &[f64],
    estimates: &mut Vec<NamedEstimate>,
) -> Result<Option<String>, NotEstimable> {
    if regressors.len() < 2 {
        return Ok(None);
    }
    let condition = separability(regressors)?;
    estimates.push(NamedEstimate::number("condition number", condition, ""));
    if means.len() < MIN_MODELS {
        return Ok(None);
    }
    let law = multiple_power_law(regressors, means, CONFIDENCE)?;
    let words = law.exponents.iter().map(|one| {
        let name = format!("exponent of {}", one.name);
        estimates.push(NamedEstimate::of(&name, &one.exponent, ""));
        let [lo, hi] = [one.exponent.lo, one.exponent.hi].map(number);
        format!(
            "{} {} [{lo}, {hi}]",
            one.name,
            number(Some(one.exponent.value))
        )
    });
    Ok(Some(words.collect::<Vec<_>>().join(", ")))
}

fn sentence(found: &FoundCorrelations, models: usize) -> String {
    let words = found.words.join(", ");
    let shown: Vec<String> = found.shown.iter().map(|name| (*name).to_owned()).collect();
    let first = match shown.as_slice() {
        [] => format!("no rank correlation is shown with {models} models: {words}"),
        names => format!(
            "energy goes with {} (rank correlations with {models} models: {words})",
            list_of(names)
        ),
    };
    match &found.separable {
        Ok(Some(exponents)) => format!("{first}; exponents: {exponents}."),
        Ok(None) if models < MIN_MODELS => {
            format!("{first}; their exponents need {MIN_MODELS} models.")
        }
        Ok(None) => format!("{first}."),
        Err(reason) => format!("{first}; {reason}."),
    }
}
