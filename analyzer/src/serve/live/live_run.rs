//! One run that is being recorded: its updates as messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use energy_data::interval_energy::IntervalEnergy;
use energy_data::rows::{Role, RunRow, RunStatus, SpanEnergyRow, SpanRow};
use energy_data::sink::Batch;
use serde_json::{Value, json};

use super::cells::{EndedCells, LeftOutCells, LiveCells};
use super::intervals::EndedSpans;
use super::message::{Detail, MessageKind};
use super::outlet::Outlet;
use super::places::{LivePlace, LivePlaces};
use super::power::LivePower;
use crate::query::{DECODE, SAMPLING_ONLY, average_w};

/// Time after which samples are not awaited any more: energies are unknown then.
const LATE_NS: i64 = 15_000_000_000;
/// Shortest time between two messages about what is open.
const CURRENT: Duration = Duration::from_millis(100);
/// Shortest time of sums over operations.
const OPERATIONS_NS: i64 = 100_000_000;

/// A run, and what is known of it.
#[derive(Debug)]
pub(super) struct LiveRun {
    uuid: Arc<str>,
    row: Option<RunRow>,
    places: LivePlaces,
    power: LivePower,
    ended: EndedSpans,
    cells: LiveCells,
    open: BTreeMap<u64, SpanRow>,
    last_span: u64,
    coverage: Coverage,
    /// End of the latest sums over operations.
    operations_ns: Option<i64>,
    current: Option<(Value, Instant)>,
}

/// Time that samples cover.
#[derive(Debug, Default)]
struct Coverage {
    /// End of the last window of each root rail.
    rails: BTreeMap<u32, i64>,
    /// Coverage by the rows of the flush that is being read.
    flush: Option<(i64, i64)>,
    /// Coverage by the flushes before it, of which all rows were read.
    until_ns: i64,
}

impl LiveRun {
    pub(super) fn new(uuid: &Arc<str>) -> Self {
        Self {
            uuid: Arc::clone(uuid),
            row: None,
            places: LivePlaces::default(),
            power: LivePower::default(),
            ended: EndedSpans::default(),
            cells: LiveCells::default(),
            open: BTreeMap::new(),
            last_span: 0,
            coverage: Coverage::default(),
            operations_ns: None,
            current: None,
        }
    }

    /// Returns whether it belongs to another run, into which it is merged at its end.
    pub(super) fn is_joined(&self) -> bool {
        self.row
            .as_ref()
            .is_some_and(|row| row.parent_run.is_some())
    }

    /// Sends what new rows contain. `is_behind`: more rows are in the file already, so that spans of
    /// the time that is covered may still be unread.
    pub(super) fn rows(&mut self, batch: &Batch, is_behind: bool, outlet: &Outlet<'_>) {
        if let Some(row) = &batch.run {
            self.row = Some(row.clone());
        }
        let is_described = self.power.describe(&batch.rails, &batch.baselines);
        if (batch.run.is_some() || is_described) && !self.is_joined() {
            self.send(
                outlet,
                (MessageKind::RunStarted, Detail::Power),
                0,
                self.description(),
            );
        }
        self.places.add(&batch.callsites, &batch.nodes);
        self.spans(&batch.spans, outlet);
        self.samples(batch, outlet);
        self.cells.add_spans(&batch.spans, &self.places);
        for row in &batch.span_events {
            if self.places.is_statistics(row.callsite) {
                self.cells.add_statistics(row, &self.places);
            }
        }
        let powers = batch.attribution.window_power.iter();
        let powers = powers.filter(|row| self.power.is_root(row.rail)).copied();
        self.cells.add_powers(powers);
        self.cover(batch, is_behind);
        let late_ns = match self.power.roots().next() {
            Some(_) if is_behind => i64::MIN,
            Some(_) => batch.time_ns - LATE_NS,
            None => self.coverage.until_ns,
        };
        self.energies(&batch.attribution.span_energy, late_ns, outlet);
        let overflow_ns = self.cells.overflow_ns().unwrap_or(i64::MIN);
        self.price(self.coverage.until_ns.max(overflow_ns), false, outlet);
        self.current(outlet);
    }

