//! The folder that Hugging Face keeps of a model.

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file::Value;
use candle_core::{DType, Tensor};
use energy_models::tiny;
use serde_json::json;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, Tokenizer};

use super::{Family, stored};

/// Writes it with weights of type `dtype` in `shards` files.
pub fn write(family: &Family, folder: &Path, dtype: DType, shards: usize) {
    let write = |file: &str, value: &serde_json::Value| {
        std::fs::write(folder.join(file), value.to_string()).unwrap();
    };
    write("config.json", &family.config);
    write(
        "tokenizer_config.json",
        &json!({
            "bos_token": null,
            "eos_token": { "content": "<|im_end|>" },
            "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}",
        }),
    );
    write("generation_config.json", &json!({ "eos_token_id": [2, 0] }));
    tokenizer()
        .save(folder.join("tokenizer.json"), false)
        .unwrap();
    let tensors = stored::tensors(family, family.tensors());
    let mut names: Vec<&String> = tensors.keys().collect();
    names.sort();
    let mut map = serde_json::Map::new();
    for (at, part) in names.chunks(names.len().div_ceil(shards)).enumerate() {
        let file = match shards {
            1 => "model.safetensors".to_owned(),
            _ => format!("model-{:05}-of-{shards:05}.safetensors", at + 1),
        };
        let tensor = |name: &&String| ((*name).clone(), tensors[*name].to_dtype(dtype).unwrap());
        let part: HashMap<String, Tensor> = part.iter().map(tensor).collect();
        map.extend(part.keys().map(|name| (name.clone(), file.clone().into())));
        candle_core::safetensors::save(&part, folder.join(file)).unwrap();
    }
    if shards > 1 {
        write(
            "model.safetensors.index.json",
            &json!({ "weight_map": map }),
        );
    }
}

/// The tiny vocabulary as a `tokenizer.json`.
fn tokenizer() -> Tokenizer {
    let vocabulary: HashMap<&str, Value> = tiny::vocabulary().into_iter().collect();
    let texts = |key: &str| -> Vec<String> {
        let list = vocabulary[key].to_vec().unwrap().iter();
        list.map(|text| text.to_string().unwrap().clone()).collect()
    };
    let tokens = texts("tokenizer.ggml.tokens");
    let merges = texts("tokenizer.ggml.merges").into_iter().map(|merge| {
        let (left, right) = merge.split_once(' ').unwrap();
        (left.to_owned(), right.to_owned())
    });
    let ids = tokens.iter().cloned().zip(0..).collect();
    let model = BPE::builder().vocab_and_merges::<Vocab>(ids, merges.collect());
    let mut tokenizer = Tokenizer::new(model.build().unwrap());
    let cut: Vec<PreTokenizerWrapper> = vec![
        Digits::new(true).into(),
        ByteLevel::new(false, true, true).into(),
    ];
    tokenizer.with_pre_tokenizer(Some(Sequence::new(cut)));
    let special = tokens[..3].iter();
    let special = special.map(|token| AddedToken::from(token.clone(), true));
    tokenizer.add_special_tokens(special).unwrap();
    tokenizer
}
