//! Number formats that the settings of a folder declare.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::json_file::JsonFile;
use crate::weights::fp8;

/// Methods with 8-bit floats and scales, and the setting that states it.
const WITH_SCALES: [(&str, &str, &[&str]); 4] = [
    ("fp8", "", &[]),
    ("fbgemm_fp8", "", &[]),
    (
        "compressed-tensors",
        "format",
        &["float-quantized", "naive-quantized"],
    ),
    ("modelopt", "quant_algo", &["FP8"]),
];

/// Usual spelling of methods.
const SPELLED: [(&str, &str); 5] = [
    ("gptq", "GPTQ"),
    ("awq", "AWQ"),
    ("bitsandbytes", "bitsandbytes"),
    ("mxfp4", "MXFP4"),
    ("quanto", "Quanto"),
];

/// Ends of tensor names that belong to a method, for folders without a setting that names it.
const TENSORS: [(&str, &str); 5] = [
    (".qzeros", "GPTQ or AWQ"),
    (".qweight", "GPTQ or AWQ"),
    (".weight.absmax", "bitsandbytes"),
    (".weight.SCB", "bitsandbytes"),
    (".scales", "MLX"),
];

/// Refuses weights that another program quantised, except 8-bit floats with scales; returns the
/// height and width of blocks with one scale.
///
/// # Errors
/// One that names the method.
pub(crate) fn block<'n>(
    json: &JsonFile,
    mut tensors: impl Iterator<Item = &'n str>,
) -> Result<[usize; 2]> {
    let key = "quantization_config";
    // MLX writes the first, and newer versions both.
    let is_of_mlx = |config: &Value| config.get("quant_method").is_none();
    if json
        .get("quantization")
        .is_some_and(|own| is_of_mlx(own) && own.get("bits").is_some())
    {
        return Err(refused(json, "quantization", "MLX"));
    }
    let Some(config) = json.get(key) else {
        let method = tensors.find_map(|name| {
            let mut ends = TENSORS.iter();
            ends.find(|(end, _)| name.ends_with(end))
                .map(|(_, method)| *method)
        });
        return match method {
            Some(method) => Err(refused(json, key, method)),
            None => Ok(fp8::BLOCK),
        };
    };
    let method = config
        .get("quant_method")
        .and_then(Value::as_str)
        .unwrap_or("MLX");
    let accepted = WITH_SCALES.iter().any(|(name, key, values)| {
        let value = config.get(*key).and_then(Value::as_str);
        let is_stated = value.is_some_and(|value| values.contains(&value));
        *name == method && (values.is_empty() || is_stated)
    });
    if !accepted {
        let spelled = SPELLED.iter().find(|(name, _)| *name == method);
        return Err(refused(
            json,
            key,
            spelled.map_or(method, |(_, spelled)| spelled),
        ));
    }
    let Some(block) = config.get("weight_block_size") else {
        return Ok(fp8::BLOCK);
    };
    if block.is_null() {
        return Ok(fp8::BLOCK);
    }
    let sizes: Option<Vec<usize>> = block.as_array().map(|sizes| {
        let size = |size: &Value| size.as_u64().and_then(|size| usize::try_from(size).ok());
        sizes
            .iter()
            .filter_map(size)
            .filter(|size| *size > 0)
            .collect()
    });
    let sizes = sizes.and_then(|sizes| <[usize; 2]>::try_from(sizes).ok());
    sizes.ok_or_else(|| json.fault("weight_block_size", "is not two positive numbers"))
}

fn refused(json: &JsonFile, key: &str, method: &str) -> Error {
    let problem = format!("declares weights quantised by {method}, which are not supported");
    let next = "choose the original model, its FP8 version, or a GGUF file of it";
    Error::advise(json.path(), format!("key `{key}`"), problem, next)
}
