//! Energies of layers, components and operations.
//!
//! ```text
//! token 7        |------------------------------|
//! samples        |====|====|====|====|====|====|====|
//! read           .....^.........^.........^.........^    each read prices a window of time
//! layer 3          |-|             |-|                   parts of one token add up
//! ```
//!
//! A window is closed once samples of all root rails cover it. The walk over span entries that
//! exports use prices it, so that the sums over a run are those of the stored attribution.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use energy_data::interval_energy::{coverage, is_covered_by_windows};
use energy_data::rows::{Role, SpanEventRow, SpanRow, WindowPowerRow};
use serde_json::{Value, json};

use super::places::{LivePlace, LivePlaces};
use crate::error::Result;
use crate::query::{ActivationStatistics, average_w};
use crate::serve::api::layer_index;
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, RowsInMemory, walk_rows};

/// Maximum number of span entries that wait for samples.
const MAX_SPANS: usize = 500_000;
/// Maximum number of tokens with cells that are sent at once, which is four times per second: the oldest
/// are left out and counted. They are in the file.
const MAX_TOKENS: usize = 1_024;

/// Time and energy of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LiveCell {
    count: u64,
    duration_ns: i64,
    energy_j: f64,
    /// Self time of its entries, and the part with known energy.
    self_ns: i64,
    known_ns: i64,
    is_touched: bool,
}

impl LiveCell {
    fn add_cost(&mut self, cost: &EntryCost) {
        self.self_ns += cost.self_ns;
        if let Some(energy_j) = cost.self_j {
            self.energy_j += energy_j;
            self.known_ns += cost.self_ns;
            self.is_touched = true;
        }
    }

    fn add_time(&mut self, activation: &PricedActivation, is_begin: bool) {
        self.count += u64::from(is_begin);
        self.duration_ns += activation.end_ns - activation.start_ns;
    }

    /// Returns the energy, unknown if that of too much of its time is.
    fn energy_j(&self) -> Option<f64> {
        let is_known = self.is_touched && is_covered_by_windows(self.known_ns, self.self_ns);
        is_known.then_some(self.energy_j)
    }

    /// Returns the share of its self time with a known energy.
    fn coverage(&self) -> Option<f64> {
        coverage(self.known_ns, self.self_ns)
    }

    fn write(&self, mut data: Value) -> Value {
        let energy_j = self.energy_j();
        let power_mw = average_w(energy_j, Some(self.duration_ns)).map(|watts| watts * 1e3);
        data["coverage"] = json!(self.coverage());
        data["duration_ms"] = json!(self.duration_ns as f64 / 1e6);
        data["energy_j"] = json!(energy_j);
        data["energy_mj"] = json!(energy_j.map(|joules| joules * 1e3));
        data["avg_power_mw"] = json!(power_mw);
        data
    }
}

/// Cells of one token, or of a phase outside of tokens.
#[derive(Debug, Default)]
struct OwnerCells {
    layers: BTreeMap<Arc<str>, LiveCell>,
    components: BTreeMap<ComponentPlace, ComponentCell>,
}

/// Layer, if there is one, and component.
type ComponentPlace = (Option<Arc<str>>, Arc<str>);
type ComponentCell = (LiveCell, StatisticsMean);

/// Means of statistics, in the order of [`ActivationStatistics::values`].
#[derive(Debug, Clone, Copy, Default)]
struct StatisticsMean {
    sums: [f64; 5],
    counts: [u32; 5],
}

impl StatisticsMean {
    fn add(&mut self, of: &ActivationStatistics) {
        for (at, value) in of.values().into_iter().enumerate() {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                self.sums[at] += value;
                self.counts[at] += 1;
            }
        }
    }

    fn mean(&self, at: usize) -> Option<f64> {
        (self.counts[at] > 0).then(|| self.sums[at] / f64::from(self.counts[at]))
    }
}

/// A span entry that is not priced to its end yet.
#[derive(Debug, Clone)]
struct LiveSpan {
    row: SpanRow,
    /// The token or phase it belongs to, by span.
    owner: Option<u64>,
}

/// Key of an operation: phase, layer, component, operation.
type OperationKey = [Option<Arc<str>>; 4];

/// Cells that were not sent yet, and what is needed to price the next window.
#[derive(Debug, Default)]
pub(super) struct LiveCells {
    spans: BTreeMap<u64, LiveSpan>,
    powers: VecDeque<WindowPowerRow>,
    priced_ns: Option<i64>,
    owners: BTreeMap<u64, (SpanRow, OwnerCells)>,
    operations: BTreeMap<OperationKey, LiveCell>,
    has_kinds: bool,
    left_out: LeftOutCells,
}

