//! Metrics of a run.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Metric, NumberDataPoint, Sum, exemplar,
    number_data_point,
};

use super::attributes::text;
use crate::names::hw_type;
use crate::names::metric::{self, MetricName};
use crate::totals::{KindEnergy, KindExemplar, KindTotals, RailTotals, RunTotals};

/// Largest number of points of one metric: a metric is divided into several.
const MAX_POINTS: usize = 4_096;

/// Start and end of the time that points cover, ns since 1970.
type PointTime = (i64, i64);

/// Returns the metrics of a run. Energies are cumulative since the run's start.
pub(super) fn run_metrics(totals: &RunTotals) -> Vec<Metric> {
    let time = (totals.start_unix_ns, totals.end_unix_ns);
    let power_time = (totals.start_unix_ns, totals.power_unix_ns);
    let mut metrics = rail_metrics(totals, time, power_time);
    metrics.extend(kind_metrics(&totals.kinds, time));
    metrics
}

/// Returns the number of points of a metric.
pub(super) fn points(metric: &Metric) -> u64 {
    match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.len() as u64,
        Some(Data::Gauge(gauge)) => gauge.data_points.len() as u64,
        _ => 0,
    }
}

fn rail_metrics(totals: &RunTotals, time: PointTime, power_time: PointTime) -> Vec<Metric> {
    let roots = || totals.rails.iter().filter(|rail| rail.is_root);
    let energies = |is_host: bool| {
        let selected = roots().filter(move |rail| (rail.kind == "system") || !is_host);
        selected.filter_map(|rail| Some(point(rail.measured_j?, rail_attributes(rail), time)))
    };
    let power = |rail: &RailTotals| Some(point(rail.power_w?, rail_attributes(rail), power_time));
    let powers = roots().filter_map(power);
    let mut metrics = sums(metric::ENERGY, energies(false).collect(), true);
    metrics.extend(gauge(metric::POWER, powers.collect()));
    metrics.extend(sums(metric::HOST_ENERGY, energies(true).collect(), true));
    let accounts = roots().flat_map(|rail| account_points(rail, time));
    metrics.extend(sums(metric::ACCOUNT, accounts.collect(), false));
    metrics
}

fn account_points(
    rail: &RailTotals,
    time: PointTime,
) -> impl Iterator<Item = NumberDataPoint> + '_ {
    rail.accounts.iter().filter_map(move |(account, joules)| {
        let attributes = vec![
            text(metric::HW_ID, &rail.id),
            text(metric::ACCOUNT_NAME, *account),
        ];
        Some(point((*joules)?, attributes, time))
    })
}

fn rail_attributes(rail: &RailTotals) -> Vec<KeyValue> {
    vec![
        text(metric::HW_ID, &rail.id),
        text(metric::HW_TYPE, hw_type(&rail.kind)),
        text(metric::HW_NAME, &rail.name),
        text(metric::PROVENANCE, &rail.provenance),
    ]
}

fn kind_metrics(kinds: &[KindTotals], time: PointTime) -> Vec<Metric> {
    let energies = kinds.iter().flat_map(|kind| {
        let energies = kind.energies.iter();
        energies.map(move |energy| energy_point(kind, energy, time))
    });
    let times = kinds
        .iter()
        .map(|kind| point(kind.self_ns as f64 / 1e9, kind_attributes(kind), time));
    let counts = kinds.iter().map(|kind| {
        let count = i64::try_from(kind.activations).unwrap_or(i64::MAX);
        let value = number_data_point::Value::AsInt(count);
        point_of(value, kind_attributes(kind), time)
    });
    let mut metrics = sums(metric::KIND_ENERGY, energies.collect(), false);
    metrics.extend(sums(metric::KIND_TIME, times.collect(), true));
    metrics.extend(sums(metric::KIND_ACTIVATIONS, counts.collect(), true));
    metrics
}

