//! The charts that a browser draws match the recording, in any width and theme, and every
//! mark is reachable by keyboard.
#![cfg(unix)]

use crate::fixture::browser::{Browser, browser};
use crate::fixture::command::{import_csv, text};
use crate::fixture::decoder::{Decoder, add};
use crate::fixture::page::{Page, page, same};
use crate::fixture::sides::{RunSpec, recording};
use serde_json::Value;

const LEDGER: &str =
    "SELECT sum(self_j + idle_j) FROM node_energy WHERE run = 1 AND rail IN (1, 3)";

/// A page opened in a browser.
struct OpenPage {
    browser: Browser,
    page: Page,
    _folder: tempfile::TempDir,
}

/// Returns `None` if there is no browser.
fn open(run: &Decoder) -> Option<OpenPage> {
    let mut browser = browser()?;
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), run);
    let page = page(folder.path(), &["last"]);
    browser.open(&page.path, 1280, "light");
    Some(OpenPage {
        browser,
        page,
        _folder: folder,
    })
}

/// Returns the sum of the joules of the marks that a selector matches.
fn drawn(browser: &mut Browser, selector: &str) -> f64 {
    let found = browser.evaluate(&format!(
        "[...document.querySelectorAll('{selector}')].reduce((sum, one) => sum + Number(one.dataset.j), 0)"
    ));
    found
        .as_f64()
        .unwrap_or_else(|| panic!("{selector}: {found}"))
}

fn chart(kind: &str, marks: &str) -> String {
    format!("figure[data-chart=\"{kind}\"] {marks}")
}

fn count(browser: &mut Browser, selector: &str) -> u64 {
    let found = browser.evaluate(&format!("document.querySelectorAll('{selector}').length"));
    found.as_u64().unwrap()
}

#[track_caller]
fn no_faults(browser: &Browser) {
    assert!(browser.faults.is_empty(), "{:?}", browser.faults);
}

#[test]
fn marks_hold_the_recordings_energies() {
    let Some(mut open) = open(&Decoder::default()) else {
        return;
    };
    let (browser, page) = (&mut open.browser, &open.page);
    for (rail, id) in [("package", 1), ("core", 2), ("dram", 3)] {
        let measured = page.query(&format!("SELECT measured_j FROM balance WHERE rail = {id}"));
        same(
            drawn(browser, &chart("balance", &format!("[data-rail={rail}]"))),
            measured,
        );
        same(
            drawn(browser, &chart("timeline", &format!("g[data-rail={rail}]"))),
            measured,
        );
    }
    let phases = page.query("SELECT sum(energy_j) FROM phase_energy WHERE rail IN (1, 3)");
    same(drawn(browser, &chart("phases", ".mark")), phases);
    let tokens = page.query(
        "SELECT sum(e.energy_j) FROM span_energy e JOIN spans s ON s.id = e.span
         WHERE s.token IS NOT NULL AND e.rail IN (1, 3)",
    );
    same(drawn(browser, &chart("tokens", ".mark")), tokens);
    assert_eq!(count(browser, &chart("tokens", "[data-out=high]")), 1);
    let ledger = page.query(LEDGER);
    same(drawn(browser, &chart("heatmap", ".mark[data-j]")), ledger);
    for kind in ["treemap", "sankey", "flame"] {
        same(drawn(browser, &chart(kind, "svg[data-j]")), ledger);
    }
    same(
        drawn(browser, &chart("treemap", "[data-level=\"0\"]")),
        ledger,
    );
    same(
        drawn(browser, &chart("flame", "[data-level=\"0\"]")),
        ledger,
    );
    for level in 0..3 {
        same(
            drawn(
                browser,
                &chart("sankey", &format!("rect[data-level=\"{level}\"]")),
            ),
            ledger,
        );
    }
    same(
        drawn(browser, &chart("sankey", "path[data-level=\"0\"]")),
        ledger,
    );
    no_faults(browser);
}

/// Number of drawings with invalid coordinates.
const NO_NUMBERS: &str = "[...document.querySelectorAll('.drawing')].filter((one) => /NaN|undefined|Infinity/.test(one.outerHTML)).length";