/// What was left out because there was too much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOutCells {
    /// Number of tokens and phases without sent cells.
    pub(super) tokens: usize,
    /// Number of span entries without energies in cells.
    pub(super) spans: usize,
}

/// Cells of a token or phase that has ended.
pub(super) struct EndedCells {
    /// The token or phase.
    pub(super) row: SpanRow,
    /// Its layers; empty if there are none.
    pub(super) layers: Vec<Value>,
    /// Its components.
    pub(super) components: Vec<Value>,
}

impl LiveCells {
    /// Adds new or changed span entries.
    pub(super) fn add_spans(&mut self, rows: &[SpanRow], places: &LivePlaces) {
        // Only if `price` could not release enough of them.
        while self.spans.len() > MAX_SPANS {
            self.spans.pop_first();
            self.left_out.spans += 1;
        }
        for row in rows {
            let around = row.parent.and_then(|seq| self.spans.get(&seq));
            let place = places.get(row.node);
            let is_owner = place.is_some_and(|place| {
                place.is_head && matches!(place.role, Some(Role::Token | Role::Phase))
            });
            let owner = match is_owner {
                true => Some(row.seq),
                false => around.and_then(|around| around.owner),
            };
            if is_owner {
                let new = || (*row, OwnerCells::default());
                self.owners.entry(row.seq).or_insert_with(new).0 = *row;
            }
            let span = LiveSpan { row: *row, owner };
            match self.spans.get_mut(&row.seq) {
                Some(known) => known.row = *row,
                None => drop(self.spans.insert(row.seq, span)),
            }
        }
    }

    /// Returns the time until which entries must be priced without awaiting samples, because too
    /// many wait: energies are unknown where samples are missing.
    pub(super) fn overflow_ns(&self) -> Option<i64> {
        let (_, newest) = self.spans.last_key_value()?;
        (self.spans.len() > MAX_SPANS).then_some(newest.row.start_ns)
    }

    /// Adds power windows of root rails.
    pub(super) fn add_powers(&mut self, rows: impl Iterator<Item = WindowPowerRow>) {
        for row in rows {
            self.has_kinds |= row.kind.is_some();
            self.powers.push_back(row);
        }
    }

    /// Adds the statistics of an activation.
    pub(super) fn add_statistics(&mut self, row: &SpanEventRow, places: &LivePlaces) {
        let Some(span) = row.span.and_then(|seq| self.spans.get(&seq)) else {
            return;
        };
        let (owner, node) = (span.owner, span.row.node);
        let of = ActivationStatistics::parse(&row.json);
        let cells = owner.and_then(|owner| self.owners.get_mut(&owner));
        let (Some(of), Some((_, cells)), Some(place)) = (of, cells, places.get(node)) else {
            return;
        };
        if let Some(component) = &place.component {
            let key = (place.layer.clone(), Arc::clone(component));
            cells.components.entry(key).or_default().1.add(&of);
        }
    }

    /// Returns whether power windows are specific to kinds.
    pub(super) fn has_kinds(&self) -> bool {
        self.has_kinds
    }

    /// Prices the time until `until_ns`. `rails` are the root rails that deliver windows.
    ///
    /// # Errors
    /// Never fails in practice: rows are in memory.
    pub(super) fn price(
        &mut self,
        until_ns: i64,
        places: &LivePlaces,
        (rails, kind_of_node): (Vec<u32>, Vec<u32>),
    ) -> Result<()> {
        let from_ns = self.priced_ns.unwrap_or(i64::MIN);
        if until_ns <= from_ns {
            return Ok(());
        }
        let mut powers = std::mem::take(&mut self.powers);
        powers.make_contiguous().sort_by_key(|row| row.start_ns);
        // Starts ascend with numbers.
        let spans = self.spans.values().map(|span| span.row);
        let spans = spans.take_while(|row| row.start_ns < until_ns);
        let rows = RowsInMemory {
            spans: spans.collect::<Vec<_>>(),
            powers: powers.iter().copied(),
            rails,
            kind_of_node,
            window: (from_ns, until_ns),
        };
        let mut visitor = CellVisitor {
            cells: self,
            places,
        };
        walk_rows(rows, &mut visitor)?;
        powers.retain(|row| row.end_ns > until_ns);
        self.powers = powers;
        self.priced_ns = Some(until_ns);
        let is_over = |row: &SpanRow| row.end_ns.is_some_and(|end_ns| end_ns <= until_ns);
        self.spans.retain(|_, span| !is_over(&span.row));
        Ok(())
    }

