//! Names, texts and titles of a recording are escaped on a page, and a page can neither
//! load nor send anything.

use crate::fixture::command::{energy, text};
use crate::fixture::decoder::{Decoder, add};
use crate::fixture::page::page;

const EVIL: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'&\u{2028}\u{202e}\u{1b}[31m";

#[test]
fn hostile_names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let evil = Decoder {
        name: EVIL.into(),
        op: EVIL.into(),
        text: EVIL.into(),
        ..Decoder::default()
    };
    add(folder.path(), &evil);
    let page = page(folder.path(), &["last", "--title", EVIL]);
    assert_eq!(page.html.matches("<script").count(), 2, "data and code");
    assert_eq!(page.html.matches("</script>").count(), 2);
    for forbidden in [
        "<img",
        "\u{2028}",
        "\u{202e}",
        "\u{1b}",
        "onerror=alert(1)>",
    ] {
        assert!(!page.html.contains(forbidden), "{forbidden:?}");
    }
    let names = page.data["runs"][0]["tree"]["names"].as_array().unwrap();
    let shown =
        "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'&\\u{2028}\\u{202e}";
    let has = |name: &serde_json::Value| name.as_str().is_some_and(|name| name.starts_with(shown));
    assert!(names.iter().any(has), "{names:?}");
}

#[test]
fn a_name_of_a_megabyte_is_truncated_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(1 << 20);
    let run = Decoder {
        name: long.clone(),
        op: long.clone(),
        text: long,
        ..Decoder::default()
    };
    add(folder.path(), &run);
    let page = page(folder.path(), &["last"]);
    assert!(page.html.len() < 500_000, "{} bytes", page.html.len());
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &Decoder::default());
    let page = page(folder.path(), &["last"]);
    let policy = page
        .html
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .unwrap();
    let policy = policy.split('"').next().unwrap();
    assert!(
        policy.starts_with("default-src &#39;none&#39;; "),
        "{policy}"
    );
    assert!(policy.contains("script-src &#39;sha256-"), "{policy}");
    let without = page.html.replace("http://www.w3.org/2000/svg", "");
    for forbidden in [
        "http:", "https:", " src=", "@import", "url(\"", "<link", "fetch(",
    ] {
        assert!(!without.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn energies_can_be_read_without_scripts() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &Decoder::default());
    let page = page(folder.path(), &["last"]);
    for (section, words) in [
        ("run0-head", "Per token"),
        ("run0-balance", "<caption>"),
        (
            "run0-conditions",
            "<td>mains</td><td>battery</td><td>changed</td>",
        ),
        ("run0-phases", "<td>decode</td>"),
        ("run0-power", "<td>dram</td>"),
        ("run0-layers", "<td>layer 1</td><td>input_norm</td>"),
        ("run0-tokens", "<td>blue</td>"),
        ("run0-flows", "<td>package</td><td>decode</td>"),
        ("run0-flame", "inference &gt; decode &gt; token"),
        (
            "run0-tables",
            "inference &gt; decode &gt; token &gt; lm_head",
        ),
    ] {
        let text = page.section(section);
        assert!(text.contains(words), "{section}: {text}");
        assert!(
            text.contains("class=\"how\""),
            "{section} explains how to read it"
        );
    }
    assert!(page.html.contains("<noscript>"));
}

#[test]
fn unmeasured_energy_is_labelled() {
    let folder = tempfile::tempdir().unwrap();
    add(
        folder.path(),
        &Decoder {
            provenance: "modelled",
            ..Decoder::default()
        },
    );
    let page = page(folder.path(), &["last"]);
    assert!(
        page.section("run0-head")
            .contains("All energies below are modelled, not measured.")
    );
    for section in [
        "balance", "phases", "power", "layers", "tokens", "flows", "flame",
    ] {
        let text = page.section(&format!("run0-{section}"));
        assert!(
            text.contains("Power modelled, not measured"),
            "{section}: {text}"
        );
    }
}

#[test]
fn a_page_can_be_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &Decoder::default());
    let html = text(&energy(folder.path(), &["report", "-o", "-"]));
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
}
