//! The table of configurations: equal numbers in every format, LaTeX that a parser accepts, JSON of
//! its own schema.

use std::path::Path;

use crate::fixture::cells::{self, Cell};
use crate::fixture::command::{energy, refused, text};
use crate::fixture::golden;
use serde_json::Value;

fn table(folder: &Path, format: &str) -> String {
    let words = ["table", "--experiment", "batches", "--format", format];
    text(&energy(folder, &words))
}

/// Reads the name of a command; returns it in angle brackets, or nothing for a rule.
fn command(
    first: char,
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<String, String> {
    let mut name = first.to_string();
    while let Some(c) = letters.next_if(char::is_ascii_alphabetic) {
        name.push(c);
    }
    let known = [
        "toprule",
        "midrule",
        "bottomrule",
        "multicolumn",
        "footnotesize",
        "textmu",
        "pm",
        "textbackslash",
        "textless",
        "textgreater",
        "textasciitilde",
        "textasciicircum",
        "ldots",
    ];
    match (known.contains(&name.as_str()), name.ends_with("rule")) {
        (false, _) => Err(format!("unknown command {name}")),
        (true, true) => Ok(String::new()),
        (true, false) => Ok(format!("<{name}>")),
    }
}

/// Cells of a `tabular` by row, or a description of the first fault. It knows what tables use:
/// commands with braces, `&`, `\\`, comments, `$...$`.
fn parse_latex(source: &str) -> Result<Vec<Vec<String>>, String> {
    let text: String = source
        .lines()
        .filter(|line| !line.starts_with('%'))
        .map(|line| format!("{line}\n"))
        .collect();
    let begin = text.find("\\begin{tabular}").ok_or("no begin")?;
    let end = text.find("\\end{tabular}").ok_or("no end")?;
    let body = &text[begin + "\\begin{tabular}".len()..end];
    let close = body.find('}').ok_or("no columns")?;
    let columns = body[1..close]
        .chars()
        .filter(|c| "lrc".contains(*c))
        .count();
    if columns != close - 1 {
        return Err(format!("columns {}", &body[..close]));
    }
    let mut rows = Vec::new();
    let (mut row, mut cell, mut depth, mut is_math) = (Vec::new(), String::new(), 0, false);
    let mut letters = body[close + 1..].chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\\' => match letters.next().ok_or("a backslash at the end")? {
                '\\' => {
                    row.push(std::mem::take(&mut cell).trim().to_owned());
                    rows.push(std::mem::take(&mut row));
                }
                c if "&%$#_{}".contains(c) => cell.push(c),
                first if first.is_ascii_alphabetic() => {
                    cell.push_str(&command(first, &mut letters)?);
                }
                other => return Err(format!("unknown escape {other}")),
            },
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth < 0 {
                    return Err("a closing brace too many".to_owned());
                }
            }
            '$' => is_math = !is_math,
            '&' => row.push(std::mem::take(&mut cell).trim().to_owned()),
            '%' | '#' | '~' | '^' => return Err(format!("unescaped {c}")),
            '_' if !is_math => return Err("unescaped _".to_owned()),
            c => cell.push(c),
        }
    }
    if depth != 0 || is_math || !cell.trim().is_empty() || !row.is_empty() {
        return Err(format!("unfinished: {depth} {is_math} {cell:?}"));
    }
    let is_whole = |row: &&Vec<String>| !row[0].contains("<multicolumn>");
    match rows
        .iter()
        .filter(is_whole)
        .find(|row| row.len() != columns)
    {
        Some(row) => Err(format!("{} cells of {columns}: {row:?}", row.len())),
        None => Ok(rows),
    }
}