    /// Returns the cells of tokens and phases that are priced to their end, in order of their ends.
    /// With `all`, those that are not are included. If there are too many, the oldest are left
    /// out and counted.
    pub(super) fn take_ended(&mut self, all: bool) -> Vec<EndedCells> {
        let priced_ns = self.priced_ns.unwrap_or(i64::MIN);
        let is_ended = |row: &SpanRow| row.end_ns.is_some_and(|end_ns| end_ns <= priced_ns);
        let owners = std::mem::take(&mut self.owners);
        let (ended, open): (Vec<_>, Vec<_>) = owners
            .into_iter()
            .partition(|(_, (row, _))| all || is_ended(row));
        self.owners = open.into_iter().collect();
        let mut ended: Vec<(SpanRow, OwnerCells)> = ended.into_iter().map(|(_, one)| one).collect();
        ended.retain(|(_, cells)| !(cells.layers.is_empty() && cells.components.is_empty()));
        ended.sort_by_key(|(row, _)| (row.end_ns, row.seq));
        let skipped = ended.len().saturating_sub(MAX_TOKENS);
        self.left_out.tokens += skipped;
        ended.drain(..skipped);
        // A phase that contains tokens has cells of its work outside of them, if there is any.
        let cells = |(row, cells): (SpanRow, OwnerCells)| EndedCells {
            layers: cells.layers.iter().map(layer_object).collect(),
            components: cells.components.iter().map(component_object).collect(),
            row,
        };
        ended.into_iter().map(cells).collect()
    }

    /// Returns the operations since the last call; `None` if there are none.
    pub(super) fn take_operations(&mut self) -> Option<Value> {
        let operations = std::mem::take(&mut self.operations);
        let object = |([phase, layer, component, operation], cell): (OperationKey, LiveCell)| {
            let energy_j = cell.energy_j();
            json!({
                "phase": phase.as_deref(), "layer": layer.as_deref(),
                "component": component.as_deref(), "operation": operation.as_deref(),
                "count": cell.count, "duration_ms": cell.duration_ns as f64 / 1e6,
                "coverage": cell.coverage(), "energy_j": energy_j, "energy_mj": energy_j.map(|joules| joules * 1e3),
            })
        };
        (!operations.is_empty()).then(|| operations.into_iter().map(object).collect())
    }

    /// Returns what was left out since the last call.
    pub(super) fn take_left_out(&mut self) -> LeftOutCells {
        std::mem::take(&mut self.left_out)
    }

    /// Returns the time that is priced.
    pub(super) fn priced_ns(&self) -> Option<i64> {
        self.priced_ns
    }
}

fn layer_object((layer, cell): (&Arc<str>, &LiveCell)) -> Value {
    cell.write(json!({ "layer": &**layer, "layer_index": layer_index(layer) }))
}

fn component_object(
    ((layer, component), (cell, statistics)): (&ComponentPlace, &ComponentCell),
) -> Value {
    cell.write(json!({
        "layer": layer.as_deref(), "layer_index": layer.as_deref().and_then(layer_index),
        "component": &**component, "component_name": &**component,
        "activation_mean": statistics.mean(0), "activation_std": statistics.mean(1),
        "activation_max": statistics.mean(2), "activation_sparsity": statistics.mean(3),
    }))
}

/// Adds the parts of activations in a window to cells.
struct CellVisitor<'c> {
    cells: &'c mut LiveCells,
    places: &'c LivePlaces,
}

impl CellVisitor<'_> {
    fn add(
        &mut self,
        place: &LivePlace,
        activation: &PricedActivation,
        cost: &EntryCost,
        owner: Option<u64>,
    ) {
        let is_begin = activation.start_ns == activation.row.start_ns;
        let is_head = |role| place.is_head && place.role == Some(role);
        if let Some(operation) = &place.operation {
            let names = [&place.phase, &place.layer, &place.component].map(Clone::clone);
            let [phase, layer, component] = names;
            let key = [phase, layer, component, Some(Arc::clone(operation))];
            let cell = self.cells.operations.entry(key).or_default();
            cell.add_cost(cost);
            if is_head(Role::Op) {
                cell.add_time(activation, is_begin);
            }
        }
        let owner = owner.and_then(|owner| self.cells.owners.get_mut(&owner));
        let Some((_, cells)) = owner else {
            return;
        };
        if let Some(layer) = &place.layer {
            let cell = cells.layers.entry(Arc::clone(layer)).or_default();
            cell.add_cost(cost);
            if is_head(Role::Layer) {
                cell.add_time(activation, is_begin);
            }
        }
        if let Some(component) = &place.component {
            let key = (place.layer.clone(), Arc::clone(component));
            let (cell, _) = cells.components.entry(key).or_default();
            cell.add_cost(cost);
            if is_head(Role::Component) {
                cell.add_time(activation, is_begin);
            }
        }
    }
}

