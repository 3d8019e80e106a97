//! Chat templates render as with Jinja2 set up as Hugging Face's library does, for own templates
//! with one feature each, and for those of a file that `CHAT_TEMPLATES` names.
//! `tests/references/chat_templates.py` writes such files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use energy_models::{ChatOptions, ChatTemplate};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Rendered {
    now_s: i64,
    special: BTreeMap<String, String>,
    user: String,
    templates: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    source: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    system: Option<String>,
    variables: BTreeMap<String, Value>,
    /// `None` if Jinja2 refuses.
    text: Option<String>,
}

/// Numbers of cases.
#[derive(Debug, Default, PartialEq)]
struct Count {
    same: usize,
    both_refuse: usize,
    /// Jinja2 refuses, for example because a part of a message is missing.
    only_ours: usize,
    differ: usize,
}

fn compare(path: &Path) -> Count {
    let rendered: Rendered = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut count = Count::default();
    for template in &rendered.templates {
        let ours = ChatTemplate::new(&template.source, rendered.special.clone());
        for case in &template.cases {
            let variables = case.variables.iter();
            let options = ChatOptions {
                system: case.system.clone(),
                variables: variables
                    .map(|(key, value)| (key.clone(), value.to_string()))
                    .collect(),
                now_s: Some(rendered.now_s),
            };
            let text = ours.render(&rendered.user, &options);
            match (&text, &case.text) {
                (Ok(ours), Some(expected)) if ours == expected => count.same += 1,
                (Err(_), None) => count.both_refuse += 1,
                (Ok(_), None) => count.only_ours += 1,
                (ours, expected) => {
                    count.differ += 1;
                    let (name, system) = (&template.name, &case.system);
                    eprintln!("{name}, system {system:?}, {:?}:", case.variables);
                    eprintln!("  Jinja2: {expected:?}\n  ours:   {ours:?}");
                }
            }
        }
    }
    count
}

#[test]
fn templates_with_one_feature_each_render_as_with_jinja2() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references/chat_templates.json");
    let count = compare(&path);
    let expected = Count {
        same: 74,
        both_refuse: 2,
        ..Count::default()
    };
    assert_eq!(count, expected);
}

#[test]
fn chat_templates_of_a_file_render_as_with_jinja2() {
    let Some(path) = std::env::var_os("CHAT_TEMPLATES").map(PathBuf::from) else {
        eprintln!("skipped: CHAT_TEMPLATES names no file with rendered templates");
        return;
    };
    let count = compare(&path);
    eprintln!("{count:?}");
    assert!(count.same > 0 && count.differ == 0, "{count:?}");
}