#[test]
fn every_format_has_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells::experiments());
    for format in ["table", "markdown", "csv", "latex", "json"] {
        golden::check(
            &format!("table/batches.{format}"),
            &table(folder.path(), format),
        );
    }
    let value: Value = serde_json::from_str(&table(folder.path(), "json")).unwrap();
    let rows = value["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let latex = parse_latex(&table(folder.path(), "latex")).unwrap();
    assert_eq!(latex[0][2], "Batch");
    let csv = table(folder.path(), "csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |key: &str| header.iter().position(|one| one == key).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for ((json, latex), csv) in rows.iter().zip(&latex[1..]).zip(&records) {
        let joules = json["j_per_token"].as_f64().unwrap();
        assert_eq!(latex[2], json["batch"].to_string());
        let shown: f64 = latex[8].parse().unwrap();
        assert!(
            (shown / 1000.0 / joules - 1.0).abs() < 1e-3,
            "{shown} {joules}"
        );
        assert_eq!(csv[at("j_per_token")].parse::<f64>().unwrap(), joules);
        // Independent: the phases and their tokens are those of the runs.
        let tokens = |key: &str| json[key].as_f64().unwrap() * json["batch"].as_f64().unwrap();
        let prefill = json["prefill_j"].as_f64().unwrap() / tokens("prompt_tokens");
        assert!((json["j_per_input_token"].as_f64().unwrap() / prefill - 1.0).abs() < 1e-9);
    }
}

#[test]
fn json_is_of_its_own_schema() {
    let folder = tempfile::tempdir().unwrap();
    cells::recording(folder.path(), "energy.db", &cells::experiments());
    let value: Value = serde_json::from_str(&table(folder.path(), "json")).unwrap();
    assert_eq!(value["schema"], "energy-table/1");
    let schema: Value =
        serde_json::from_str(energy_analyzer::schema("table").expect("a schema")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&value)
        .map(|one| one.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    let mut without = value;
    without["rows"][0]
        .as_object_mut()
        .unwrap()
        .remove("j_per_token");
    assert!(!validator.is_valid(&without));
}

#[test]
fn names_are_escaped_in_latex() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = Cell {
        model: "a_b & 50 % \\input{/etc/passwd} $x$ #1 ~^ {\u{1b}[31m <>".to_owned(),
        experiment: "batches",
        ..Cell::default()
    };
    cells::recording(folder.path(), "energy.db", &[hostile]);
    let source = table(folder.path(), "latex");
    let rows = parse_latex(&source).unwrap_or_else(|fault| panic!("{fault}: {source}"));
    assert!(
        rows[1][0].starts_with("a_b & 50 % <textbackslash>input"),
        "{rows:?}"
    );
    assert!(!source.contains('\u{1b}'), "{source}");
    assert!(parse_latex(&source.replace("\\_", "_")).is_err());
}

#[test]
fn unknown_values_are_dashes_or_null() {
    let folder = tempfile::tempdir().unwrap();
    let one = Cell {
        experiment: "batches",
        provenance: "modelled",
        ..Cell::default()
    };
    cells::recording(folder.path(), "energy.db", &[one]);
    let value: Value = serde_json::from_str(&table(folder.path(), "json")).unwrap();
    let row = &value["rows"][0];
    for key in [
        "j_per_token_lo",
        "relative_half_interval",
        "parameters",
        "quality",
        "tdp_share",
    ] {
        assert!(row[key].is_null(), "{key}: {row}");
    }
    assert_eq!(row["samples"], 4);
    assert_eq!(row["conditions"]["governor"], "performance");
    let latex = parse_latex(&table(folder.path(), "latex")).unwrap();
    assert_eq!(latex[1][9], "--");
    assert!(latex.last().unwrap()[0].contains("modelled"), "{latex:?}");
    let none = ["table", "--model", "other"];
    let message = refused(folder.path(), &none, 2);
    assert!(message.contains("energy sweep"), "{message}");
}

