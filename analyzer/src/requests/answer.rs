//! The list of requests.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::costs::costs;
use super::group::{RequestCosts, RequestGroup, duration_ns};
use super::map::RequestMap;
use super::options::RequestOptions;
use super::totals::{request_nodes, rows, subtree_totals};
use crate::error::{Error, Result};
use crate::format::{Answer, Column, Sheet, energy, escape, percent};
use crate::query::{self, Balance, NodeLedger, Recording, Run};
use crate::walk::WalkPrice;

/// Maximum number of kinds of requests; requests of others are one kind.
const KINDS: usize = 1_000;
/// Name of the others.
const OTHER: &str = "(other)";

/// Lists the energy of requests by kind, and the costliest ones.
///
/// # Errors
/// If the file cannot be read, the run was not attributed, there is no such rail, or no span has that
/// name.
pub fn requests(recording: &Recording, run: &Run, options: &RequestOptions) -> Result<Answer> {
    if run.attribution.is_none() {
        return Err(run.not_attributed());
    }
    let ledger = query::ledger(recording, run, options.rail.as_deref())?;
    let nodes = request_nodes(&ledger, options.span.as_deref());
    if let (Some(name), true) = (&options.span, nodes.is_empty()) {
        return Err(no_span(&ledger, name));
    }
    let rails = root_rails(recording, run, options.rail.as_deref())?;
    let spans_j = energy_data::interval_energy::sum_known(rails.iter().map(|rail| rail.spans_j));
    let is_request: HashSet<u32> = nodes.iter().copied().collect();
    let map = RequestMap::read(recording, run, |node| is_request.contains(&node))?;
    let reading = RequestReading {
        recording,
        run,
        options,
        ledger: &ledger,
    };
    let (mut found, costliest) = match map.requests.is_empty() {
        true => (rows(&ledger, &nodes, spans_j), Vec::new()),
        false => reading.rows(&map, &rails, spans_j)?,
    };
    found.sort_by(|a, b| {
        let of = |row: &Value| row["energy_j"].as_f64().unwrap_or(0.0);
        of(b).total_cmp(&of(a))
    });
    let count = found.len();
    let limit = if options.limit == 0 {
        usize::MAX
    } else {
        options.limit
    };
    found.truncate(limit);
    let what = format!("requests, active energy{}", reading.text());
    let mut answer = query::run_answer("requests", &what, recording, run)?
        .with("spans_j", json!(spans_j))
        .sheet(Sheet::of_values("requests", "", columns(), found));
    let is_empty = costliest.is_empty();
    let sheet = Sheet::of_values(
        "costliest",
        "Costliest requests",
        costliest_columns(),
        costliest,
    );
    answer = answer.sheet(if is_empty { sheet.data_only() } else { sheet });
    answer = outside(&rails).into_iter().fold(answer, Answer::note);
    if map.requests.is_empty() {
        answer = answer.note("Only totals were recorded: percentiles need single spans.");
    }
    if count > limit {
        answer = answer.note(format!(
            "{limit} of {count} kinds of requests: see --limit."
        ));
    }
    Ok(answer.note(
        "A request includes all spans below it, on all threads, without idle energy. ± is half of the \
         90 % interval of the mean.",
    ))
}

/// What a list is made of.
struct RequestReading<'r> {
    recording: &'r Recording,
    run: &'r Run,
    options: &'r RequestOptions,
    ledger: &'r NodeLedger,
}