impl ActivationVisitor for CellVisitor<'_> {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let places = self.places;
        if let Some(place) = places.get(activation.row.node) {
            let span = self.cells.spans.get(&activation.row.seq);
            let owner = span.and_then(|span| span.owner);
            self.add(place, activation, cost, owner);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use energy_data::rows::{CallsiteRow, NodeRow};

    use super::*;

    fn callsite(id: u32, name: &str, role: Role) -> CallsiteRow {
        CallsiteRow {
            id,
            name: name.into(),
            target: "test".into(),
            level: "INFO".into(),
            file: None,
            line: None,
            domain: energy_data::rows::Domain::Cpu,
            role: Some(role),
        }
    }

    fn node(id: u32, parent: Option<u32>, label: &str) -> NodeRow {
        NodeRow {
            id,
            parent,
            callsite: Some(id),
            label: label.into(),
            depth: u32::from(parent.is_some()),
            kind: None,
        }
    }

    fn span(seq: u64, node: u32, parent: Option<u64>, start_ns: i64, length_ns: i64) -> SpanRow {
        SpanRow {
            seq,
            node,
            instance: None,
            parent,
            thread: 1,
            start_ns,
            end_ns: Some(start_ns + length_ns),
            token: None,
        }
    }

    /// Tokens of 100 ns, each with a layer of 50 ns, at 2 W.
    fn cells_of(tokens: u64, rails: &[u32]) -> (LiveCells, LivePlaces) {
        let mut places = LivePlaces::default();
        let sites = [
            callsite(1, "token", Role::Token),
            callsite(2, "layer", Role::Layer),
        ];
        places.add(
            &sites,
            &[node(1, None, "token"), node(2, Some(1), "layer 0")],
        );
        let mut cells = LiveCells::default();
        let spans: Vec<SpanRow> = (0..tokens)
            .flat_map(|at| {
                let (seq, start_ns) = (2 * at + 1, at as i64 * 100);
                [
                    span(seq, 1, None, start_ns, 100),
                    span(seq + 1, 2, Some(seq), start_ns + 10, 50),
                ]
            })
            .collect();
        cells.add_spans(&spans, &places);
        let end_ns = tokens as i64 * 100;
        let window = WindowPowerRow {
            rail: 1,
            start_ns: 0,
            end_ns,
            thread: Some(1),
            kind: None,
            power_w: 2.0,
        };
        cells.add_powers([window].into_iter());
        cells
            .price(end_ns, &places, (rails.to_vec(), Vec::new()))
            .unwrap();
        (cells, places)
    }

    #[test]
    fn tokens_beyond_the_limit_are_left_out_and_counted() {
        let tokens = MAX_TOKENS + 7;
        let (mut cells, _) = cells_of(tokens as u64, &[1]);
        let ended = cells.take_ended(false);
        assert_eq!(ended.len(), MAX_TOKENS);
        assert_eq!(ended[0].row.start_ns, 700, "the oldest are left out");
        for one in &ended {
            let joules = one.layers[0]["energy_j"].as_f64().unwrap();
            assert!((joules - 2.0 * 50e-9).abs() < 1e-18, "{joules}");
            assert_eq!(one.layers[0]["coverage"], 1.0);
        }
        let left_out = LeftOutCells {
            tokens: 7,
            spans: 0,
        };
        assert_eq!(cells.take_left_out(), left_out);
        assert_eq!(
            cells.take_left_out(),
            LeftOutCells::default(),
            "counted once"
        );
    }

    #[test]
    fn energies_are_unknown_while_a_rail_is_missing() {
        let (mut cells, _) = cells_of(3, &[1, 2]);
        for one in cells.take_ended(false) {
            assert!(one.layers[0]["energy_j"].is_null(), "{}", one.layers[0]);
            assert_eq!(one.layers[0]["coverage"], 0.0);
        }
    }
}
