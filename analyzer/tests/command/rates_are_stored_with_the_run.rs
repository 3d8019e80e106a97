//! Price and emission factor of a recording are stored with it, and shown by the summary, the report
//! and the server without options.

use crate::fixture::command::{energy, errors, json, text};
use serde_json::Value;

fn recorded(more: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let first = ["record", "--source", "modelled", "--baseline", "0s"];
    let words = [&first[..], more, &["--", "sleep", "0.3"]].concat();
    text(&energy(folder.path(), &words));
    folder
}

fn efficiency(folder: &std::path::Path, more: &[&str]) -> Value {
    let words = [&["summary"][..], more].concat();
    json(folder, &words)["efficiency"].clone()
}

#[test]
fn a_run_keeps_its_price_and_the_source_of_its_factor() {
    let folder = recorded(&["--price", "0.30 EUR/kWh", "--region", "us-ca"]);
    let of_run = efficiency(folder.path(), &[]);
    assert_eq!(of_run["cost"]["price_per_kwh"], 0.3);
    assert_eq!(of_run["cost"]["currency"], "EUR");
    let carbon = &of_run["carbon"];
    assert_eq!(
        (&carbon["g_per_kwh"], &carbon["year"]),
        (&226.0.into(), &2022.into())
    );
    assert_eq!(carbon["region"], "California");
    assert!(
        carbon["source"]
            .as_str()
            .unwrap()
            .starts_with("EPA eGRID2022")
    );
    let energy_j = json(folder.path(), &["summary"])["totals"]["energy_j"]
        .as_f64()
        .unwrap();
    let cost = of_run["cost"]["cost"].as_f64().unwrap();
    assert!(
        (cost - energy_j / 3.6e6 * 0.3).abs() <= 1e-12 * cost.max(1e-9),
        "{cost}"
    );
    let grams = carbon["co2_g"].as_f64().unwrap();
    assert!(
        (grams - energy_j / 3.6e6 * 226.0).abs() <= 1e-9 * grams,
        "{grams}"
    );
    let other = efficiency(folder.path(), &["--price", "0.5/kWh", "--co2", "100g/kWh"]);
    assert_eq!(other["cost"]["price_per_kwh"], 0.5);
    assert_eq!(other["carbon"]["g_per_kwh"], 100.0);
    assert!(other["carbon"]["region"].is_null());
    let page = text(&energy(folder.path(), &["report", "-o", "-"]));
    for key in ["cost", "co2_g"] {
        assert!(page.contains(&format!("data-key=\"{key}\"")), "{key}");
    }
    assert!(page.contains("California 2022, EPA eGRID2022"));
}

#[test]
fn a_run_without_rates_has_no_cost() {
    let folder = recorded(&["--tag", "price=cheap"]);
    let of_run = efficiency(folder.path(), &[]);
    assert!(
        of_run["cost"].is_null() && of_run["carbon"].is_null(),
        "{of_run}"
    );
    let page = text(&energy(folder.path(), &["report", "-o", "-"]));
    assert!(!page.contains("data-key=\"cost\""));
    let words = ["record", "--region", "atlantis", "--", "true"];
    let message = errors(&energy(folder.path(), &words));
    assert!(
        message.contains("us-ca") && message.contains("us-tx"),
        "{message}"
    );
}