#[test]
fn lengths_and_areas_are_in_proportion() {
    let Some(mut open) = open(&Decoder::default()) else {
        return;
    };
    let browser = &mut open.browser;
    assert_eq!(browser.evaluate(NO_NUMBERS), 0);
    // Short marks are drawn a little longer, so that they are visible, and frames have
    // small gaps between them.
    for (marks, size, least) in [
        (chart("balance", "rect[data-rail=package]"), "width", 3.0),
        (chart("phases", "rect.mark"), "width", 3.0),
        (chart("tokens", "rect.mark"), "height", 3.0),
        (chart("sankey", "rect.mark"), "height", 3.0),
        (chart("flame", "rect[data-level=\"1\"]"), "width", 3.0),
    ] {
        let found = browser.evaluate(&format!(
            "[...document.querySelectorAll('{marks}')].map((one) => [Math.abs(one.dataset.j), Number(one.getAttribute('{size}'))])"
        ));
        let pairs: Vec<(f64, f64)> = serde_json::from_value(found).unwrap();
        let long: Vec<_> = pairs.iter().filter(|(_, length)| *length > least).collect();
        assert!(long.len() > 1, "{marks}: {pairs:?}");
        let longest = pairs.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (joules, length) = *longest.unwrap();
        for (other, drawn) in &pairs {
            let expected = other / joules * length;
            assert!(
                (drawn - expected).abs() < 1.2,
                "{marks}: {drawn} is not {expected}"
            );
        }
    }
}

#[test]
fn a_phase_is_selected_and_a_node_zoomed() {
    let Some(mut open) = open(&Decoder::default()) else {
        return;
    };
    let (browser, page) = (&mut open.browser, &open.page);
    browser.evaluate(
        "(() => { const select = document.querySelector('figure[data-chart=heatmap] select');
           select.value = [...select.options].find((one) => one.text === 'decode').value;
           select.dispatchEvent(new Event('change')); })()",
    );
    let decode = "(SELECT id FROM nodes WHERE label = 'decode')";
    let all = format!(
        "SELECT sum(self_j + idle_j) FROM node_energy WHERE rail IN (1, 3) AND node >= {decode}"
    );
    same(
        drawn(browser, &chart("heatmap", ".mark[data-j]")),
        page.query(&all),
    );
    for kind in ["treemap", "flame"] {
        let mark = chart(kind, ".mark[aria-label^=\"decode;\"]");
        browser.evaluate(&format!("document.querySelector('{mark}').focus()"));
        browser.press("Enter");
        same(
            drawn(browser, &chart(kind, "svg[data-j]")),
            page.query(&all),
        );
        browser.press("Escape");
        same(
            drawn(browser, &chart(kind, "svg[data-j]")),
            page.query(LEDGER),
        );
    }
    no_faults(browser);
}

#[test]
fn a_name_is_found() {
    let Some(mut open) = open(&Decoder::default()) else {
        return;
    };
    let (browser, page) = (&mut open.browser, &open.page);
    browser.evaluate(
        "(() => { const input = document.querySelector('figure[data-chart=flame] input');
           input.value = 'MLP'; input.dispatchEvent(new Event('input')); })()",
    );
    browser.wait("document.querySelector('figure[data-chart=flame] .found') !== null");
    let expected = "SELECT sum(self_j + idle_j) FROM node_energy e JOIN nodes n ON n.id = e.node
                    JOIN nodes p ON p.id = n.parent
                    WHERE rail IN (1, 3) AND (n.label = 'mlp' OR p.label = 'mlp')";
    same(
        drawn(browser, &chart("flame", ".found")),
        page.query(expected),
    );
    no_faults(browser);
}

