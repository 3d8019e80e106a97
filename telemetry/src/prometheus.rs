//! Metrics in the text format of OpenMetrics, which Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode as encode_text;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::names::metric::{self, MetricName};
use crate::names::{hw_type, label};
use crate::totals::{KindTotals, RailTotals, RunTotals};

/// Value of the header `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values of labels.
type Labels<'l> = Vec<(&'static str, &'l str)>;

/// Returns the metrics of `runs`. An unknown value has no line.
///
/// # Errors
/// If a value cannot be formatted.
pub fn encode(runs: Vec<RunTotals>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(RunCollector(runs)));
    let mut text = String::new();
    encode_text(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct RunCollector(Vec<RunTotals>);

impl Collector for RunCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.runs(&mut encoder)?;
        self.rails(&mut encoder)?;
        self.kinds(&mut encoder)
    }
}

impl RunCollector {
    fn runs(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut info = family(encoder, metric::RUN_INFO, MetricType::Info)?;
        for run in &self.0 {
            info.encode_info(&facts(run))?;
        }
        let runs = || self.0.iter().map(|run| (run, labels(run)));
        let energies = runs().filter_map(|(run, labels)| Some((labels, run.energy_j?)));
        gauges(encoder, metric::RUN_ENERGY, energies)?;
        let starts = runs().map(|(run, labels)| (labels, run.start_unix_ns as f64 / 1e9));
        gauges(encoder, metric::RUN_START, starts)?;
        let tokens = runs().flat_map(|(run, labels)| {
            let counts = [("input", run.input_tokens), ("output", run.output_tokens)];
            let counts = counts.into_iter();
            counts.filter_map(move |(direction, count)| {
                let labels = with(&labels, &[(label::DIRECTION, direction)]);
                Some((labels, count? as f64))
            })
        });
        gauges(encoder, metric::RUN_TOKENS, tokens)
    }

    fn rails(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let roots = || {
            self.0.iter().flat_map(|run| {
                let roots = run.rails.iter().filter(|rail| rail.is_root);
                roots.map(move |rail| (rail, rail_labels(run, rail)))
            })
        };
        let energies =
            || roots().filter_map(|(rail, labels)| Some((rail, labels, rail.measured_j?)));
        counters(
            encoder,
            metric::ENERGY,
            energies().map(|(_, labels, joules)| (labels, joules)),
        )?;
        let host = energies().filter(|(rail, ..)| rail.kind == "system");
        counters(
            encoder,
            metric::HOST_ENERGY,
            host.map(|(_, labels, joules)| (labels, joules)),
        )?;
        let powers = roots().filter_map(|(rail, labels)| Some((labels, rail.power_w?)));
        gauges(encoder, metric::POWER, powers)?;
        let accounts = roots().flat_map(|(rail, labels)| {
            let accounts = rail.accounts.iter();
            accounts.filter_map(move |(account, joules)| {
                Some((
                    with(&labels, &[(metric::ACCOUNT_NAME, *account)]),
                    (*joules)?,
                ))
            })
        });
        gauges(encoder, metric::ACCOUNT, accounts)
    }

    fn kinds(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let kinds = || {
            self.0.iter().flat_map(|run| {
                let kinds = run.kinds.iter();
                kinds.map(move |kind| (kind, kind_labels(run, kind)))
            })
        };
        let mut energies = family(encoder, metric::KIND_ENERGY, MetricType::Gauge)?;
        for (kind, labels) in kinds() {
            for energy in &kind.energies {
                let basis = energy
                    .basis
                    .map(|basis| basis.to_string())
                    .unwrap_or_default();
                let labels = with(
                    &labels,
                    &[(label::HW_ID, &energy.rail), (metric::BASIS, &basis)],
                );
                gauge(&mut energies, &labels, energy.self_j)?;
            }
        }
        let times = kinds().map(|(kind, labels)| (labels, kind.self_ns as f64 / 1e9));
        counters(encoder, metric::KIND_TIME, times)?;
        let counts = kinds().map(|(kind, labels)| (labels, kind.activations as f64));
        counters(encoder, metric::KIND_ACTIVATIONS, counts)
    }
}

/// Returns the labels of every metric of a run.
fn labels(run: &RunTotals) -> Labels<'_> {
    let mut labels = vec![(label::RUN, run.uuid.as_str())];
    let known = [(label::RUN_NAME, &run.name), (label::SERVICE, &run.service)];
    let known = known.into_iter();
    labels.extend(known.filter_map(|(key, value)| Some((key, value.as_deref()?))));
    labels
}

fn facts(run: &RunTotals) -> Labels<'_> {
    let known = [
        (label::STATUS, Some(run.status)),
        (label::MODEL, run.model.as_deref()),
        (label::PRECISION, run.precision.as_deref()),
        (label::HOST, run.host.as_deref()),
        (label::CHIP, run.chip.as_deref()),
        (metric::PROVENANCE, run.provenance.as_deref()),
    ];
    let mut labels = labels(run);
    let known = known.into_iter();
    labels.extend(known.filter_map(|(key, value)| Some((key, value?))));
    labels
}

