//! The data of every chart of a page sums to the recording's energy.

use crate::fixture::decoder::{Decoder, add};
use crate::fixture::page::{Page, numbers, page, same};
use serde_json::Value;

const LEDGER: &str = "SELECT sum(self_j + coalesce(idle_j, 0)) FROM node_energy
                      WHERE run = 1 AND rail IN (1, 3)";

fn drawn(run: &Decoder) -> (tempfile::TempDir, Page) {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), run);
    let page = page(folder.path(), &["last"]);
    (folder, page)
}

fn sum(list: &Value, key: &str) -> f64 {
    numbers(list, key).iter().sum()
}

#[test]
fn accounts_and_power_match_the_balance() {
    let (_folder, page) = drawn(&Decoder::default());
    let run = &page.data["runs"][0];
    for (rail, id) in run["accounts"].as_array().unwrap().iter().zip([1, 3, 2]) {
        let of =
            |column: &str| page.query(&format!("SELECT {column} FROM balance WHERE rail = {id}"));
        same(rail["measured_j"].as_f64().unwrap(), of("measured_j"));
        same(sum(&rail["accounts"], "energy_j"), of("measured_j"));
        assert_eq!(rail["fault_j"], Value::Null);
        let outside = &rail["accounts"].as_array().unwrap()[2];
        assert_eq!(
            (&outside["name"], &outside["energy_j"]),
            (&"unattributed".into(), &Value::Null)
        );
    }
    for (rail, id) in run["timeline"]["rails"]
        .as_array()
        .unwrap()
        .iter()
        .zip([1, 3, 2])
    {
        let measured = format!("SELECT measured_j FROM balance WHERE rail = {id}");
        same(sum(&rail["steps"], "j"), page.query(&measured));
    }
    assert!(
        page.section("run0-balance")
            .contains("Unknown for package: unattributed.")
    );
}

#[test]
fn peaks_survive_merging_of_windows() {
    let many = Decoder {
        windows: 5000,
        tokens: 3000,
        ..Decoder::default()
    };
    let (_folder, page) = drawn(&many);
    let rail = &page.data["runs"][0]["timeline"]["rails"][0];
    let steps = rail["steps"].as_array().unwrap();
    assert!(steps.len() <= 601, "{}", steps.len());
    assert_eq!(rail["windows"], 5000);
    same(
        sum(&rail["steps"], "j"),
        page.query("SELECT measured_j FROM balance WHERE rail = 1"),
    );
    let highest = numbers(&rail["steps"], "max")
        .into_iter()
        .fold(0.0, f64::max);
    let expected =
        "SELECT max(measured_j * 1e9 / (end_ns - start_ns)) FROM sample_balance WHERE rail = 1";
    same(highest, page.query(expected));
    let time: f64 = numbers(&rail["steps"], "ns").iter().sum();
    same(time, page.query("SELECT end_ns FROM runs"));
    let text = page.section("run0-power");
    assert!(text.contains("Each step merges several samples"), "{text}");
}

