//! Token ids equal those of Python's `tokenizers` for a tiny vocabulary and each name of a
//! pre-tokenizer (`tests/references/vocabularies.py`), and those of the files of a folder that
//! `VOCABULARIES` names: `NAME.gguf`, texts in `NAME.gguf.inp`, ids in `NAME.gguf.out`. llama.cpp's
//! folder `models` has such files of real vocabularies.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use energy_models::Tokenizer;
use serde::Deserialize;

/// Between two texts of a file.
const SEPARATOR: &str = "\n__ggml_vocab_test__\n";

#[derive(Deserialize)]
struct Stored {
    texts: Vec<String>,
    tokens: Vec<String>,
    merges: Vec<(String, String)>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    names: Vec<String>,
    ids: Vec<Vec<u32>>,
}

fn stored() -> Stored {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references/vocabularies.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Metadata of a vocabulary.
struct Vocabulary {
    pre: String,
    tokens: Vec<String>,
    types: Vec<i32>,
    merges: Vec<String>,
    more: Vec<(&'static str, Value)>,
}

impl Vocabulary {
    fn write(&self, path: &Path) {
        let text = |text: &String| Value::String(text.clone());
        let texts = |list: &[String]| Value::Array(list.iter().map(text).collect());
        let types = self.types.iter().map(|kind| Value::I32(*kind));
        let mut metadata = vec![
            ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
            ("tokenizer.ggml.pre", text(&self.pre)),
            ("tokenizer.ggml.tokens", texts(&self.tokens)),
            ("tokenizer.ggml.token_type", Value::Array(types.collect())),
            ("tokenizer.ggml.merges", texts(&self.merges)),
        ];
        metadata.extend(self.more.iter().cloned());
        let metadata: Vec<_> = metadata.iter().map(|(key, value)| (*key, value)).collect();
        let mut file = std::fs::File::create(path).unwrap();
        gguf_file::write(&mut file, &metadata, &[]).unwrap();
    }

    fn tokenizer(&self) -> energy_models::Result<Tokenizer> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.gguf");
        self.write(&path);
        Tokenizer::from_gguf(&path)
    }
}

/// The stored vocabulary with control tokens behind it.
fn vocabulary(pre: &str, control: &[&str]) -> Vocabulary {
    let stored = stored();
    let mut tokens = stored.tokens;
    let mut types = vec![1; tokens.len()];
    tokens.extend(control.iter().map(|text| (*text).to_owned()));
    types.resize(tokens.len(), 3);
    let merges = stored.merges.iter();
    Vocabulary {
        pre: pre.to_owned(),
        tokens,
        types,
        merges: merges
            .map(|(left, right)| format!("{left} {right}"))
            .collect(),
        more: vec![("tokenizer.ggml.add_bos_token", Value::Bool(false))],
    }
}

#[test]
fn every_pre_tokenizer_cuts_as_its_models_tokenizer_file() {
    let stored = stored();
    let mut different = std::collections::BTreeSet::new();
    for case in &stored.cases {
        different.insert(format!("{:?}", case.ids));
        for name in &case.names {
            let tokenizer = vocabulary(name, &[]).tokenizer().unwrap();
            for (text, expected) in stored.texts.iter().zip(&case.ids) {
                assert_eq!(
                    &tokenizer.encode(text).unwrap(),
                    expected,
                    "{name}: {text:?}"
                );
            }
        }
    }
    // The texts distinguish the patterns.
    assert!(different.len() >= 16, "{}", different.len());
}

#[test]
fn the_name_decides_whether_texts_begin_with_the_start_token() {
    for (pre, begins) in [
        ("llama-bpe", true),
        ("tekken", true),
        ("qwen2", false),
        ("dbrx", false),
    ] {
        let mut vocabulary = vocabulary(pre, &["<|begin|>"]);
        let start = (vocabulary.tokens.len() - 1) as u32;
        vocabulary.more = vec![("tokenizer.ggml.bos_token_id", Value::U32(start))];
        let ids = vocabulary.tokenizer().unwrap().encode("a").unwrap();
        assert_eq!(ids.first() == Some(&start), begins, "{pre}");
        // What the file states has priority.
        vocabulary
            .more
            .push(("tokenizer.ggml.add_bos_token", Value::Bool(!begins)));
        let ids = vocabulary.tokenizer().unwrap().encode("a").unwrap();
        assert_eq!(ids.first() == Some(&start), !begins, "{pre}");
    }
}

#[test]
fn ends_are_those_of_the_file_and_of_known_texts() {
    let mut vocabulary = vocabulary("llama-bpe", &["<|x|>", "<|eot_id|>", "<|y|>", "</s>"]);
    let first = vocabulary.tokens.len() as u32 - 4;
    vocabulary
        .more
        .push(("tokenizer.ggml.eos_token_id", Value::U32(first)));
    let tokenizer = vocabulary.tokenizer().unwrap();
    assert_eq!(tokenizer.stops(), [first, first + 1, first + 3]);
    assert_eq!(tokenizer.control_token("<|y|>"), Some(first + 2));
    assert_eq!(tokenizer.control_token("a"), None);
}

#[test]
fn special_tokens_of_phi_3_take_the_whitespace_after_them() {
    let mut vocabulary = vocabulary("default", &["<|end|>", "<s>"]);
    let (end, start) = (
        vocabulary.tokens.len() as u32 - 2,
        vocabulary.tokens.len() as u32 - 1,
    );
    let kept = vocabulary.tokenizer().unwrap();
    assert!(kept.encode("<|end|>\n").unwrap().len() == 2);
    vocabulary
        .more
        .push(("general.name", Value::String("Phi-3.5 mini".to_owned())));
    let stripped = vocabulary.tokenizer().unwrap();
    assert_eq!(stripped.encode("<|end|>\n").unwrap(), [end]);
    let ids = stripped.encode("<s> \n").unwrap();
    assert!(ids[0] == start && ids.len() > 1, "{ids:?}");
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let error = vocabulary("unheard-of", &[])
        .tokenizer()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unheard-of") && error.contains("tekken"),
        "{error}"
    );
}

