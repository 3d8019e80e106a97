//! The calling-context tree of a decoder, with self time and power of each node.

use energy_data::rows::{CallsiteRow, Domain, NodeRow, Role};
use energy_models::instrument;

/// A span with self time and children.
#[derive(Debug, Clone)]
pub(super) struct SpanPart {
    /// Its node.
    pub(super) node: u32,
    /// Self time, ns.
    pub(super) self_ns: i64,
    /// Power above idle during its self time, W.
    pub(super) watts: f64,
    pub(super) children: Vec<SpanPart>,
}

/// The tree of one run.
#[derive(Debug)]
pub(super) struct SpanTree {
    pub(super) callsites: Vec<CallsiteRow>,
    pub(super) nodes: Vec<NodeRow>,
    pub(super) inference: u32,
    pub(super) decode: u32,
    pub(super) before: Vec<SpanPart>,
    pub(super) token: SpanPart,
    pub(super) after: SpanPart,
}

/// Modules of a layer with their time in us and power in W: attention, then MLP.
const ATTENTION: [(&str, i64, f64); 4] = [
    ("q_proj", 60, 12.0),
    ("k_proj", 20, 11.0),
    ("v_proj", 20, 11.0),
    ("o_proj", 60, 12.5),
];
const MLP: [(&str, i64, f64); 3] = [
    ("gate_proj", 160, 16.0),
    ("up_proj", 160, 16.0),
    ("down_proj", 180, 18.0),
];

impl SpanTree {
    /// A decoder of that many layers; `factor` is how many times its work `down_proj`
    /// does.
    pub(super) fn new(layers: u32, factor: f64) -> Self {
        let mut tree = Self {
            callsites: Vec::new(),
            nodes: Vec::new(),
            inference: 0,
            decode: 0,
            before: Vec::new(),
            token: SpanPart::leaf(0, 0, 0.0),
            after: SpanPart::leaf(0, 0, 0.0),
        };
        let root = tree.node(None, "inference", None);
        tree.inference = root;
        let sections = |tree: &mut Self, phase: u32, names: &[(&str, i64)]| {
            let part = |&(name, us): &(&str, i64)| {
                SpanPart::leaf(tree.node(Some(phase), name, None), us, 6.0)
            };
            names.iter().map(part).collect::<Vec<_>>()
        };
        let pre = tree.node(Some(root), "pre_inference", None);
        let names = [
            ("tokenization", 400),
            ("tensor_transfer", 5),
            ("kv_cache_init", 2000),
        ];
        let children = sections(&mut tree, pre, &names);
        tree.before.push(SpanPart::of(pre, 10, children));
        let prefill = tree.node(Some(root), "prefill", None);
        let children = tree.forward(prefill, layers, 8, factor);
        tree.before.push(SpanPart::of(prefill, 20, children));
        tree.decode = tree.node(Some(root), "decode", None);
        let token = tree.node(Some(tree.decode), "token", None);
        let mut children = tree.forward(token, layers, 1, factor);
        children.push(SpanPart::leaf(
            tree.node(Some(token), "sampling", None),
            60,
            7.0,
        ));
        tree.token = SpanPart::of(token, 15, children);
        let post = tree.node(Some(root), "post_inference", None);
        let names = [
            ("tensor_to_cpu", 1),
            ("detokenization", 20),
            ("cleanup", 40),
        ];
        let children = sections(&mut tree, post, &names);
        tree.after = SpanPart::of(post, 5, children);
        tree
    }

    /// Sections of one pass over `width` positions.
    fn forward(&mut self, above: u32, layers: u32, width: i64, factor: f64) -> Vec<SpanPart> {
        let mut parts = vec![
            SpanPart::leaf(self.node(Some(above), "embedding", None), 5 * width, 6.0),
            SpanPart::leaf(
                self.node(Some(above), "position_embedding", None),
                2 * width,
                6.0,
            ),
        ];
        let all = self.node(Some(above), "layers", None);
        let children = (0..layers).map(|layer| self.layer(all, layer, width, factor));
        let children = children.collect();
        parts.push(SpanPart::of(all, 20, children));
        parts.push(SpanPart::leaf(
            self.node(Some(above), "final_norm", None),
            3 * width,
            7.0,
        ));
        parts.push(SpanPart::leaf(
            self.node(Some(above), "lm_head", None),
            1800,
            14.0,
        ));
        parts
    }

    fn layer(&mut self, above: u32, number: u32, width: i64, factor: f64) -> SpanPart {
        let layer = self.node(Some(above), "layer", Some(number));
        let norm = |tree: &mut Self, name| {
            SpanPart::leaf(tree.node(Some(layer), name, None), 4 * width, 7.0)
        };
        let first = norm(self, "input_norm");
        let attention = self.node(Some(layer), "attention", None);
        let modules = |tree: &mut Self, above: u32, of: &[(&str, i64, f64)]| {
            let part = |&(name, us, watts): &(&str, i64, f64)| {
                let times = if name == "down_proj" { factor } else { 1.0 };
                let us = (us as f64 * times) as i64 * width;
                SpanPart::leaf(tree.node(Some(above), name, None), us, watts)
            };
            of.iter().map(part).collect::<Vec<_>>()
        };
        let children = modules(self, attention, &ATTENTION);
        let mut attention = SpanPart::of(attention, 40 * width, children);
        attention.watts = 9.0;
        let second = norm(self, "post_attention_norm");
        let mlp = self.node(Some(layer), "mlp", None);
        let children = modules(self, mlp, &MLP);
        let mlp = SpanPart::of(mlp, 10 * width, children);
        SpanPart::of(layer, 5, vec![first, attention, second, mlp])
    }

    fn node(&mut self, parent: Option<u32>, name: &str, key: Option<u32>) -> u32 {
        let known = self.callsites.iter().find(|site| site.name == name);
        let callsite = known.map_or(self.callsites.len() as u32 + 1, |site| site.id);
        if known.is_none() {
            self.callsites.push(CallsiteRow {
                id: callsite,
                name: name.to_owned(),
                target: instrument::TARGET.to_owned(),
                level: "INFO".to_owned(),
                file: None,
                line: None,
                domain: Domain::Cpu,
                role: instrument::role(name).and_then(Role::from_name),
            });
        }
        let id = self.nodes.len() as u32 + 1;
        let above = parent.and_then(|parent| self.nodes.get(parent as usize - 1));
        self.nodes.push(NodeRow {
            id,
            parent,
            callsite: Some(callsite),
            label: key.map_or(name.to_owned(), |key| format!("{name} {key}")),
            depth: above.map_or(0, |above| above.depth + 1),
            kind: None,
        });
        id
    }
}

impl SpanPart {
    fn leaf(node: u32, us: i64, watts: f64) -> Self {
        Self {
            node,
            self_ns: us * 1000,
            watts,
            children: Vec::new(),
        }
    }

    /// Works a little by itself before each child and after the last.
    fn of(node: u32, us: i64, children: Vec<Self>) -> Self {
        Self {
            children,
            ..Self::leaf(node, us, 6.0)
        }
    }

    /// Spans of one execution.
    pub(super) fn spans(&self) -> u64 {
        1 + self.children.iter().map(Self::spans).sum::<u64>()
    }
}