    /// Sends what is left, and the totals.
    pub(super) fn end(mut self, status: RunStatus, outlet: &Outlet<'_>) {
        if self.is_joined() {
            return;
        }
        let end_ns = self.row.as_ref().and_then(|row| row.end_ns);
        let newest = self.coverage.rails.values().copied().max();
        let end_ns = end_ns.or(newest).unwrap_or(0);
        let mut messages = Vec::new();
        self.power
            .finish(|time_ns, data| messages.push((time_ns, data)));
        self.send_samples(messages, outlet);
        self.energies(&[], i64::MAX, outlet);
        self.price(end_ns.saturating_add(1), true, outlet);
        self.open.clear();
        self.current = None;
        self.coverage.until_ns = end_ns;
        self.current(outlet);
        outlet.complete(&self.uuid, status, self.unix_ns(end_ns));
    }

    /// Sends the begin of spans with a role, and remembers those that are open.
    fn spans(&mut self, rows: &[SpanRow], outlet: &Outlet<'_>) {
        for row in rows {
            let was_open = self.open.remove(&row.seq).is_some();
            let is_new = row.seq > self.last_span;
            if !was_open && !is_new {
                continue;
            }
            self.last_span = self.last_span.max(row.seq);
            if row.end_ns.is_none() {
                self.open.insert(row.seq, *row);
            }
            let Some(place) = self.places.get(row.node).filter(|place| is_sent(place)) else {
                continue;
            };
            if let (Some(Role::Phase), Some(name)) = (place.role, &place.phase) {
                self.power.phase(row.seq, name, (row.start_ns, row.end_ns));
            }
            if is_new && place.role != Some(Role::Token) {
                let message = (MessageKind::SectionStart, Detail::Sections);
                self.send(
                    outlet,
                    message,
                    row.start_ns,
                    section(row, place, self.token(row)),
                );
            }
            if row.end_ns.is_some() {
                self.ended.add(row);
            }
        }
    }

    fn samples(&mut self, batch: &Batch, outlet: &Outlet<'_>) {
        let mut messages = Vec::new();
        for row in &batch.samples {
            self.power
                .sample(row, |time_ns, data| messages.push((time_ns, data)));
        }
        self.send_samples(messages, outlet);
    }

    fn send_samples(&self, messages: Vec<(i64, Value)>, outlet: &Outlet<'_>) {
        for (time_ns, data) in messages {
            let message = (MessageKind::PowerSample, Detail::Power);
            self.send(outlet, message, time_ns, data);
        }
    }

    /// Determines the time that samples cover. Rows of a flush may arrive in several parts, so that
    /// only flushes before the latest one count. Late samples are not waited for, unless they may be
    /// in the file already.
    fn cover(&mut self, batch: &Batch, is_behind: bool) {
        let coverage = &mut self.coverage;
        for row in &batch.attribution.sample_balance {
            let end_ns = coverage.rails.entry(row.rail).or_insert(row.end_ns);
            *end_ns = row.end_ns.max(*end_ns);
        }
        let rails = self.power.roots();
        let ends = rails.map(|rail| coverage.rails.get(&rail).copied().unwrap_or(i64::MIN));
        let covered_ns = match (ends.min(), is_behind) {
            (Some(end_ns), false) => end_ns.max(batch.time_ns - LATE_NS),
            (Some(end_ns), true) => end_ns,
            (None, false) => batch.time_ns,
            (None, true) => i64::MIN,
        };
        let heartbeat = batch.heartbeat_unix_ns;
        if let Some((before, until_ns)) = coverage.flush
            && before != heartbeat
        {
            coverage.until_ns = coverage.until_ns.max(until_ns);
        }
        coverage.flush = Some((heartbeat, covered_ns));
    }

