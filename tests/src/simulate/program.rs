//! A simulated program while it runs: spans, kinds and their powers.

use std::collections::{BTreeMap, HashMap};

use super::Settings;
use super::draws::{Draws, Purpose};
use super::trace::{SimulatedRail, SimulatedSpan};

/// Shortest duration of a leaf, ns.
const SHORTEST_NS: f64 = 1_500.0;

/// A kind's place among the kinds of the program being made.
pub(crate) type KindIndex = usize;

/// Where a span is to be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanPlace {
    /// Id of the parent; 0: none.
    pub(crate) parent: u64,
    pub(crate) thread: u32,
    pub(crate) rail: SimulatedRail,
    /// The layer, whose power differs a little from others'.
    pub(crate) layer: Option<usize>,
}

impl SpanPlace {
    /// On the processor, in no layer.
    pub(crate) fn on_cpu(parent: u64, thread: u32) -> Self {
        Self {
            parent,
            thread,
            rail: SimulatedRail::Cpu,
            layer: None,
        }
    }

    /// The same in a layer.
    pub(crate) fn in_layer(self, layer: usize) -> Self {
        Self {
            layer: Some(layer),
            ..self
        }
    }
}

/// Makes spans. Times are ns of the spans' clock.
pub(crate) struct SimulatedProgram<'a> {
    pub(crate) settings: &'a Settings,
    /// Order, number and durations of what happens.
    pub(crate) draws: Draws,
    /// Powers of kinds; workloads draw base powers from it too, so that a common seed
    /// of powers fixes them all.
    pub(crate) powers: Draws,
    instances: Draws,
    names: Vec<String>,
    by_name: HashMap<String, KindIndex>,
    kind_power_w: Vec<BTreeMap<SimulatedRail, f64>>,
    layer_factor: HashMap<(KindIndex, usize), f64>,
    spans: Vec<SimulatedSpan>,
    span_factor: Vec<f64>,
}

/// What a program did: its spans and the power of each.
pub(crate) struct ProgramRecord {
    /// Names of the kinds that occur, sorted.
    pub(crate) kinds: Vec<String>,
    /// By kind: power while it runs alone, W.
    pub(crate) kind_power_w: Vec<BTreeMap<SimulatedRail, f64>>,
    pub(crate) spans: Vec<SimulatedSpan>,
    /// By span: its power relative to its kind's.
    pub(crate) span_factor: Vec<f64>,
}

impl<'a> SimulatedProgram<'a> {
    pub(crate) fn new(seed: u64, settings: &'a Settings) -> Self {
        let powers = settings.power_seed.unwrap_or(seed);
        Self {
            settings,
            draws: Draws::new(seed, Purpose::Program, 0),
            powers: Draws::new(powers, Purpose::Powers, 0),
            instances: Draws::new(seed, Purpose::Instances, 0),
            names: Vec::new(),
            by_name: HashMap::new(),
            kind_power_w: Vec::new(),
            layer_factor: HashMap::new(),
            spans: Vec::new(),
            span_factor: Vec::new(),
        }
    }

    /// The kind called `name`, with about the given powers in W if it is new.
    pub(crate) fn kind(&mut self, name: &str, powers_w: &[(SimulatedRail, f64)]) -> KindIndex {
        if let Some(&kind) = self.by_name.get(name) {
            return kind;
        }
        let sd = self.settings.power_sd;
        let drawn = powers_w
            .iter()
            .map(|&(rail, watts)| (rail, watts * self.powers.factor(sd)));
        let drawn = drawn.collect();
        self.add(name, drawn)
    }

    /// The kind called `name` with exactly the powers of `like` if it is new.
    pub(crate) fn kind_like(&mut self, name: &str, like: KindIndex) -> KindIndex {
        match self.by_name.get(name) {
            Some(&kind) => kind,
            None => self.add(name, self.kind_power_w[like].clone()),
        }
    }

    fn add(&mut self, name: &str, powers_w: BTreeMap<SimulatedRail, f64>) -> KindIndex {
        let kind = self.names.len();
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), kind);
        self.kind_power_w.push(powers_w);
        kind
    }

    /// Opens a span and returns its id.
    pub(crate) fn open(&mut self, kind: KindIndex, place: SpanPlace, time_ns: i64) -> u64 {
        let mut factor = self.instances.unit_mean_factor(self.settings.instance_sd);
        if let Some(layer) = place.layer {
            let drawn = self.layer_factor.entry((kind, layer));
            factor *= *drawn.or_insert_with(|| self.powers.factor(self.settings.layer_sd));
        }
        self.spans.push(SimulatedSpan {
            parent: place.parent,
            thread: place.thread,
            kind,
            start_ns: time_ns,
            end_ns: time_ns,
            rail: place.rail,
        });
        self.span_factor.push(factor);
        self.spans.len() as u64
    }

    /// Closes the span `id` that [`SimulatedProgram::open`] returned.
    pub(crate) fn close(&mut self, id: u64, time_ns: i64) {
        self.spans[id as usize - 1].end_ns = time_ns;
    }

    /// A span of about `mean_us`, without children; returns its end.
    pub(crate) fn leaf(
        &mut self,
        kind: KindIndex,
        place: SpanPlace,
        time_ns: i64,
        mean_us: f64,
    ) -> i64 {
        let varied = mean_us * self.draws.unit_mean_factor(self.settings.duration_sd);
        self.exact_leaf(kind, place, time_ns, varied)
    }

    /// A span of `us`, without children; returns its end.
    pub(crate) fn exact_leaf(
        &mut self,
        kind: KindIndex,
        place: SpanPlace,
        time_ns: i64,
        us: f64,
    ) -> i64 {
        let end_ns = time_ns + (us * 1e3).max(SHORTEST_NS) as i64;
        let id = self.open(kind, place, time_ns);
        self.close(id, end_ns);
        end_ns
    }

    /// A pause of `mean_us` in the mean, ns.
    pub(crate) fn gap(&mut self, mean_us: f64) -> i64 {
        self.draws.exponential(mean_us * 1e3) as i64
    }

    /// When the program begins, ns.
    pub(crate) fn begin_ns(&self) -> i64 {
        (self.settings.preroll_s * 1e9) as i64
    }

    /// All that was made, with the kinds that occur in the order of their names.
    pub(crate) fn finish(self) -> ProgramRecord {
        let mut used = vec![false; self.names.len()];
        self.spans.iter().for_each(|span| used[span.kind] = true);
        let mut order: Vec<KindIndex> = (0..self.names.len()).filter(|&kind| used[kind]).collect();
        order.sort_by(|&a, &b| self.names[a].cmp(&self.names[b]));
        let mut place = vec![0; self.names.len()];
        order
            .iter()
            .enumerate()
            .for_each(|(new, &old)| place[old] = new);
        let mut spans = self.spans;
        spans
            .iter_mut()
            .for_each(|span| span.kind = place[span.kind]);
        ProgramRecord {
            kinds: order.iter().map(|&kind| self.names[kind].clone()).collect(),
            kind_power_w: order
                .iter()
                .map(|&kind| self.kind_power_w[kind].clone())
                .collect(),
            spans,
            span_factor: self.span_factor,
        }
    }
}
