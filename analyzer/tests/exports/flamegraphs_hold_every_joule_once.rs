//! Flamegraphs of generated recordings: for any options, each stack holds its own energy,
//! the sum is the ledger's, and nothing is drawn twice.

use std::collections::BTreeMap;
use std::path::Path;

use energy_analyzer::flamegraph::{
    Collapse, Divisor, Graph, GraphOptions, IdleEnergy, Measure, Value,
};
use energy_analyzer::query::{Recording, Run, RunSelection};
use energy_data::rows::*;
use proptest::prelude::*;
use tracing_energy::Batch;

use crate::fixture::{self, rows};

/// Names with and without key fields, and one of which `;` must not tear the stack.
const NAMES: [(&str, &str, &str); 5] = [
    ("layer", "layer 0", "layer"),
    ("layer", "layer 1", "layer"),
    ("token", "token 7", "token"),
    ("mlp", "mlp", "component"),
    ("a;b", "a;b", "op"),
];

/// A node: its parent (0 is the root), its name, and for two root rails and a child rail
/// of the first one its own energy, its idle energy, and its self time in ns.
#[derive(Debug, Clone)]
struct Drawn {
    parent: prop::sample::Index,
    name: usize,
    own_j: [f64; 3],
    idle_j: [f64; 3],
    self_ns: i64,
}

fn node() -> impl Strategy<Value = Drawn> {
    // Estimates may be a little below zero.
    let own = prop_oneof![9 => 0.0..4.0, 1 => -0.1..0.0];
    (
        any::<prop::sample::Index>(),
        0..NAMES.len(),
        prop::array::uniform3(own),
        prop::array::uniform3(0.0..1.0),
        0..1_000_000_i64,
    )
        .prop_map(|(parent, name, own_j, idle_j, self_ns)| Drawn {
            parent,
            name,
            own_j,
            idle_j,
            self_ns,
        })
}

/// A run: which nodes stand below `prefill`, the others below `decode`.
fn drawn_run() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec(node(), 1..40)
}

fn write(path: &Path, runs: &[Vec<Drawn>]) {
    let batches = (1..).zip(runs).map(|(no, nodes)| batch(no, nodes));
    fixture::write(path, &batches.collect::<Vec<_>>());
}

fn batch(no: i64, nodes: &[Drawn]) -> Batch {
    let run = RunRow {
        start_unix_ns: no,
        end_ns: Some(9),
        metadata: RunMetadata {
            name: Some(format!("r{no}")),
            input_tokens: Some(2),
            output_tokens: Some(3),
            ..RunMetadata::default()
        },
        ..rows::run(&format!("{no}0000000-0000-4000-8000-000000000000"))
    };
    let callsites = (1..).zip(NAMES.iter().chain(&PHASES));
    let callsites = callsites.map(|(id, (name, _, role))| {
        let role = Role::from_name(role);
        rows::callsite(id, name, role)
    });
    let phases = (1..).zip(PHASES).map(|(id, (_, label, _))| {
        let callsite = NAMES.len() as u32 + id;
        rows::node(id, None, callsite, label, 0)
    });
    let drawn = nodes.iter().enumerate().map(|(at, node)| {
        let (callsite, (_, label, _)) = (node.name as u32 + 1, NAMES[node.name]);
        rows::node(id(at), Some(parent(at, node)), callsite, label, 1)
    });
    Batch {
        run: Some(run),
        rails: vec![
            rows::rail(1, "r1", None),
            rows::rail(2, "r2", None),
            rows::rail(3, "r3", Some(1)),
        ],
        callsites: callsites.collect(),
        nodes: phases.chain(drawn).collect(),
        attribution: AttributionRows {
            head: Some(rows::head(1, "proportional")),
            node_energy: nodes.iter().enumerate().flat_map(energies).collect(),
            ..AttributionRows::default()
        },
        ..Batch::default()
    }
}

/// Energies of a node on each rail.
fn energies((at, node): (usize, &Drawn)) -> [NodeEnergyRow; 3] {
    [0, 1, 2].map(|rail| NodeEnergyRow {
        idle_j: Some(node.idle_j[rail]),
        ..rows::node_energy(id(at), rail as u32 + 1, node.own_j[rail], node.self_ns)
    })
}

