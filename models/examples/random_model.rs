//! Writes a Llama with random weights, wide enough for Candle's packed kernels.
//!
//! ```text
//! cargo run --release -p energy-models --example random_model -- FILE q8_0|q4_k [WIDTH] [LAYERS]
//! ```
//!
//! The default is 1024 channels and 16 layers. With `q4_k`, types are mixed as in `Q4_K_M`
//! files: `Q6_K` for values and for the outputs of the MLP.

use candle_core::quantized::GgmlDType;
use energy_models::tiny::{TinyConfig, write_gguf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: random_model FILE q8_0|q4_k [WIDTH] [LAYERS]";
    let path = arguments.next().ok_or(usage)?;
    let (dtype, finer) = match arguments.next().as_deref() {
        Some("q8_0") => (GgmlDType::Q8_0, None),
        Some("q4_k") => (GgmlDType::Q4K, Some(GgmlDType::Q6K)),
        _ => return Err(usage.into()),
    };
    let width = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let layers = arguments.next().map_or(Ok(16), |text| text.parse())?;
    let config = TinyConfig {
        layers,
        width,
        hidden: width / 256 * 704,
        heads: width / 64,
        kv_heads: width / 256,
        context_length: 8192,
        dtype,
        finer,
        tied: false,
        ..TinyConfig::default()
    };
    write_gguf(path, &config)?;
    Ok(())
}