#[test]
fn arrow_keys_reach_and_describe_marks() {
    let Some(mut open) = open(&Decoder::default()) else {
        return;
    };
    let browser = &mut open.browser;
    let stops = "[...document.querySelectorAll('figure.chart')].every((figure) =>
        figure.querySelectorAll('.mark[tabindex=\"0\"]').length === 1)";
    assert_eq!(
        browser.evaluate(stops),
        Value::Bool(true),
        "one stop of the tab key for a chart"
    );
    let mark = chart("heatmap", ".mark");
    browser.evaluate(&format!("document.querySelector('{mark}').focus()"));
    browser.press("ArrowDown");
    browser.press("ArrowRight");
    let shown = browser
        .evaluate("[document.activeElement.ariaLabel, document.getElementById('tip').textContent]");
    let (label, tip) = (shown[0].as_str().unwrap(), shown[1].as_str().unwrap());
    assert!(label.starts_with("layer 1, "), "{label}");
    assert!(
        label.contains("90 %") || label.contains("no interval"),
        "{label}"
    );
    assert!(tip.starts_with("layer 1, "), "{tip}");
    let timeline = chart("timeline", "[role=slider]");
    browser.evaluate(&format!("document.querySelector('{timeline}').focus()"));
    browser.press("End");
    let shown = browser.evaluate("document.activeElement.getAttribute('aria-valuetext')");
    assert!(shown.as_str().unwrap().contains("package: "), "{shown}");
    let flame = chart("flame", ".mark");
    browser.evaluate(&format!("document.querySelector('{flame}').focus()"));
    browser.press("ArrowDown");
    let level = browser.evaluate("document.activeElement.dataset.level");
    assert_eq!(level, "1");
    no_faults(browser);
}

#[test]
fn a_heading_sorts_and_the_theme_changes() {
    let Some(mut open) = open(&Decoder::default()) else {
        return;
    };
    let browser = &mut open.browser;
    let first = "document.querySelector('#run0-phases tbody').rows[0].cells[0].textContent";
    assert_eq!(browser.evaluate(first), "pre_inference");
    let heading = "[...document.querySelectorAll('#run0-phases th button')].find((one) => one.textContent === 'energy')";
    browser.evaluate(&format!("{heading}.click()"));
    assert_eq!(browser.evaluate(first), "total");
    browser.evaluate(&format!("{heading}.click()"));
    assert_eq!(browser.evaluate(first), "pre_inference");
    let paper = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.evaluate(paper), "rgb(255, 255, 255)");
    browser.evaluate("document.getElementById('theme').click()");
    assert_eq!(browser.evaluate(paper), "rgb(20, 23, 28)");
    no_faults(browser);
}

#[test]
fn no_width_or_theme_makes_a_page_overflow() {
    let Some(mut open) = open(&Decoder {
        layers: 40,
        tokens: 2500,
        ..Decoder::default()
    }) else {
        return;
    };
    let (browser, page) = (&mut open.browser, &open.page);
    for (width, theme) in [
        (400, "light"),
        (400, "dark"),
        (700, "light"),
        (1280, "dark"),
    ] {
        browser.open(&page.path, width, theme);
        let found = browser.evaluate("document.documentElement.scrollWidth");
        assert_eq!(found, width, "{theme}");
        assert_eq!(browser.evaluate(NO_NUMBERS), 0);
        same(
            drawn(browser, &chart("treemap", "svg[data-j]")),
            page.query(LEDGER),
        );
    }
    let resources = "performance.getEntriesByType('resource').length";
    assert_eq!(browser.evaluate(resources), 0, "nothing is loaded");
    let print = serde_json::json!({ "media": "print" });
    browser.call("Emulation.setEmulatedMedia", print);
    assert_eq!(
        browser.evaluate("getComputedStyle(document.querySelector('nav')).display"),
        "none"
    );
    let cut = "[...document.querySelectorAll('.drawing')].filter((one) =>
        one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length";
    assert_eq!(browser.evaluate(cut), 0, "no chart is cut on paper");
    no_faults(browser);
}

#[test]
fn groups_are_compared_as_the_command_compares_them() {
    let Some(mut browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut runs = Vec::new();
    for at in 0..6 {
        let side = |tag, start, energy_j| RunSpec {
            tags: vec![("group", tag)],
            start,
            energy_j,
            ..RunSpec::default()
        };
        let by = 0.01 * f64::from(at);
        runs.push(side("old", i64::from(at) * 2, 30.0 + by));
        runs.push(side("new", i64::from(at) * 2 + 1, 36.0 + by));
    }
    recording(folder.path(), &runs);
    let page = page(folder.path(), &["group=old", "group=new"]);
    browser.open(&page.path, 1280, "light");
    let total = browser.evaluate(
        "(() => { const one = document.querySelector('[data-of=total]');
           return [Number(one.dataset.ratio), one.dataset.verdict, Number(one.dataset.lo)]; })()",
    );
    assert!((total[0].as_f64().unwrap() - 1.2).abs() < 1e-3, "{total}");
    assert_eq!(total[1], "worse");
    assert!(total[2].as_f64().unwrap() > 1.1, "{total}");
    let dots = chart("compare", "svg[aria-label=\"Energy of runs\"] .mark");
    assert_eq!(count(&mut browser, &dots), 12);
    // Per token: 10 prompt, 20 generated.
    same(
        drawn(&mut browser, &dots),
        runs.iter().map(|run| run.energy_j).sum::<f64>() / 30.0,
    );
    browser.evaluate("document.querySelector('[data-tab=\"1\"]').click()");
    browser
        .wait("!document.getElementById('run1').hidden && document.getElementById('run0').hidden");
    no_faults(&browser);
}