const PHASES: [(&str, &str, &str); 2] = [
    ("prefill", "prefill", "phase"),
    ("decode", "decode", "phase"),
];

/// Ids are 1 and 2 for phases, then those of nodes.
fn id(at: usize) -> u32 {
    at as u32 + 3
}

/// The id of what a node hangs on: a phase, or an earlier node.
fn parent(at: usize, node: &Drawn) -> u32 {
    node.parent.index(at + 2) as u32 + 1
}

/// The phase of a node, 0 or 1.
fn phase(nodes: &[Drawn], at: usize) -> usize {
    match parent(at, &nodes[at]) {
        id @ 1..=2 => id as usize - 1,
        id => phase(nodes, id as usize - 3),
    }
}

/// What is own of each stack, by the question, below zero or not; labels as shown.
fn own_amounts(nodes: &[Drawn], what: &GraphOptions) -> BTreeMap<Vec<String>, f64> {
    let collapses = |role: &str| match role {
        "layer" => what.collapse.contains(&Collapse::Layers),
        "token" => what.collapse.contains(&Collapse::Tokens),
        _ => false,
    };
    let path = |mut at: usize| -> Vec<String> {
        let mut path = Vec::new();
        loop {
            let (name, label, role) = NAMES[nodes[at].name];
            path.push(if collapses(role) { name } else { label }.replace(';', ":"));
            match parent(at, &nodes[at]) {
                id @ 1..=2 => {
                    path.push(PHASES[id as usize - 1].0.to_owned());
                    path.reverse();
                    return path;
                }
                id => at = id as usize - 3,
            }
        }
    };
    let rails: &[usize] = match what.rail.as_deref() {
        None => &[0, 1],
        Some("r3") => &[2],
        Some(other) => panic!("{other}"),
    };
    let mut stacks = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        if what
            .phase
            .as_deref()
            .is_some_and(|one| one != PHASES[phase(nodes, at)].0)
        {
            continue;
        }
        let amount = match (what.measure, what.idle) {
            (Measure::Time, _) => node.self_ns as f64 / 1e9,
            (_, IdleEnergy::Exclude) => rails.iter().map(|rail| node.own_j[*rail]).sum(),
            (_, IdleEnergy::Include) => rails
                .iter()
                .map(|rail| node.own_j[*rail] + node.idle_j[*rail])
                .sum(),
        };
        *stacks.entry(path(at)).or_insert(0.0) += amount;
    }
    stacks
}

/// The mean of runs, without what is below zero.
fn truth(runs: &[Vec<Drawn>], what: &GraphOptions) -> BTreeMap<Vec<String>, f64> {
    let mut mean = BTreeMap::new();
    for nodes in runs {
        for (labels, own) in own_amounts(nodes, what) {
            *mean.entry(labels).or_insert(0.0) += own / runs.len() as f64;
        }
    }
    mean.retain(|_, own| *own > 0.0);
    mean
}

fn question() -> impl Strategy<Value = GraphOptions> {
    let collapse = prop::sample::subsequence(vec![Collapse::Layers, Collapse::Tokens], 0..=2);
    let phase = prop::sample::select(vec![None, Some("decode"), Some("prefill")]);
    (
        any::<[bool; 4]>(),
        phase,
        collapse,
        prop::sample::select(vec![Divisor::Run, Divisor::Token, Divisor::OutputToken]),
    )
        .prop_map(
            |([time, rail, idle, own], phase, collapse, per)| GraphOptions {
                measure: if time { Measure::Time } else { Measure::Energy },
                rail: (rail && !time).then(|| "r3".to_owned()),
                idle: if idle {
                    IdleEnergy::Include
                } else {
                    IdleEnergy::Exclude
                },
                phase: phase.map(str::to_owned),
                collapse,
                value: if own { Value::Own } else { Value::Inclusive },
                per: Some(per),
            },
        )
}

const fn divisor(per: Divisor) -> f64 {
    match per {
        Divisor::Run => 1.0,
        Divisor::Token => 5.0,
        Divisor::InputToken => 2.0,
        // Decode generated two of three tokens.
        Divisor::OutputToken => 2.0,
    }
}

