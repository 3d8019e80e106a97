//! Energy per token by context.

use energy_statistics::Configuration;
use energy_statistics::hinge::{HingeTest, SlopeChange, hinge_test};

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::levels;
use super::series::{CONFIDENCE, FactorSeries, SeriesFactor, series};
use super::words::{p_value, per_token};
use crate::format::counted;
use crate::plot::{AxisScale, Curve, CurvePoint, Marker};

/// From which context on does the energy per token rise faster?
pub(super) const CONTEXT: Analysis = Analysis {
    name: "context",
    question: "From which context on does the energy per token rise faster?",
    varied: "prompt lengths",
    remedy: "energy sweep --prompt-tokens 64..2048x2 --repeat 3",
    per: PerToken::OutputToken,
    run: |configurations, per| {
        let all = series(configurations, &FACTOR);
        let tested: Vec<(Finding, Option<HingeTest>)> =
            all.iter().map(|one| finding(one, per)).collect();
        let findings: Vec<Finding> = tested.iter().map(|(finding, _)| finding.clone()).collect();
        let mut plot = levels::plot(&findings, per, "prompt tokens");
        plot.caption = "Whiskers: 95 % intervals of means. Lines: the fit; dashed: the place at \
                        which the slope changes, with its 95 % interval."
            .to_owned();
        plot.x.scale = AxisScale::Linear;
        for series in &mut plot.series {
            series.is_joined = false;
        }
        for (finding, test) in tested.iter().take(plot.series.len()) {
            plot.curves.push(curve(finding, test.as_ref()));
            plot.markers.extend(test.as_ref().and_then(marker));
        }
        AnalysisResult {
            findings,
            plots: vec![plot],
        }
    },
};

const FACTOR: SeriesFactor = SeriesFactor {
    clear: |key| key.prompt_tokens = None,
    level: |one| {
        let tokens = one.key.prompt_tokens.filter(|tokens| *tokens > 0)?;
        Some((tokens.to_string(), Some(tokens as f64)))
    },
};

fn finding(series: &FactorSeries<'_>, per: PerToken) -> (Finding, Option<HingeTest>) {
    let mut rows: Vec<FindingRow> = series.levels.iter().map(|level| level.row(per)).collect();
    for row in &mut rows {
        row.is_selected = true;
    }
    let contexts = series.levels.iter().filter_map(|level| {
        let values = level.values(per);
        let x = level.number?;
        (!values.is_empty()).then_some(Configuration { x, values })
    });
    let contexts: Vec<Configuration> = contexts.collect();
    match hinge_test(&contexts, CONFIDENCE) {
        Err(reason) => (Finding::not_estimable(&series.name, reason, rows), None),
        Ok(test) => {
            let finding = Finding {
                series: series.name.clone(),
                verdict: verdict(&test),
                answer: sentence(&test, per),
                reason: None,
                estimates: estimates(&test, per),
                rows,
            };
            (finding, Some(test))
        }
    }
}

fn verdict(test: &HingeTest) -> FindingVerdict {
    match &test.hinge {
        Some(_) => FindingVerdict::Found,
        None => FindingVerdict::None,
    }
}

fn sentence(test: &HingeTest, per: PerToken) -> String {
    let contexts = counted(test.contexts, "context");
    match &test.hinge {
        Some(hinge) => {
            let saturates = match hinge.change {
                SlopeChange::Increases => "",
                SlopeChange::Decreases => "no saturation; ",
            };
            format!(
                "{saturates}{} {} prompt tokens, 95 % interval; {contexts}, {}.",
                per.label(),
                test.words(),
                p_value(test.p)
            )
        }
        None => {
            let slope = test.line_slope * 1000.0;
            let change = if slope < 0.0 { "falls" } else { "rises" };
            format!(
                "saturation point: none found (p = {:.2}); {contexts} agree with one line, which {change} \
                 by {} per 1000 prompt tokens.",
                test.p,
                per_token(slope.abs(), per.label()),
            )
        }
    }
}

fn estimates(test: &HingeTest, per: PerToken) -> Vec<NamedEstimate> {
    let mut all = vec![
        NamedEstimate::number("p of a change", test.p, ""),
        NamedEstimate::number("scatter of contexts", test.relative_sd, ""),
    ];
    let slope_unit = format!("{} per prompt token", per.label());
    match &test.hinge {
        Some(hinge) => {
            all.insert(
                0,
                NamedEstimate::of("saturation", &hinge.place, "prompt tokens"),
            );
            all.push(NamedEstimate::number(
                "slope before",
                hinge.slope_before,
                &slope_unit,
            ));
            all.push(NamedEstimate::number(
                "slope after",
                hinge.slope_after,
                &slope_unit,
            ));
        }
        None => all.push(NamedEstimate::number("slope", test.line_slope, &slope_unit)),
    }
    all
}

/// Returns the fitted lines over the measured contexts.
fn curve(finding: &Finding, test: Option<&HingeTest>) -> Curve {
    let xs: Vec<f64> = finding.rows.iter().filter_map(|row| row.number).collect();
    let ends = (xs.first().copied(), xs.last().copied());
    let (Some(test), (Some(first), Some(last))) = (test, ends) else {
        return Curve::default();
    };
    let (at, value): (Vec<f64>, Box<dyn Fn(f64) -> f64>) = match test.hinge {
        Some(hinge) => {
            let place = hinge.place.value;
            let value = move |x: f64| {
                let slope = if x < place {
                    hinge.slope_before
                } else {
                    hinge.slope_after
                };
                hinge.value + slope * (x - place)
            };
            (vec![first, place, last], Box::new(value))
        }
        None => {
            let (intercept, slope) = (test.line_intercept, test.line_slope);
            (vec![first, last], Box::new(move |x| intercept + slope * x))
        }
    };
    Curve {
        name: String::new(),
        points: at
            .into_iter()
            .map(|x| CurvePoint {
                x,
                y: value(x),
                ..CurvePoint::default()
            })
            .collect(),
    }
}

fn marker(test: &HingeTest) -> Option<Marker> {
    let place = test.hinge.as_ref()?.place;
    Some(Marker {
        name: format!("about {:.0}", place.value),
        x: place.value,
        lo: place.lo,
        hi: place.hi,
    })
}