#[test]
fn empty_runs_have_text_instead_of_charts() {
    let Some(mut browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = add(folder.path(), &Decoder::default());
    let connection = rusqlite::Connection::open(path).unwrap();
    for (emptied, sections) in EMPTY {
        connection.execute_batch(emptied).unwrap();
        let page = page(folder.path(), &["last"]);
        browser.open(&page.path, 1280, "light");
        for section in *sections {
            let shown = page.section(&format!("run0-{section}"));
            assert!(shown.contains("class=\"empty\""), "{section}: {shown}");
            assert!(!shown.contains("<figure"), "{section}: {shown}");
        }
        no_faults(&browser);
    }
}

#[test]
fn imported_runs_are_drawn_without_unknown_accounts() {
    let Some(mut browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut spans = "span_id,parent_id,thread,kind,start_ns,end_ns,rail\n".to_owned();
    spans += "1,0,main,a,1000000000,1500000000,cpu\n2,0,main,b,1500000000,2000000000,cpu\n";
    let mut samples = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for at in 0..22_i64 {
        let (start, end) = (at * 100_000_000, (at + 1) * 100_000_000);
        let watts = if (10..20).contains(&at) { 14 } else { 4 };
        samples += &format!("{start},{end},cpu,{}\n", watts * 100);
    }
    std::fs::write(folder.path().join("spans.csv"), spans).unwrap();
    std::fs::write(folder.path().join("samples.csv"), samples).unwrap();
    text(&import_csv(folder.path(), &[]));
    let page = page(folder.path(), &["last"]);
    let shown = page.section("run0-balance");
    assert!(shown.contains("Unknown for cpu: "), "{shown}");
    browser.open(&page.path, 400, "dark");
    let measured = page.query("SELECT measured_j FROM balance");
    same(
        drawn(&mut browser, &chart("balance", "[data-rail=cpu]")),
        measured,
    );
    same(
        drawn(&mut browser, &chart("timeline", "g[data-rail=cpu]")),
        measured,
    );
    let ledger = "SELECT sum(self_j + coalesce(idle_j, 0)) FROM node_energy";
    same(
        drawn(&mut browser, &chart("flame", "svg[data-j]")),
        page.query(ledger),
    );
    for section in ["layers", "tokens", "conditions"] {
        let shown = page.section(&format!("run0-{section}"));
        assert!(shown.contains("class=\"empty\""), "{section}: {shown}");
    }
    no_faults(&browser);
}

/// Deletions from the recording, one after the other, and the sections that are empty
/// afterwards.
const EMPTY: &[(&str, &[&str])] = &[
    ("DELETE FROM span_energy", &["tokens"]),
    (
        "UPDATE nodes SET layer = NULL, component = NULL",
        &["layers", "tokens"],
    ),
    (
        "DELETE FROM conditions; UPDATE runs SET status = 'crashed', end_ns = NULL",
        &["conditions"],
    ),
    (
        "DELETE FROM node_energy",
        &["treemap", "flows", "flame", "layers"],
    ),
    ("DELETE FROM sample_balance", &["power"]),
    ("DELETE FROM phase_energy", &["phases"]),
    ("DELETE FROM balance", &["balance"]),
    (
        "PRAGMA foreign_keys = ON; DELETE FROM attributions; DELETE FROM baselines; DELETE FROM rails",
        &["balance", "phases", "power", "tokens"],
    ),
    (
        "DELETE FROM nodes; DELETE FROM spans",
        &[
            "phases", "power", "layers", "tokens", "treemap", "flows", "flame",
        ],
    ),
];
