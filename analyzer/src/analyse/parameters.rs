//! Energy per token by the number of parameters.

use energy_statistics::{Configuration, PowerLaw, power_law};

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::levels;
use super::models::{models_of, series_of_models};
use super::series::{CONFIDENCE, FactorSeries};
use crate::format::{number, percent};
use crate::plot::{AxisScale, Curve, CurvePoint};

/// Points of a drawn curve.
const CURVE: usize = 40;

/// How does the energy per token grow with the parameters?
pub(super) const PARAMETERS: Analysis = Analysis {
    name: "parameters",
    question: "With which exponent does the energy per token grow with the active parameters?",
    varied: "models of different sizes",
    remedy: "energy sweep --model A,B,C,D --prompt-tokens 128 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let all = series_of_models(configurations);
        let fitted: Vec<(Finding, Option<PowerLaw>)> =
            all.iter().map(|one| finding(one, per)).collect();
        let findings: Vec<Finding> = fitted.iter().map(|(finding, _)| finding.clone()).collect();
        let mut plot = levels::plot(&findings, per, "active parameters");
        plot.caption = "A point is a model. Line: power law; band: its 95 % interval.".to_owned();
        plot.y.scale = AxisScale::Log;
        for series in &mut plot.series {
            series.is_joined = false;
        }
        let laws = fitted.iter().take(plot.series.len());
        plot.curves = laws.map(|(_, law)| curve(law.as_ref())).collect();
        AnalysisResult {
            findings,
            plots: vec![plot],
        }
    },
};

fn finding(series: &FactorSeries<'_>, per: PerToken) -> (Finding, Option<PowerLaw>) {
    let models = models_of(series);
    let rows = models.iter().map(|model| FindingRow {
        is_selected: true,
        ..model.level.row(per)
    });
    let rows: Vec<FindingRow> = rows.collect();
    let samples = models.iter().map(|model| Configuration {
        x: model.parameters,
        values: model.level.values(per),
    });
    let samples: Vec<Configuration> = samples.filter(|one| !one.values.is_empty()).collect();
    match power_law(&samples, CONFIDENCE) {
        Err(reason) => (Finding::not_estimable(&series.name, reason, rows), None),
        Ok(law) => {
            let finding = Finding {
                series: series.name.clone(),
                verdict: verdict(&law),
                answer: sentence(&law, per),
                reason: None,
                estimates: estimates(&law),
                rows,
            };
            (finding, Some(law))
        }
    }
}

/// A law is found if its exponent is not zero.
fn verdict(law: &PowerLaw) -> FindingVerdict {
    match law.exponent.contains(0.0) {
        true => FindingVerdict::Undecided,
        false => FindingVerdict::Found,
    }
}

fn sentence(law: &PowerLaw, per: PerToken) -> String {
    let end = |end: Option<f64>| number(end);
    format!(
        "{} grows with the active parameters to the power {} [{}, {}] (95 %, {} models as samples); \
         models scatter by {} about the law.",
        per.label(),
        number(Some(law.exponent.value)),
        end(law.exponent.lo),
        end(law.exponent.hi),
        law.configurations,
        percent(Some(law.residual_sd_ln.exp_m1())),
    )
}

fn estimates(law: &PowerLaw) -> Vec<NamedEstimate> {
    let mut all = vec![
        NamedEstimate::of("exponent", &law.exponent, ""),
        NamedEstimate::number("scatter of models", law.residual_sd_ln, ""),
        NamedEstimate::number("reference parameters", law.reference_x, ""),
        NamedEstimate::number("energy at the reference", law.reference_value, "J/token"),
    ];
    all.extend(
        law.r_squared
            .map(|share| NamedEstimate::number("explained share", share, "")),
    );
    all
}

fn curve(law: Option<&PowerLaw>) -> Curve {
    let Some(law) = law else {
        return Curve::default();
    };
    let [lo, hi] = law.x_range;
    let at = |step: usize| lo * (hi / lo).powf(step as f64 / (CURVE - 1) as f64);
    let points = (0..CURVE).filter_map(|step| {
        let x = at(step);
        let mean = law.mean_at(x).ok()?;
        Some(CurvePoint {
            x,
            y: mean.value,
            lo: mean.lo,
            hi: mean.hi,
        })
    });
    Curve {
        name: String::new(),
        points: points.collect(),
    }
}
