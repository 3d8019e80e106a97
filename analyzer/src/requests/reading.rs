//! Reads what requests cost, and divides them into kinds.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::costs::costs;
use super::group::{RequestCosts, RequestGroup, duration_ns};
use super::map::RequestMap;
use super::options::RequestOptions;
use super::totals::subtree_totals;
use crate::error::Result;
use crate::format::escape;
use crate::query::{Balance, NodeLedger, Recording, Run};
use crate::walk::WalkPrice;

/// Maximum number of kinds of requests; requests of others are one kind.
const KINDS: usize = 1_000;
/// Name of the others.
const OTHER: &str = "(other)";

/// What a list is made of.
pub(super) struct RequestReading<'r> {
    pub(super) recording: &'r Recording,
    pub(super) run: &'r Run,
    pub(super) options: &'r RequestOptions,
    pub(super) ledger: &'r NodeLedger,
}

impl RequestReading<'_> {
    /// Returns the rows of all kinds, and those of the costliest requests.
    pub(super) fn rows(
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
    pub(super) fn text(&self) -> String {
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
