//! Writes a Llama with random weights, wide enough for Candle's packed kernels.
//!
//! ```text
//! cargo run --release -p energy-models --example random_model -- \
//!     FILE q8_0|q4_k [WIDTH] [LAYERS] [EXPERTS] [ACTIVE]
//! ```
//!
//! The default is 1024 channels and 16 layers, without experts. Each token uses ACTIVE experts, by
//! default 2. WIDTH is a multiple of 256. With `q4_k`, types are mixed as in `Q4_K_M`
//! files: `Q6_K` for values and for the outputs of the MLP.

use candle_core::quantized::GgmlDType;
use energy_models::tiny::{TinyConfig, write_gguf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: random_model FILE q8_0|q4_k [WIDTH] [LAYERS] [EXPERTS] [ACTIVE]";
    let path = arguments.next().ok_or(usage)?;
    let (dtype, finer) = match arguments.next().as_deref() {
        Some("q8_0") => (GgmlDType::Q8_0, None),
        Some("q4_k") => (GgmlDType::Q4K, Some(GgmlDType::Q6K)),
        _ => return Err(usage.into()),
    };
    let mut number = |otherwise| arguments.next().map_or(Ok(otherwise), |text| text.parse());
    let (width, layers, experts, active_experts) =
        (number(1024)?, number(16)?, number(0)?, number(2)?);
    if width == 0 || width % 256 != 0 || (experts > 0 && active_experts > experts) {
        return Err(usage.into());
    }
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
        experts,
        active_experts,
        ..TinyConfig::default()
    };
    write_gguf(path, &config)?;
    Ok(())
}