fn rail_labels<'r>(run: &'r RunTotals, rail: &'r RailTotals) -> Labels<'r> {
    let own = [
        (label::HW_ID, rail.id.as_str()),
        (label::HW_TYPE, hw_type(&rail.kind)),
        (metric::PROVENANCE, &rail.provenance),
    ];
    with(&labels(run), &own)
}

fn kind_labels<'r>(run: &'r RunTotals, kind: &'r KindTotals) -> Labels<'r> {
    let mut labels = with(&labels(run), &[(metric::KIND, kind.kind.as_str())]);
    labels.extend(kind.role.map(|role| (metric::ROLE, role)));
    labels
}

fn with<'l>(labels: &[(&'static str, &'l str)], more: &[(&'static str, &'l str)]) -> Labels<'l> {
    [labels, more].concat()
}

fn family<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: MetricName,
    kind: MetricType,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(name.prometheus, name.description, None, kind)
}

fn gauges<'l>(
    encoder: &mut DescriptorEncoder<'_>,
    name: MetricName,
    values: impl Iterator<Item = (Labels<'l>, f64)>,
) -> Result<(), fmt::Error> {
    let mut family = family(encoder, name, MetricType::Gauge)?;
    for (labels, value) in values {
        gauge(&mut family, &labels, value)?;
    }
    Ok(())
}

fn gauge(
    family: &mut MetricEncoder<'_>,
    labels: &Labels<'_>,
    value: f64,
) -> Result<(), fmt::Error> {
    if !value.is_finite() {
        return Ok(());
    }
    ConstGauge::new(value).encode(family.encode_family(labels)?)
}

fn counters<'l>(
    encoder: &mut DescriptorEncoder<'_>,
    name: MetricName,
    values: impl Iterator<Item = (Labels<'l>, f64)>,
) -> Result<(), fmt::Error> {
    let mut family = family(encoder, name, MetricType::Counter)?;
    for (labels, value) in values.filter(|(_, value)| value.is_finite()) {
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::KindEnergy;

    fn run() -> RunTotals {
        RunTotals {
            uuid: "u".to_owned(),
            name: Some("a \"name\"\nof\\two lines".to_owned()),
            status: "running",
            energy_j: None,
            rails: vec![
                RailTotals {
                    id: "rapl/package".to_owned(),
                    is_root: true,
                    kind: "package".to_owned(),
                    measured_j: Some(123.456_789_012),
                    accounts: vec![("idle", None), ("spans", Some(-0.25))],
                    ..RailTotals::default()
                },
                RailTotals {
                    id: "rapl/core".to_owned(),
                    measured_j: Some(99.0),
                    ..RailTotals::default()
                },
            ],
            kinds: vec![KindTotals {
                kind: "run > op".to_owned(),
                role: Some("op"),
                self_ns: 1_500_000_000,
                activations: 3,
                energies: vec![KindEnergy {
                    rail: "rapl/package".to_owned(),
                    self_j: -0.25,
                    basis: None,
                }],
                exemplar: None,
            }],
            ..RunTotals::default()
        }
    }

    #[test]
    fn values_are_exact_and_labels_are_escaped() {
        let text = encode(vec![run()]).unwrap();
        let line = |start: &str| {
            let found = text.lines().find(|line| line.starts_with(start));
            found
                .unwrap_or_else(|| panic!("no {start} in\n{text}"))
                .to_owned()
        };
        let energy = line("hw_energy_joules_total{");
        assert!(energy.ends_with(" 123.456789012"), "{energy}");
        assert!(
            energy.contains(r#"run_name="a \"name\"\nof\\two lines""#),
            "{energy}"
        );
        assert!(!text.contains("rapl/core"), "only root rails may be added");
        assert!(line("tracing_energy_account_joules{").ends_with(" -0.25"));
        assert!(!text.contains(r#"account="idle""#), "unknown is no zero");
        assert!(line("tracing_energy_kind_time_seconds_total{").ends_with(" 1.5"));
        assert!(line("tracing_energy_kind_activations_total{").contains(r#"kind="run > op""#));
        assert!(
            !text.contains("\ntracing_energy_run_energy_joules{"),
            "it is unknown"
        );
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_value_that_is_no_number_has_no_line() {
        let mut run = run();
        run.rails[0].measured_j = Some(f64::NAN);
        run.rails[0].accounts = vec![("idle", Some(f64::INFINITY))];
        let text = encode(vec![run]).unwrap();
        assert!(!text.contains("hw_energy_joules_total{"), "{text}");
        let is_number = |line: &str| {
            let value = line.rsplit(' ').next().and_then(|value| value.parse().ok());
            value.is_none_or(f64::is_finite)
        };
        let mut values = text.lines().filter(|line| !line.starts_with('#'));
        assert!(values.all(is_number), "{text}");
    }

    #[test]
    fn without_runs_there_is_no_value() {
        let text = encode(Vec::new()).unwrap();
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    }
}