#[test]
fn charts_of_nodes_sum_to_the_ledger() {
    let (_folder, page) = drawn(&Decoder::default());
    let run = &page.data["runs"][0];
    let ledger = page.query(LEDGER);
    same(sum(&run["matrix"]["cells"], "j"), ledger);
    same(sum(&run["matrix"]["all"], "j"), ledger);
    same(run["tree"]["energy_j"].as_f64().unwrap(), ledger);
    let own: Vec<f64> = run["tree"]["self_j"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    same(own.iter().sum(), ledger);
    same(run["flows"]["energy_j"].as_f64().unwrap(), ledger);
}

#[test]
fn a_matrix_cell_sums_its_nodes_and_has_an_interval_for_one_node() {
    let (_folder, page) = drawn(&Decoder::default());
    let matrix = &page.data["runs"][0]["matrix"];
    let place = |list: &str, name: &str| {
        matrix[list]
            .as_array()
            .unwrap()
            .iter()
            .position(|one| one == name)
            .unwrap()
    };
    let cell = |layer: &str, component: &str| {
        let (l, c) = (place("layers", layer), place("components", component));
        let decode = place("phases", "decode");
        let cells = matrix["cells"].as_array().unwrap().iter();
        let mut found =
            cells.filter(move |one| one["l"] == l && one["c"] == c && one["p"] == decode);
        found.next().unwrap().clone()
    };
    let expected =
        "SELECT sum(e.self_j + e.idle_j) FROM node_energy e JOIN nodes n ON n.id = e.node
        JOIN nodes l ON l.id = n.layer JOIN nodes c ON c.id = n.component
        WHERE e.rail IN (1, 3) AND l.label = 'layer 2' AND c.label = 'attention'
          AND n.id > (SELECT id FROM nodes WHERE label = 'decode')";
    let attention = cell("layer 2", "attention");
    same(attention["j"].as_f64().unwrap(), page.query(expected));
    assert_eq!(
        (&attention["n"], &attention["lo"]),
        (&3.into(), &Value::Null)
    );
    let norm = cell("layer 1", "input_norm");
    assert_eq!(norm["n"], 1);
    let (joules, lo, hi) = (norm["j"].as_f64(), norm["lo"].as_f64(), norm["hi"].as_f64());
    assert!(lo < joules && joules < hi, "{norm}");
}

#[test]
fn inflow_equals_outflow_or_ends() {
    let (_folder, page) = drawn(&Decoder::default());
    let flows = &page.data["runs"][0]["flows"];
    let (nodes, links) = (
        flows["nodes"].as_array().unwrap(),
        flows["links"].as_array().unwrap(),
    );
    let through = |at: usize, end: &str| -> f64 {
        let own = links.iter().filter(|link| link[end] == at);
        own.filter_map(|link| link["energy_j"].as_f64()).sum()
    };
    let mut levels = [0.0; 3];
    for (at, node) in nodes.iter().enumerate() {
        let (level, joules) = (
            node["level"].as_u64().unwrap(),
            node["energy_j"].as_f64().unwrap(),
        );
        if level > 0 {
            same(through(at, "to"), joules);
        }
        // All nodes but components have outflow; a component has it if it has operations.
        let out = through(at, "from");
        if level < 2 || out != 0.0 && level == 2 {
            same(out, joules);
        }
        if let Some(sum) = levels.get_mut(level as usize) {
            *sum += joules;
        }
    }
    let ledger = page.query(LEDGER);
    for sum in levels {
        same(sum, ledger);
    }
    let dram = nodes.iter().find(|node| node["name"] == "dram").unwrap();
    let expected = "SELECT sum(self_j + idle_j) FROM node_energy WHERE rail = 3";
    same(dram["energy_j"].as_f64().unwrap(), page.query(expected));
}

#[test]
fn phases_and_tokens_are_intervals() {
    let (_folder, page) = drawn(&Decoder::default());
    let run = &page.data["runs"][0];
    let expected = "SELECT sum(energy_j) FROM phase_energy WHERE rail IN (1, 3)";
    same(sum(&run["phases"], "energy_j"), page.query(expected));
    let decode = &run["phases"][2];
    same(decode["lo_j"].as_f64().unwrap(), 30.0 * 1.125 * 0.9);
    same(decode["hi_j"].as_f64().unwrap(), 30.0 * 1.125 * 1.1);
    let tokens = &run["tokens"];
    let energies = "SELECT sum(e.energy_j) FROM span_energy e JOIN spans s ON s.id = e.span
                    WHERE s.token IS NOT NULL AND e.rail IN (1, 3)";
    same(sum(&tokens["bars"], "j"), page.query(energies));
    assert_eq!(
        (&tokens["tokens"], &tokens["per_bar"], &tokens["outliers"]),
        (&40.into(), &1.into(), &1.into())
    );
    assert_eq!(tokens["bars"][7]["high"], 1);
}

#[test]
fn many_tokens_are_merged_and_labelled() {
    let (_folder, page) = drawn(&Decoder {
        tokens: 2500,
        ..Decoder::default()
    });
    let tokens = &page.data["runs"][0]["tokens"];
    assert_eq!(
        (&tokens["tokens"], &tokens["per_bar"]),
        (&2500.into(), &5.into())
    );
    let energies = "SELECT sum(e.energy_j) FROM span_energy e JOIN spans s ON s.id = e.span
                    WHERE s.token IS NOT NULL AND e.rail IN (1, 3)";
    same(sum(&tokens["bars"], "j"), page.query(energies));
    same(sum(&tokens["bars"], "n"), 2500.0);
    assert_eq!(tokens["bars"][1]["high"], 1, "token 7 is in the second bar");
    assert_eq!(
        tokens["bars"][1]["lo"],
        Value::Null,
        "intervals of several do not add"
    );
    let text = page.section("run0-tokens");
    assert!(
        text.contains("2500 tokens are too many to draw separately"),
        "{text}"
    );
}

#[test]
fn small_nodes_are_folded_and_counted() {
    let run = Decoder {
        layers: 1200,
        tokens: 5,
        ..Decoder::default()
    };
    let (_folder, page) = drawn(&run);
    let tree = &page.data["runs"][0]["tree"];
    let shown = tree["parent"].as_array().unwrap().len();
    assert!(shown <= 2 * 2000, "{shown} nodes");
    let merged: u64 = tree["merged"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .sum();
    let others = tree["merged"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|n| **n != 0)
        .count() as u64;
    assert_eq!(
        shown as u64 - others + merged,
        tree["nodes"].as_u64().unwrap()
    );
    let own: Vec<f64> = tree["self_j"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    same(own.iter().sum(), page.query(LEDGER));
    same(
        sum(&page.data["runs"][0]["matrix"]["all"], "j"),
        page.query(LEDGER),
    );
    assert!(page.html.len() < 3_000_000, "{} bytes", page.html.len());
}