/// An exemplar is the energy on all rails: with several rails it belongs to none of their points.
fn energy_point(kind: &KindTotals, energy: &KindEnergy, time: PointTime) -> NumberDataPoint {
    let mut attributes = kind_attributes(kind);
    attributes.push(text(metric::HW_ID, &energy.rail));
    let basis = energy.basis.map(|basis| basis.to_string());
    attributes.extend(basis.map(|basis| text(metric::BASIS, basis)));
    let exemplar = kind.exemplar.filter(|_| kind.energies.len() == 1);
    NumberDataPoint {
        exemplars: exemplar.map(exemplar_of).into_iter().collect(),
        ..point(energy.self_j, attributes, time)
    }
}

fn exemplar_of(exemplar: KindExemplar) -> Exemplar {
    Exemplar {
        time_unix_nano: u64::try_from(exemplar.unix_ns).unwrap_or(0),
        span_id: exemplar.span_id.to_vec(),
        trace_id: exemplar.trace_id.to_vec(),
        value: Some(exemplar::Value::AsDouble(exemplar.self_j)),
        ..Exemplar::default()
    }
}

fn kind_attributes(kind: &KindTotals) -> Vec<KeyValue> {
    let mut attributes = vec![text(metric::KIND, &kind.kind)];
    attributes.extend(kind.role.map(|role| text(metric::ROLE, role)));
    attributes
}

fn point(value: f64, attributes: Vec<KeyValue>, time: PointTime) -> NumberDataPoint {
    point_of(number_data_point::Value::AsDouble(value), attributes, time)
}

fn point_of(
    value: number_data_point::Value,
    attributes: Vec<KeyValue>,
    (start_unix_ns, end_unix_ns): PointTime,
) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: u64::try_from(start_unix_ns).unwrap_or(0),
        time_unix_nano: u64::try_from(end_unix_ns).unwrap_or(0),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

/// Returns whether a point has a value that is a number.
fn is_known(point: &NumberDataPoint) -> bool {
    !matches!(point.value, Some(number_data_point::Value::AsDouble(value)) if !value.is_finite())
}

fn sums(name: MetricName, mut points: Vec<NumberDataPoint>, is_monotonic: bool) -> Vec<Metric> {
    points.retain(is_known);
    let parts = points.chunks(MAX_POINTS);
    let sum = |points: &[NumberDataPoint]| {
        Data::Sum(Sum {
            data_points: points.to_vec(),
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
            is_monotonic,
        })
    };
    parts.map(|points| described(name, sum(points))).collect()
}

fn gauge(name: MetricName, mut points: Vec<NumberDataPoint>) -> Option<Metric> {
    points.retain(is_known);
    // A gauge has no start.
    points
        .iter_mut()
        .for_each(|point| point.start_time_unix_nano = 0);
    let data = Data::Gauge(Gauge {
        data_points: points,
    });
    let metric = described(name, data);
    (self::points(&metric) > 0).then_some(metric)
}

fn described(name: MetricName, data: Data) -> Metric {
    Metric {
        name: name.name.to_owned(),
        description: name.description.to_owned(),
        unit: name.unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplars(rails: usize) -> usize {
        let energy = |at: usize| KindEnergy {
            rail: format!("a/{at}"),
            self_j: 1.0,
            basis: None,
        };
        let totals = RunTotals {
            kinds: vec![KindTotals {
                kind: "op".to_owned(),
                energies: (0..rails).map(energy).collect(),
                exemplar: Some(KindExemplar {
                    trace_id: [1; 16],
                    span_id: [2; 8],
                    unix_ns: 3,
                    self_j: 0.5,
                }),
                ..KindTotals::default()
            }],
            ..RunTotals::default()
        };
        let metrics = run_metrics(&totals);
        let points = metrics.iter().flat_map(|metric| match &metric.data {
            Some(Data::Sum(sum)) => sum.data_points.clone(),
            _ => Vec::new(),
        });
        points.map(|point| point.exemplars.len()).sum()
    }

    #[test]
    fn an_exemplar_is_on_a_point_of_the_same_energy() {
        assert_eq!(exemplars(1), 1);
        assert_eq!(exemplars(2), 0, "it is the energy on both rails");
    }
}