/// Compares the texts of a file: their number, and those that differ.
fn compare(path: &Path) -> energy_models::Result<(usize, Vec<String>)> {
    let tokenizer = Tokenizer::from_gguf(path)?;
    eprintln!("ends: {:?}", tokenizer.stops());
    let read = |ending: &str| {
        let path = path.with_extension(format!("gguf.{ending}"));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let (texts, ids) = (read("inp"), read("out"));
    let texts: Vec<&str> = texts.split(SEPARATOR).collect();
    let number = |word: &str| word.parse::<u32>().unwrap();
    let lines = ids.lines();
    let ids: Vec<Vec<u32>> = lines
        .map(|line| line.split_whitespace().map(number).collect())
        .collect();
    assert_eq!(texts.len(), ids.len(), "{}", path.display());
    let mut differences = Vec::new();
    for (text, expected) in texts.iter().zip(&ids) {
        let ours = tokenizer.encode(text)?;
        // Some files have no start tokens.
        if ours != *expected && ours.get(1..) != Some(expected) {
            differences.push(format!("{text:?}\n    {ours:?}\n    {expected:?}"));
        }
    }
    Ok((texts.len(), differences))
}

#[test]
fn vocabularies_of_a_folder_give_the_same_ids() {
    let Some(folder) = std::env::var_os("VOCABULARIES").map(PathBuf::from) else {
        eprintln!("skipped: VOCABULARIES names no folder with GGUF files, texts and ids");
        return;
    };
    let entries = std::fs::read_dir(&folder).unwrap().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "gguf"));
    paths.retain(|path| path.with_extension("gguf.out").exists());
    paths.sort();
    let (mut all, mut differing) = (0, 0);
    for path in &paths {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match compare(path) {
            Ok((texts, differences)) => {
                eprintln!("{name}: {} of {texts}", texts - differences.len());
                differences.iter().for_each(|text| eprintln!("  {text}"));
                (all, differing) = (all + texts, differing + differences.len());
            }
            Err(error) => eprintln!("{name}: refused: {error}"),
        }
    }
    eprintln!(
        "{} of {all} texts in {} vocabularies",
        all - differing,
        paths.len()
    );
    // The docs list the differences of real vocabularies with their reasons.
    assert!(
        all > 0 && differing * 20 <= all,
        "{differing} of {all} differ"
    );
}
