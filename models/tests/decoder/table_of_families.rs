//! The table of families in `docs/models.md`, from the references and from the decoder.
//!
//! ```text
//! cargo test --release -p energy-models --test decoder table_of_families -- --ignored
//! ```

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use energy_models::Depth;

use crate::families_match_their_references::{
    answers, candle, largest, largest_error, load, rows, stored,
};
use crate::family::{self, Family};

const BEGIN: &str = "<!-- table of families -->\n";
const END: &str = "<!-- end of the table -->";

fn docs() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../docs/models.md"]
        .iter()
        .collect()
}

/// Error of each way to run it: folder, decomposed kernels, file.
fn of_transformers(family: &Family, expected: &[Vec<f32>]) -> f32 {
    let all = [
        (true, Depth::Module),
        (true, Depth::Deep),
        (false, Depth::Module),
    ];
    let all = all
        .into_iter()
        .filter(|(as_folder, _)| *as_folder || family.has_gguf);
    largest(all.map(|(as_folder, depth)| {
        let mut model = load(family, as_folder, depth);
        largest_error(
            expected,
            &answers(family, |ids, _| model.forward(ids).unwrap()),
        )
    }))
}

fn of_llama_cpp(family: &Family) -> Option<f32> {
    let stored = stored(&format!("{}.llama_cpp.safetensors", family.name))?;
    let mut model = load(family, false, Depth::Module);
    let found = answers(family, |ids, _| model.forward(ids).unwrap());
    Some(largest_error(&rows(&stored["logits"]), &found))
}

/// Candle's own models, as far as they compute the same.
fn of_candle(family: &Family) -> Option<f32> {
    if !["qwen2", "qwen3", "phi3", "gemma3"].contains(&family.name.as_str()) {
        return None;
    }
    let mut reference = candle(family);
    let expected = answers(family, |ids, start| {
        let ids = Tensor::new(ids, &Device::Cpu).unwrap();
        reference(&ids.unsqueeze(0).unwrap(), start).unwrap()
    });
    let mut model = load(family, false, Depth::Module);
    let found = answers(family, |ids, _| model.forward(ids).unwrap());
    Some(largest_error(&expected, &found))
}

fn row(family: &Family) -> String {
    let stored = stored(&format!("{}.safetensors", family.name)).expect("a reference");
    let expected = rows(&stored["logits"]);
    let expected = &expected[family.prompt as usize - 1..];
    let feature = |name: &String| {
        let error = largest_error(expected, &rows(&stored[&format!("without_{name}")]));
        format!("{} {error:.2}", name.replace('_', " "))
    };
    let features: Vec<String> = family.without.iter().map(feature).collect();
    let error = |error: Option<f32>| error.map_or(String::new(), |error| format!("{error:.1e}"));
    format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        family.architecture(),
        family.title,
        error(Some(of_transformers(family, expected))),
        error(of_llama_cpp(family)),
        error(of_candle(family)),
        features.join(", ")
    )
}

/// Returns the models by architecture and title.
fn in_order() -> Vec<Family> {
    let mut all = family::all();
    all.sort_by_key(|family| (family.architecture().to_owned(), family.title.clone()));
    all
}

#[test]
#[ignore = "writes docs/models.md"]
fn table_of_families_is_written() {
    let mut table = String::from(
        "| architecture | model | transformers | llama.cpp | Candle | reference with a feature changed |\n\
         |---|---|---|---|---|---|\n",
    );
    table.extend(in_order().iter().map(row));
    let text = std::fs::read_to_string(docs()).unwrap();
    let begin = text.find(BEGIN).expect("the begin of the table") + BEGIN.len();
    let end = text.find(END).expect("the end of the table");
    let text = format!("{}{table}{}", &text[..begin], &text[end..]);
    std::fs::write(docs(), text).unwrap();
}

/// Every model with a reference has a row, in order.
#[test]
fn the_table_of_families_is_complete() {
    let text = std::fs::read_to_string(docs()).unwrap();
    let mut before = text.find(BEGIN).expect("the begin of the table");
    for family in in_order() {
        let start = format!("\n| `{}` | {} |", family.architecture(), family.title);
        let at = text[before..].find(&start);
        before += at.unwrap_or_else(|| panic!("docs/models.md has no row {start} in order"));
    }
}
