//! Throughput against energy: the Pareto front and its knee.

use std::collections::BTreeMap;

use energy_statistics::RunPair;
use energy_statistics::frontier::{FrontMembership, FrontierPoint, frontier};
use energy_statistics::knee::{Knee, knee};

use super::analysis::{Analysis, AnalysisResult, PerToken};
use super::finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
use super::levels::energy_axis;
use super::mean::mean_interval;
use super::series::{CONFIDENCE, means_of};
use super::series_name::names_of;
use super::words::list_of;
use crate::format::{counted, number};
use crate::plot::{AxisScale, Marker, Plot, PlotAxis, PlotPoint, PointSeries, Unit};
use crate::query::{ConfigurationKey, RunConfiguration, RunFacts};

/// Which configurations trade speed for energy best?
pub(super) const PARETO: Analysis = Analysis {
    name: "pareto",
    question: "Which configurations are on the Pareto front of throughput and energy?",
    varied: "configurations",
    remedy: "energy sweep --batch 1,2,4,8 --requantize f32,q8_0 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        let groups = by_machine(configurations);
        let keys: Vec<ConfigurationKey> = groups.keys().cloned().collect();
        let all = names_of(&keys).into_iter().zip(groups.into_values());
        let mut all: Vec<(Finding, Plot)> = all
            .map(|(name, members)| finding(&name, &members, per))
            .collect();
        all.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.runs()));
        let (findings, plots) = all.into_iter().unzip();
        AnalysisResult { findings, plots }
    },
};

/// Groups configurations of one machine with the same rails, origin of power and attribution.
fn by_machine(
    configurations: &[RunConfiguration],
) -> BTreeMap<ConfigurationKey, Vec<&RunConfiguration>> {
    let mut groups: BTreeMap<ConfigurationKey, Vec<&RunConfiguration>> = BTreeMap::new();
    for one in configurations {
        let key = ConfigurationKey {
            machine: one.key.machine.clone(),
            chip: one.key.chip.clone(),
            rails: one.key.rails.clone(),
            provenance: one.key.provenance.clone(),
            attribution: one.key.attribution.clone(),
            ..ConfigurationKey::default()
        };
        groups.entry(key).or_default().push(one);
    }
    groups
}

fn finding(name: &str, members: &[&RunConfiguration], per: PerToken) -> (Finding, Plot) {
    let pair = |run: &RunFacts| {
        Some(RunPair {
            x: run.results.tokens_per_s?,
            y: per.of(run)?,
        })
    };
    let known = members.iter().filter_map(|one| {
        let pairs: Vec<RunPair> = one.runs.iter().filter_map(pair).collect();
        (!pairs.is_empty()).then_some((*one, pairs))
    });
    let (known, pairs): (Vec<&RunConfiguration>, Vec<Vec<RunPair>>) = known.unzip();
    let keys: Vec<ConfigurationKey> = known.iter().map(|one| one.key.clone()).collect();
    let names = names_of(&keys);
    let mut rows: Vec<FindingRow> = known.iter().zip(&names).map(|one| row(one, per)).collect();
    let points = match frontier(&pairs) {
        Ok(points) => points,
        Err(reason) => return (Finding::not_estimable(name, reason, rows), Plot::default()),
    };
    for (row, point) in rows.iter_mut().zip(&points) {
        row.is_selected = point.is_on_front;
        row.verdict = membership(point).to_owned();
    }
    let found_knee = front_knee(&pairs, &points);
    let finding = Finding {
        series: name.to_owned(),
        verdict: match points.len() {
            1 => FindingVerdict::Undecided,
            _ => FindingVerdict::Found,
        },
        answer: sentence(&points, &names, found_knee.as_ref()),
        reason: None,
        estimates: estimates(&points, found_knee.as_ref()),
        rows,
    };
    let plot = plot(&finding, found_knee.as_ref(), per);
    (finding, plot)
}

/// A knee, with the index of its configuration.
struct FoundKnee {
    knee: Knee,
    at: usize,
}

/// Finds the knee of the points on the front; `None` without a distinct one or with too few points.
fn front_knee(pairs: &[Vec<RunPair>], points: &[FrontierPoint]) -> Option<FoundKnee> {
    let on_front: Vec<usize> = (0..points.len())
        .filter(|at| points[*at].is_on_front)
        .collect();
    let front: Vec<Vec<RunPair>> = on_front.iter().map(|at| pairs[*at].clone()).collect();
    let found = knee(&front).ok().flatten()?;
    let at = *on_front.get(found.at)?;
    Some(FoundKnee { knee: found, at })
}