    /// Sends the spans whose energies are known.
    fn energies(&mut self, rows: &[SpanEnergyRow], late_ns: i64, outlet: &Outlet<'_>) {
        let roots: Vec<u32> = self.power.roots().collect();
        for (row, energy) in self.ended.take(rows, &roots, late_ns) {
            let Some(place) = self.places.get(row.node) else {
                continue;
            };
            let end_ns = row.end_ns.unwrap_or(row.start_ns);
            if place.role != Some(Role::Token) {
                let data = section(&row, place, self.token(&row));
                let data = self.priced(data, &row, &energy);
                let message = (MessageKind::SectionEnd, Detail::Sections);
                self.send(outlet, message, end_ns, data);
                continue;
            }
            let (text, number) = outlet.texts.token(&self.uuid, row.seq);
            let (token, phase) = (row.token.or(number), place.phase.as_deref());
            // Prefill has computed the first token of decode.
            let is_sampled = token == Some(0) && phase == Some(DECODE);
            let data = json!({
                "span": row.seq, "token": token, "text": text,
                "phase": phase, "start_ns": row.start_ns,
                "note": is_sampled.then_some(SAMPLING_ONLY),
            });
            let data = self.priced(data, &row, &energy);
            let message = (MessageKind::TokenComplete, Detail::Tokens);
            self.send(outlet, message, end_ns, data);
        }
    }

    /// Adds the end and the energy of a span to `data`.
    fn priced(&self, mut data: Value, row: &SpanRow, energy: &IntervalEnergy) -> Value {
        let time_ns = row.end_ns.map(|end_ns| end_ns - row.start_ns);
        let energy_j = energy.energy_j;
        let power_mw = average_w(energy_j, time_ns).map(|watts| watts * 1e3);
        data["end_ns"] = json!(row.end_ns);
        data["duration_ms"] = json!(time_ns.map(|ns| ns as f64 / 1e6));
        data["energy_j"] = json!(energy_j);
        data["energy_mj"] = json!(energy_j.map(|joules| joules * 1e3));
        data["lo_j"] = json!(energy.lo_j);
        data["hi_j"] = json!(energy.hi_j);
        data["coverage"] = json!(energy.coverage);
        data["avg_power_mw"] = json!(power_mw);
        data["provenance"] = json!(self.power.provenance());
        data
    }

    /// Prices the time until `until_ns`, and sends the cells of what has ended.
    fn price(&mut self, until_ns: i64, is_last: bool, outlet: &Outlet<'_>) {
        let before_ns = self.cells.priced_ns().unwrap_or(0);
        let kinds = match self.cells.has_kinds() {
            true => outlet.texts.kinds(&self.uuid),
            false => Vec::new(),
        };
        let has_delivered = |rail: &u32| self.coverage.rails.contains_key(rail);
        let rails = self.power.roots().filter(has_delivered).collect();
        if let Err(error) = self.cells.price(until_ns, &self.places, (rails, kinds)) {
            outlet.fail(&error.to_string());
        }
        for cells in self.cells.take_ended(is_last) {
            self.send_cells(&cells, outlet);
        }
        self.report_left_out(outlet);
        let Some(priced_ns) = self.cells.priced_ns() else {
            return;
        };
        let from_ns = *self.operations_ns.get_or_insert(before_ns);
        if !is_last && priced_ns - from_ns < OPERATIONS_NS {
            return;
        }
        if let Some(operations) = self.cells.take_operations() {
            let data = json!({
                "from_ns": from_ns, "to_ns": priced_ns, "operations": operations,
                "provenance": self.power.provenance(),
            });
            let message = (MessageKind::OperationMetrics, Detail::Operations);
            self.send(outlet, message, priced_ns, data);
        }
        self.operations_ns = Some(priced_ns);
    }

    /// Reports cells and energies that were left out because there were too many.
    fn report_left_out(&mut self, outlet: &Outlet<'_>) {
        let LeftOutCells { tokens, spans } = self.cells.take_left_out();
        let remedy = format!(
            "read them from /api/profiling/run/{} when the run has ended",
            self.uuid
        );
        if tokens > 0 {
            let text = format!("the layers and components of {tokens} tokens were not sent");
            outlet.report(&self.uuid, Detail::Layers, &text, &remedy);
        }
        if spans > 0 {
            let text = format!("energies of layers lack {spans} span entries");
            outlet.report(&self.uuid, Detail::Layers, &text, &remedy);
        }
    }