impl RequestReading<'_> {
    /// Returns the rows of all kinds, and those of the costliest requests.
    fn rows(
        &self,
        map: &RequestMap,
        rails: &[Balance],
        spans_j: Option<f64>,
    ) -> Result<(Vec<Value>, Vec<Value>)> {
        let costs = self.costs(map, rails)?;
        let fields = self.fields(map)?;
        let groups = self.groups(map, &fields);
        let rows = groups
            .iter()
            .map(|group| group.row(&map.requests, &costs, spans_j))
            .collect();
        Ok((rows, self.costliest(map, &costs, &groups)?))
    }

    fn costs(&self, map: &RequestMap, rails: &[Balance]) -> Result<RequestCosts> {
        let of = |price| costs(self.recording, self.run, map, price);
        let mut of_rails = Vec::new();
        for rail in rails {
            let id = u32::try_from(rail.id).unwrap_or(0);
            of_rails.push((rail.rail.clone(), of(WalkPrice::Rail(id))?));
        }
        let roots: Vec<u32> = map.requests.iter().map(|request| request.node).collect();
        let totals = subtree_totals(self.ledger, &unique(roots));
        let half = totals.into_iter().filter_map(|(node, total)| {
            let half = total.half_j? / total.active_j;
            half.is_finite().then_some((node, half))
        });
        Ok(RequestCosts {
            rails: of_rails,
            cpu_s: of(WalkPrice::CpuTime)?,
            half_of_node: half.collect(),
        })
    }

    /// Returns the fields of requests by their first activation, if they are needed.
    fn fields(&self, map: &RequestMap) -> Result<HashMap<u64, Map<String, Value>>> {
        let mut found = HashMap::new();
        if self.options.by.is_empty() {
            return Ok(found);
        }
        let firsts: HashSet<u64> = map.requests.iter().map(|request| request.first).collect();
        let mut rows = self.recording.store().fields_from(self.run.no, 0)?;
        for row in rows.iter()? {
            let row = row?;
            if firsts.contains(&row.span)
                && let Ok(Value::Object(mut fields)) = serde_json::from_str(&row.json)
            {
                fields.retain(|name, _| self.options.by.contains(name));
                found.insert(row.span, fields);
            }
        }
        Ok(found)
    }

    fn groups(
        &self,
        map: &RequestMap,
        fields: &HashMap<u64, Map<String, Value>>,
    ) -> Vec<RequestGroup> {
        let end_ns = self.run.row.end_ns.unwrap_or(i64::MAX);
        let (from_ns, until_ns) = self.options.window_ns(end_ns);
        let mut groups: BTreeMap<String, RequestGroup> = BTreeMap::new();
        for (at, request) in map.requests.iter().enumerate() {
            if request.start_ns < from_ns || request.start_ns >= until_ns {
                continue;
            }
            let label = self.ledger.node(i64::from(request.node));
            let label = label.map_or(OTHER, |node| node.label.as_str());
            let values = self.values(fields.get(&request.first));
            let mut name = std::iter::once(label.to_owned())
                .chain(
                    values
                        .iter()
                        .map(|(field, value)| format!("{field}={value}")),
                )
                .collect::<Vec<_>>()
                .join(" ");
            let is_known = groups.contains_key(&name) || groups.len() < KINDS;
            let values = if is_known { values } else { BTreeMap::new() };
            if !is_known {
                OTHER.clone_into(&mut name);
            }
            let group = groups.entry(name.clone()).or_insert_with(|| RequestGroup {
                name,
                fields: values,
                requests: Vec::new(),
            });
            group.requests.push(at);
        }
        for group in groups.values_mut() {
            group.requests.sort_by_key(|at| map.requests[*at].start_ns);
        }
        groups.into_values().collect()
    }

    /// Returns the values of the fields that divide requests; a missing one is `-`.
    fn values(&self, fields: Option<&Map<String, Value>>) -> BTreeMap<String, String> {
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let value = |name: &String| fields.and_then(|fields| fields.get(name)).map(text);
        let names = self.options.by.iter();
        names
            .map(|name| (name.clone(), value(name).unwrap_or_else(|| "-".to_owned())))
            .collect()
    }

    fn costliest(
        &self,
        map: &RequestMap,
        costs: &RequestCosts,
        groups: &[RequestGroup],
    ) -> Result<Vec<Value>> {
        let mut all: Vec<(f64, usize, &str)> = Vec::new();
        for group in groups {
            let known = group.requests.iter();
            let known =
                known.filter_map(|at| Some((costs.energy_j(*at)?, *at, group.name.as_str())));
            all.extend(known);
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(self.options.costliest);
        let row = |(energy_j, at, name): &(f64, usize, &str)| {
            let request = &map.requests[*at];
            let fields = self
                .recording
                .store()
                .fields_of(self.run.no, request.first)?;
            let fields = fields.and_then(|text| serde_json::from_str::<Value>(&text).ok());
            Ok(json!({
                "request": name,
                "span": request.first,
                "energy_j": energy_j,
                "start_ns": request.start_ns,
                "duration_ns": duration_ns(request).map(|ns| ns as i64),
                "cpu_ns": costs.cpu_s.get(*at).copied().flatten().map(|s| (s * 1e9).round() as i64),
                "fields": fields,
            }))
        };
        all.iter().map(row).collect()
    }

    /// Returns a suffix for the title.
    fn text(&self) -> String {
        let rail = self.options.rail.as_deref();
        let rail = rail.map(|rail| format!(", rail {}", escape(rail)));
        let span = self.options.span.as_deref();
        let span = span.map(|span| format!(", spans {}", escape(span)));
        [rail, span].into_iter().flatten().collect()
    }
}