fn membership(point: &FrontierPoint) -> &'static str {
    match point.membership {
        FrontMembership::Surely => "on the front",
        FrontMembership::Dominated => "dominated",
        FrontMembership::Possibly if point.is_on_front => "on the front, uncertain",
        FrontMembership::Possibly => "dominated, uncertain",
    }
}

fn row((one, name): (&&RunConfiguration, &String), per: PerToken) -> FindingRow {
    let runs: Vec<&RunFacts> = one.runs.iter().collect();
    let mean = mean_interval(&one.values(|run| per.of(run)), CONFIDENCE);
    let means = means_of(&runs);
    FindingRow {
        level: name.clone(),
        number: means.tokens_per_s,
        configurations: 1,
        runs: runs.len(),
        value: mean.map(|mean| mean.value),
        lo: mean.and_then(|mean| mean.lo),
        hi: mean.and_then(|mean| mean.hi),
        ..means
    }
}

fn sentence(points: &[FrontierPoint], names: &[String], found: Option<&FoundKnee>) -> String {
    let of = |wanted: &dyn Fn(&FrontierPoint) -> bool| {
        let chosen = points.iter().zip(names).filter(|(point, _)| wanted(point));
        chosen
            .map(|(_, name)| name.clone())
            .collect::<Vec<String>>()
    };
    let surely = of(&|point| point.membership == FrontMembership::Surely);
    let open = of(&|point| point.membership == FrontMembership::Possibly);
    let all = counted(points.len(), "configuration");
    let mut text = match surely.is_empty() {
        true => format!("none of {all} is on the front with certainty"),
        false => format!("on the front: {} (of {all})", list_of(&surely)),
    };
    if !open.is_empty() {
        text += &format!("; uncertain: {}", list_of(&open));
    }
    text += &match found {
        Some(FoundKnee { knee, at }) => {
            let certainty = match knee.is_distinct {
                Some(true) => "distinct",
                Some(false) => "not distinct from a straight line",
                None => "too few repeats to know the noise",
            };
            let speed = number(Some(knee.x.value));
            format!("; knee: {} at {speed} tokens/s ({certainty})", names[*at])
        }
        None => "; no knee: the front has fewer than five points, or is straight".to_owned(),
    };
    text + "."
}

fn estimates(points: &[FrontierPoint], found: Option<&FoundKnee>) -> Vec<NamedEstimate> {
    let on_front = points.iter().filter(|point| point.is_on_front).count();
    let mut all = vec![NamedEstimate::number(
        "points on the front",
        on_front as f64,
        "",
    )];
    if let Some(FoundKnee { knee, .. }) = found {
        all.push(NamedEstimate::of("knee", &knee.x, "tokens/s"));
        all.push(NamedEstimate::number(
            "energy at the knee",
            knee.y,
            "J/token",
        ));
    }
    all
}

fn plot(finding: &Finding, found: Option<&FoundKnee>, per: PerToken) -> Plot {
    let point = |row: &FindingRow| {
        Some(PlotPoint {
            x: row.tokens_per_s?,
            y: row.value?,
            lo: row.lo,
            hi: row.hi,
            name: row.level.clone(),
            is_selected: row.is_selected,
        })
    };
    let of = |on_front: bool| {
        let rows = finding
            .rows
            .iter()
            .filter(|row| row.is_selected == on_front);
        let mut points: Vec<PlotPoint> = rows.filter_map(point).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    };
    let name = match finding.series.as_str() {
        "" => String::new(),
        name => format!(", {name}"),
    };
    Plot {
        title: format!("{} against throughput{name}", per.label()),
        caption: "Filled: on the Pareto front, no other is faster and needs less. Whiskers: 95 % \
                  intervals of means."
            .to_owned(),
        x: PlotAxis {
            label: "tokens/s of decode".to_owned(),
            unit: Unit::TokenPerSecond,
            scale: AxisScale::Log,
            names: Vec::new(),
        },
        y: energy_axis(per),
        series: vec![
            PointSeries {
                name: "others".to_owned(),
                points: of(false),
                is_joined: false,
            },
            PointSeries {
                name: "on the front".to_owned(),
                points: of(true),
                is_joined: true,
            },
        ],
        markers: found
            .map(|found| Marker {
                name: "knee".to_owned(),
                x: found.knee.x.value,
                lo: None,
                hi: None,
            })
            .into_iter()
            .collect(),
        ..Plot::default()
    }
}