#[test]
fn energies_of_runs_with_different_numbers_of_prompts_are_not_averaged() {
    let run = |prompts: i64, joules: f64, minute: i64| Cell {
        prompt: 64 * prompts,
        output: 32 * prompts,
        prefill_j: joules * 0.25 * prompts as f64,
        decode_j: joules * 0.75 * prompts as f64,
        config: serde_json::json!({ "prompts": prompts, "max_tokens": 32 }),
        minute,
        ..Cell::default()
    };
    let row = |runs: &[Cell]| {
        let folder = tempfile::tempdir().unwrap();
        cells::recording(folder.path(), "energy.db", runs);
        let shown = text(&energy(folder.path(), &["table", "--format", "json"]));
        let value: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(value["rows"].as_array().unwrap().len(), 1, "{value}");
        (value["rows"][0].clone(), value["notes"].to_string())
    };
    let (mixed, notes) = row(&[run(1, 4.0, 0), run(4, 9.0, 1)]);
    for key in ["energy_j", "prefill_j", "decode_j", "prompts"] {
        assert!(mixed[key].is_null(), "{key}: {mixed}");
    }
    let mean = mixed["j_per_prompt"].as_f64().unwrap();
    assert!((mean - 6.0).abs() < 1e-9, "the mean of 4 and 9: {mean}");
    let per_token = mixed["j_per_token"].as_f64().unwrap();
    assert!((per_token - 6.0 / 96.0).abs() < 1e-9, "{mixed}");
    assert!(notes.contains("unknown in 1 of 1 rows"), "{notes}");
    let (equal, notes) = row(&[run(4, 4.0, 0), run(4, 9.0, 1)]);
    assert_eq!(equal["prompts"], 4);
    let energy = equal["energy_j"].as_f64().unwrap();
    assert!((energy - 24.0).abs() < 1e-9, "{equal}");
    assert_eq!(equal["j_per_prompt"].as_f64().unwrap(), mean);
    assert!(!notes.contains("numbers of prompts"), "{notes}");
}

/// Returns the rows of the table of runs with these configurations of another engine.
fn rows_of(configs: &[Value]) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let cell = |(minute, config): (i64, &Value)| Cell {
        experiment: "batches",
        engine: "llama.cpp",
        config: config.clone(),
        minute,
        ..Cell::default()
    };
    let runs: Vec<Cell> = (0..).zip(configs).map(cell).collect();
    cells::recording(folder.path(), "energy.db", &runs);
    let value: Value = serde_json::from_str(&table(folder.path(), "json")).unwrap();
    let rows = value["rows"].as_array().unwrap().clone();
    (rows, table(folder.path(), "csv"))
}

#[test]
fn programs_are_configurations_of_their_own() {
    let server = |template: &str, port: u32| {
        let serve = template.replace("{port}", &port.to_string());
        serde_json::json!({"template": template, "serve": serve})
    };
    let (one, other) = ("serve -tp 1 -p {port}", "serve -tp 2 -p {port}");
    let (rows, csv) = rows_of(&[server(one, 1), server(one, 2), server(other, 1)]);
    let runs: Vec<&Value> = rows.iter().map(|row| &row["runs"]).collect();
    assert_eq!(runs.len(), 2, "{rows:?}");
    assert!(runs.contains(&&Value::from(2)) && runs.contains(&&Value::from(1)));
    assert!(
        csv.contains("serve -tp 1") && csv.contains("serve -tp 2"),
        "{csv}"
    );
    // Without a template, the whole line.
    let line = |text: &str| serde_json::json!({ "command": text });
    assert_eq!(rows_of(&[line("a"), line("b")]).0.len(), 2);
    assert_eq!(rows_of(&[line("a"), line("a")]).0.len(), 1);
}

/// The answer has 32 tokens. Its end token may have no part.
#[test]
fn joined_tokens_leave_prefill_and_decode_unknown() {
    let keys = ["j_per_input_token", "j_per_output_token", "tokens_per_s"];
    for (parts, is_known) in [(32, true), (31, true), (30, false), (1, false), (0, false)] {
        let config = serde_json::json!({"server": {"streamed_tokens": parts}});
        let (rows, _) = rows_of(&[config]);
        assert!(rows[0]["j_per_token"].is_number(), "{rows:?}");
        for key in keys {
            assert_eq!(rows[0][key].is_number(), is_known, "{parts} {key}");
        }
    }
}