fn unique(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Returns the root rails that have accounts, or the named one.
fn root_rails(recording: &Recording, run: &Run, name: Option<&str>) -> Result<Vec<Balance>> {
    let mut rails = query::balance(recording, run)?;
    rails.retain(|rail| rail.is_root && rail.spans_j.is_some());
    let Some(name) = name else {
        return Ok(rails);
    };
    let known: Vec<String> = rails.iter().map(|rail| rail.rail.clone()).collect();
    rails.retain(|rail| rail.rail == name || rail.name == name || rail.qualified() == name);
    match rails.is_empty() {
        false => Ok(rails),
        true => Err(Error::Unknown {
            what: "root rail",
            name: escape(name),
            known: known.join(", "),
        }),
    }
}

fn no_span(ledger: &NodeLedger, name: &str) -> Error {
    let mut known: Vec<String> = ledger
        .nodes
        .iter()
        .filter_map(|node| node.name.clone())
        .collect();
    known.sort();
    known.dedup();
    known.truncate(20);
    Error::Unknown {
        what: "span name",
        name: escape(name),
        known: escape(&known.join(", ")),
    }
}

/// Returns a sentence about the program's work outside of spans.
fn outside(rails: &[Balance]) -> Option<String> {
    let sum = |value: fn(&Balance) -> Option<f64>| {
        energy_data::interval_energy::sum_known(rails.iter().map(value))
    };
    let outside_j = sum(|rail| rail.unattributed_j)?;
    let spans_j = sum(|rail| rail.spans_j)?;
    let share = (outside_j + spans_j > 0.0).then(|| outside_j / (outside_j + spans_j));
    Some(format!(
        "Work of the program outside of spans: {} ({} of its active energy).",
        energy(Some(outside_j)),
        percent(share)
    ))
}

fn columns() -> Vec<Column> {
    vec![
        Column::path("request", "request"),
        Column::count("count", "count"),
        Column::energy("mean_j", "mean"),
        Column::percent("half_interval", "±").from_width(1),
        Column::interval("lo_j", "hi_j", "90 %").from_width(160),
        Column::energy("p50_j", "p50").from_width(1),
        Column::energy("p90_j", "p90").from_width(110),
        Column::energy("p99_j", "p99").from_width(1),
        Column::energy("max_j", "max").from_width(100),
        Column::percent("share", "share"),
        Column::time("duration_p50_ns", "time p50").from_width(130),
        Column::time("duration_p99_ns", "time p99").from_width(1),
        Column::time("cpu_mean_ns", "CPU mean").from_width(140),
        Column::data("energy_j"),
        Column::data("open"),
        Column::data("unknown"),
        Column::data("duration_mean_ns"),
        Column::data("duration_p90_ns"),
        Column::data("duration_max_ns"),
        Column::data("cpu_p50_ns"),
        Column::data("cpu_p90_ns"),
        Column::data("cpu_p99_ns"),
        Column::data("cpu_max_ns"),
    ]
}

fn costliest_columns() -> Vec<Column> {
    vec![
        Column::path("request", "request"),
        Column::energy("energy_j", "energy"),
        Column::time("start_ns", "at"),
        Column::time("duration_ns", "time"),
        Column::time("cpu_ns", "CPU"),
        Column::count("span", "span"),
        Column::text("fields", "fields").from_width(1),
    ]
}