    fn send_cells(&self, cells: &EndedCells, outlet: &Outlet<'_>) {
        let row = &cells.row;
        let place = self.places.get(row.node);
        let phase = place.and_then(|place| place.phase.as_deref());
        let is_token = place.is_some_and(|place| place.role == Some(Role::Token));
        let token = match (row.token, is_token) {
            (None, true) => outlet.texts.token(&self.uuid, row.seq).1,
            (token, _) => token,
        };
        let head = |name: &str, values: &[Value]| {
            json!({
                "token": token, "phase": phase, "start_ns": row.start_ns,
                "end_ns": row.end_ns, "provenance": self.power.provenance(), name: values,
            })
        };
        let time_ns = row.end_ns.unwrap_or(row.start_ns);
        if !cells.layers.is_empty() {
            let message = (MessageKind::LayerMetrics, Detail::Layers);
            self.send(outlet, message, time_ns, head("layers", &cells.layers));
        }
        if !cells.components.is_empty() {
            let message = (MessageKind::ComponentMetrics, Detail::Components);
            self.send(
                outlet,
                message,
                time_ns,
                head("components", &cells.components),
            );
        }
    }

    /// Sends what is open now, if it has changed.
    fn current(&mut self, outlet: &Outlet<'_>) {
        let newest = self.open.last_key_value().map(|(_, row)| row);
        let place = newest.and_then(|row| self.places.get(row.node));
        let place = place.cloned().unwrap_or_default();
        let data = json!({
            "phase": place.phase.as_deref(), "section": place.section.as_deref(),
            "token": newest.and_then(|row| self.token(row)),
            "layer": place.layer.as_deref(), "component": place.component.as_deref(),
            "operation": place.operation.as_deref(),
        });
        let is_due = match &self.current {
            Some((before, time)) => *before != data && time.elapsed() >= CURRENT,
            None => true,
        };
        if is_due {
            let time_ns = newest.map_or(self.coverage.until_ns, |row| row.start_ns);
            let message = (MessageKind::Current, Detail::Sections);
            self.send(outlet, message, time_ns, data.clone());
            self.current = Some((data, Instant::now()));
        }
    }

    /// Returns the number of the token around a span, if it is open.
    fn token(&self, row: &SpanRow) -> Option<i64> {
        let mut around = Some(row);
        while let Some(row) = around {
            let place = self.places.get(row.node);
            if place.is_some_and(|place| place.role == Some(Role::Token)) {
                return row.token;
            }
            around = row.parent.and_then(|seq| self.open.get(&seq));
        }
        None
    }

    fn description(&self) -> Value {
        let Some(row) = &self.row else {
            return json!({});
        };
        let metadata = &row.metadata;
        json!({
            "name": metadata.name, "model": metadata.model, "engine": metadata.engine,
            "status": row.status.name(), "start_unix_ms": row.start_unix_ns / 1_000_000,
            "prompt": metadata.prompt, "pid": row.pid, "rails": self.power.rail_list(),
        })
    }

    fn unix_ns(&self, time_ns: i64) -> i64 {
        let start_ns = self.row.as_ref().map_or(0, |row| row.start_unix_ns);
        start_ns.saturating_add(time_ns)
    }

    fn send(
        &self,
        outlet: &Outlet<'_>,
        (kind, detail): (MessageKind, Detail),
        time_ns: i64,
        data: Value,
    ) {
        // What a joined run executes is part of its parent run; it has no energies of its own.
        let parent = self.row.as_ref().and_then(|row| row.parent_run.as_deref());
        let run = match parent {
            None => Arc::clone(&self.uuid),
            Some(parent) if kind == MessageKind::Current => parent.into(),
            Some(_) => return,
        };
        outlet.send(Some(run), (kind, detail), self.unix_ns(time_ns), data);
    }
}

/// Returns whether begin and end of spans at that place are sent: sections of tokens are too many.
fn is_sent(place: &LivePlace) -> bool {
    match place.role {
        Some(Role::Run | Role::Phase) => true,
        Some(Role::Token) => place.is_head,
        Some(Role::Section) => !place.is_in_token,
        _ => false,
    }
}

fn section(row: &SpanRow, place: &LivePlace, token: Option<i64>) -> Value {
    let name = match place.role {
        Some(Role::Phase) => place.phase.as_deref().unwrap_or(&place.name),
        _ => &place.name,
    };
    json!({
        "span": row.seq, "parent": row.parent, "name": name,
        "role": place.role.map(Role::name), "phase": place.phase.as_deref(), "token": token,
        "thread": row.thread, "start_ns": row.start_ns,
    })
}
