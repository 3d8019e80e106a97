//! Requests of one kind.

use std::collections::{BTreeMap, HashMap};

use energy_statistics::distribution::{Distribution, mean_over_time};
use serde_json::{Map, Value, json};

use super::map::Request;

/// Confidence level of intervals.
const CONFIDENCE: f64 = 0.9;

/// What is known of each request.
pub(super) struct RequestCosts {
    /// Active energy on each rail, by its name.
    pub(super) rails: Vec<(String, Vec<Option<f64>>)>,
    /// CPU time in seconds.
    pub(super) cpu_s: Vec<Option<f64>>,
    /// Half of the relative interval of the energy of the request's operations, by node.
    pub(super) half_of_node: HashMap<u32, f64>,
}

impl RequestCosts {
    /// Returns the energy of a request on all rails; `None` if one is unknown.
    pub(super) fn energy_j(&self, at: usize) -> Option<f64> {
        let parts = self
            .rails
            .iter()
            .map(|(_, energies)| energies.get(at)?.as_ref().copied());
        energy_data::interval_energy::sum_known(parts)
    }
}

/// Requests with the same name and the same values of fields.
pub(super) struct RequestGroup {
    /// Name and values.
    pub(super) name: String,
    /// Values of the fields that divide requests.
    pub(super) fields: BTreeMap<String, String>,
    /// Positions of its requests, by start.
    pub(super) requests: Vec<usize>,
}

impl RequestGroup {
    /// Returns its row. `total_j`: active energy of all spans.
    pub(super) fn row(&self, all: &[Request], costs: &RequestCosts, total_j: Option<f64>) -> Value {
        let ended = self
            .requests
            .iter()
            .copied()
            .filter(|at| all[*at].end_ns.is_some());
        let ended: Vec<usize> = ended.collect();
        let known: Vec<f64> = ended.iter().filter_map(|at| costs.energy_j(*at)).collect();
        let sum_j: f64 = self
            .requests
            .iter()
            .filter_map(|at| costs.energy_j(*at))
            .sum();
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| drop(row.insert(key.to_owned(), value));
        put("request", json!(self.name));
        put("fields", json!(self.fields));
        put("count", json!(ended.len()));
        put("open", json!(self.requests.len() - ended.len()));
        put("unknown", json!(ended.len() - known.len()));
        put("energy_j", json!((!known.is_empty()).then_some(sum_j)));
        let is_share = |total: &f64| *total > 0.0 && !known.is_empty();
        put(
            "share",
            json!(total_j.filter(is_share).map(|total| sum_j / total)),
        );
        let (lo_j, hi_j) = self.interval(&known, all, costs);
        let mean_j = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
        put("mean_j", json!(mean_j));
        put("lo_j", json!(lo_j));
        put("hi_j", json!(hi_j));
        let half = lo_j.zip(hi_j).zip(mean_j.filter(|mean| *mean > 0.0));
        put(
            "half_interval",
            json!(half.map(|((lo, hi), mean)| (hi - lo) / 2.0 / mean)),
        );
        let energies = Distribution::new(known);
        for (key, share) in [("p50_j", 0.5), ("p90_j", 0.9), ("p99_j", 0.99)] {
            put(key, json!(energies.quantile(share)));
        }
        put("max_j", json!(energies.max()));
        put("rails_j", json!(rails(&ended, costs)));
        let durations = ended.iter().filter_map(|at| duration_ns(&all[*at]));
        times(
            &mut row,
            [
                "duration_mean_ns",
                "duration_p50_ns",
                "duration_p90_ns",
                "duration_p99_ns",
                "duration_max_ns",
            ],
            durations,
        );
        let cpu = ended
            .iter()
            .filter_map(|at| Some(costs.cpu_s.get(*at)?.as_ref()? * 1e9));
        times(
            &mut row,
            [
                "cpu_mean_ns",
                "cpu_p50_ns",
                "cpu_p90_ns",
                "cpu_p99_ns",
                "cpu_max_ns",
            ],
            cpu,
        );
        Value::Object(row)
    }

    /// Returns the interval of the mean energy: from the scatter over time, and from the intervals of
    /// the operations, if their energy was estimated.
    fn interval(
        &self,
        known: &[f64],
        all: &[Request],
        costs: &RequestCosts,
    ) -> (Option<f64>, Option<f64>) {
        let Some(estimate) = mean_over_time(known, CONFIDENCE) else {
            return (None, None);
        };
        let halves = self
            .requests
            .iter()
            .filter_map(|at| costs.half_of_node.get(&all[*at].node));
        let of_operations = halves.copied().fold(0.0, f64::max) * estimate.value.abs();
        let half = estimate
            .width()
            .map(|width| (width / 2.0).hypot(of_operations));
        let ends = half.map(|half| ((estimate.value - half).max(0.0), estimate.value + half));
        ends.unzip()
    }
}

/// Returns a row without values: the keys of all rows.
pub(super) fn blank() -> Value {
    let none = RequestGroup {
        name: String::new(),
        fields: BTreeMap::new(),
        requests: Vec::new(),
    };
    let costs = RequestCosts {
        rails: Vec::new(),
        cpu_s: Vec::new(),
        half_of_node: HashMap::new(),
    };
    let mut row = none.row(&[], &costs, None);
    // Nothing is known of them.
    for key in ["open", "unknown"] {
        row[key] = Value::Null;
    }
    row
}

/// Returns the mean energy of requests on each rail.
fn rails(requests: &[usize], costs: &RequestCosts) -> Map<String, Value> {
    let mean = |energies: &Vec<Option<f64>>| {
        let known = requests.iter().filter_map(|at| *energies.get(*at)?);
        let (sum, count) = known.fold((0.0, 0_u32), |(sum, count), energy| {
            (sum + energy, count + 1)
        });
        (count > 0).then(|| sum / f64::from(count))
    };
    let rails = costs.rails.iter();
    rails
        .map(|(rail, energies)| (rail.clone(), json!(mean(energies))))
        .collect()
}

/// Returns the time from the creation of a request's span to its end.
pub(super) fn duration_ns(request: &Request) -> Option<f64> {
    Some(request.end_ns?.saturating_sub(request.start_ns).max(0) as f64)
}

/// Adds mean, percentiles and maximum of times.
fn times(row: &mut Map<String, Value>, keys: [&str; 5], values: impl Iterator<Item = f64>) {
    let values: Vec<f64> = values.collect();
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let by_size = Distribution::new(values);
    let found = [
        mean,
        by_size.quantile(0.5),
        by_size.quantile(0.9),
        by_size.quantile(0.99),
        by_size.max(),
    ];
    for (key, value) in keys.into_iter().zip(found) {
        let whole = value.map(|value| value.round() as i64);
        row.insert(key.to_owned(), json!(whole));
    }
}