/// Counts of one in `unit`.
fn per_base(unit: &str) -> f64 {
    match unit {
        "J" | "s" => 1.0,
        "mJ" | "ms" => 1e3,
        "uJ" | "us" => 1e6,
        "nJ" | "ns" => 1e9,
        "pJ" => 1e12,
        other => panic!("{other}"),
    }
}

/// The counts of a graph are what is true, each to one unit, their sum to one as well.
fn assert_holds(
    graph: &Graph,
    side: usize,
    what: &GraphOptions,
    truth: &BTreeMap<Vec<String>, f64>,
) -> Result<(), TestCaseError> {
    let units = per_base(graph.unit()) / divisor(what.per.unwrap());
    let mut found = BTreeMap::new();
    for (labels, counts) in graph.stacks() {
        let mut labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        if what.value == Value::Own {
            labels.reverse();
        }
        let twice = found.insert(labels, counts[side]);
        prop_assert_eq!(twice, None, "a stack is there twice");
    }
    for (labels, own) in truth {
        let count = found.remove(labels).unwrap_or(0) as f64;
        prop_assert!((count - own * units).abs() <= 1.001, "{labels:?}: {count}");
    }
    let others: u64 = found.values().sum();
    prop_assert_eq!(others, 0, "{:?}", found);
    let (sum, all): (u64, f64) = (
        graph.stacks().map(|(_, counts)| counts[side]).sum(),
        truth.values().sum(),
    );
    prop_assert!((sum as f64 - all * units).abs() <= 1.001);
    let total = graph.totals()[side] * divisor(what.per.unwrap());
    prop_assert!((total - all).abs() <= 1e-9 * all, "{total}, not {all}");
    Ok(())
}

fn open(path: &Path, count: usize) -> (Recording, Vec<Run>) {
    let recording = Recording::open(path).unwrap();
    let runs = (1..=count).map(|no| recording.run(&format!("r{no}")).unwrap());
    let runs = runs.collect();
    (recording, runs)
}

fn side(runs: &[Run]) -> RunSelection {
    RunSelection {
        name: "drawn".to_owned(),
        runs: runs.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_flamegraph_sums_to_the_ledger(nodes in drawn_run(), what in question()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("energy.db");
        write(&path, std::slice::from_ref(&nodes));
        let (recording, runs) = open(&path, 1);
        let truth = truth(std::slice::from_ref(&nodes), &what);
        match Graph::read(&recording, &side(&runs), &what) {
            Ok(graph) => {
                assert_holds(&graph, 1, &what, &truth)?;
                let mut folded = Vec::new();
                graph.fold(&mut folded).unwrap();
                let folded = String::from_utf8(folded).unwrap();
                let counts = folded.lines().map(|line| line.rsplit(' ').next().unwrap());
                let sum: u64 = counts.map(|count| count.parse::<u64>().unwrap()).sum();
                prop_assert_eq!(sum, graph.stacks().map(|(_, counts)| counts[1]).sum::<u64>());
            }
            Err(error) => {
                let all: f64 = truth.values().sum();
                prop_assert!(all < 1e-9, "{error}");
            }
        }
    }

    #[test]
    fn a_comparison_sums_to_both_ledgers(
        runs in prop::collection::vec(drawn_run(), 2..5),
        what in question(),
    ) {
        let what = GraphOptions { value: Value::Inclusive, ..what };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("energy.db");
        write(&path, &runs);
        let (recording, read) = open(&path, runs.len());
        let (before, after) = read.split_at(1);
        let means = [&runs[..1], &runs[1..]].map(|side| truth(side, &what));
        let Ok(graph) = Graph::compare(&recording, &side(before), &side(after), &what) else {
            let least = means.iter().map(|mean| mean.values().sum::<f64>());
            prop_assert!(least.fold(f64::INFINITY, f64::min) < 1e-6);
            return Ok(());
        };
        for (side, mean) in means.iter().enumerate() {
            assert_holds(&graph, side, &what, mean)?;
        }
    }
}
