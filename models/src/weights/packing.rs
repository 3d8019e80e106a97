//! Copies of quantised matrices in the order that Candle's kernels read.
//!
//! Candle makes such a copy at the first product of a matrix and keeps it. Made while the
//! model is loaded, its time and energy are not those of the first prompt.

use candle_core::quantized::{GgmlDType, QMatMul};
use candle_core::{DType, Device, Module as _, Tensor};

use crate::error::Result;

/// Products that a matrix takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Products {
    /// None: rows of the matrix are looked up.
    None,
    /// Those with a single row: the output projection, and projections that have a
    /// separate matrix for several rows.
    OneRow,
    /// Those with one row and with several.
    AnyRows,
}

impl Products {
    /// Returns the products of a stored matrix. The token embedding is also the output
    /// projection of models that have no other.
    pub(crate) fn of(name: &str, has_output: bool, has_dense: bool) -> Self {
        match name.trim_end_matches(".weight") {
            "token_embd" if has_output => Self::None,
            "token_embd" | "output" => Self::OneRow,
            _ if has_dense => Self::OneRow,
            _ => Self::AnyRows,
        }
    }

    /// Numbers of rows for which kernels read different copies.
    fn rows(self, dtype: GgmlDType) -> &'static [usize] {
        match self {
            Self::None => &[],
            Self::OneRow => &[1],
            Self::AnyRows if dtype == GgmlDType::Q4K => &[1, 4, TILE_ROWS],
            Self::AnyRows => &[1, 4],
        }
    }
}

/// Fewest rows of a product with `Q4K` for which Candle uses the processor's matrix unit.
const TILE_ROWS: usize = 32;
/// Numbers in one block of the K formats.
const BLOCK: usize = 256;

/// Makes the copies of a matrix by multiplying it with zeros.
///
/// # Errors
/// If the product fails.
pub(crate) fn pack(weight: &QMatMul, products: Products) -> Result<()> {
    let QMatMul::QTensor(tensor) = weight else {
        return Ok(());
    };
    if !tensor.device().is_cpu() {
        return Ok(());
    }
    let &[_, width] = tensor.shape().dims() else {
        return Ok(());
    };
    for &rows in products.rows(tensor.dtype()) {
        let zeros = Tensor::zeros((1, rows, width), DType::F32, &Device::Cpu)?;
        weight.forward(&zeros)?;
    }
    Ok(())
}

/// Returns the bytes of the copies of a matrix of this type and shape on this processor.
pub(crate) fn packed_bytes(dtype: GgmlDType, shape: &[usize], products: Products) -> u64 {
    let [.., rows, width] = *shape else {
        return 0;
    };
    let each = Processor::of_this().packed_bytes(dtype, (rows, width), products);
    let matrices: usize = shape.iter().rev().skip(2).product();
    each.saturating_mul(matrices as u64)
}

/// Features of a processor that decide which copies Candle makes (version 0.11).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Processor {
    /// x86 with AVX2 and FMA.
    has_avx2: bool,
    /// x86 with products of 8-bit integers: AVX-VNNI, or AVX-512 VNNI.
    has_vnni: bool,
    /// x86 with the matrix unit AMX, which Linux grants on request.
    has_amx: bool,
    /// ARM with products of 8-bit integers.
    has_dot: bool,
}

impl Processor {
    #[cfg(target_arch = "x86_64")]
    fn of_this() -> Self {
        use std::arch::is_x86_feature_detected as has;
        let has_512 = has!("avx512f") && has!("avx512vnni");
        let has_vnni = has_512 || (has!("avxvnni") && has!("avx2"));
        let leaf = std::arch::x86_64::__cpuid_count(7, 0);
        let has_tiles = leaf.edx & (1 << 24) != 0 && leaf.edx & (1 << 25) != 0;
        Self {
            has_avx2: has!("avx2") && has!("fma"),
            has_vnni,
            has_amx: cfg!(target_os = "linux") && has_512 && has_tiles,
            has_dot: false,
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn of_this() -> Self {
        Self {
            has_dot: std::arch::is_aarch64_feature_detected!("dotprod"),
            ..Self::default()
        }
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn of_this() -> Self {
        Self::default()
    }

    fn packed_bytes(
        self,
        dtype: GgmlDType,
        (rows, width): (usize, usize),
        products: Products,
    ) -> u64 {
        let several = products == Products::AnyRows;
        if products == Products::None {
            return 0;
        }
        let tiles = (rows / 16 * (width / BLOCK)) as u64;
        let is_tiled = rows.is_multiple_of(16) && width.is_multiple_of(BLOCK) && width > 0;
        if self.has_avx2 || self.has_vnni {
            return match dtype {
                _ if !is_tiled => 0,
                GgmlDType::Q4K if self.has_amx && several => tiles * (Q4K_TILE + Q4K_AMX_TILE),
                GgmlDType::Q4K => tiles * Q4K_TILE,
                GgmlDType::Q6K if several => tiles * Q6K_TILE,
                GgmlDType::Q8_0 if self.has_vnni => tiles * Q8_0_TILE,
                _ => 0,
            };
        }
        // On ARM the copies have the size of the original.
        let group = match dtype {
            GgmlDType::Q4_0 | GgmlDType::Q8_0 => 4,
            GgmlDType::Q4K | GgmlDType::Q5K | GgmlDType::Q6K => 8,
            _ => return 0,
        };
        let bytes = rows * (width / dtype.block_size()) * dtype.type_size();
        match self.has_dot && rows.is_multiple_of(group) {
            true => bytes as u64,
            false => 0,
        }
    }
}

/// Bytes of 16 rows of 256 numbers: scales and offsets in f32, then the numbers.
const Q4K_TILE: u64 = 2 * 8 * 16 * 4 + 128 * 16;
/// The same with one byte per number.
const Q4K_AMX_TILE: u64 = 2 * 8 * 16 * 4 + 256 * 16;
/// Scales in f32, one byte per number.
const Q6K_TILE: u64 = 16 * 16 * 4 + 256 * 16;
/// Scales in f16, one byte per number.
const Q8_0_TILE: u64 = 8 * (16 * 2 + 32 * 16);

#[cfg(test)]
mod tests {
    use super::*;

    const VNNI: Processor = Processor {
        has_avx2: true,
        has_vnni: true,
        has_amx: false,
        has_dot: false,
    };

    #[test]
    fn sizes_are_those_of_each_processor() {
        let (any, one) = (Products::AnyRows, Products::OneRow);
        let shape = (1024, 1024);
        let original =
            |dtype: GgmlDType| (1024 * 1024 / dtype.block_size() * dtype.type_size()) as u64;
        let tiles = 64 * 4;
        for (processor, dtype, products, bytes) in [
            (VNNI, GgmlDType::Q8_0, any, original(GgmlDType::Q8_0)),
            (VNNI, GgmlDType::Q4K, any, tiles * 3072),
            (VNNI, GgmlDType::Q6K, one, 0),
            (VNNI, GgmlDType::Q6K, any, tiles * 5120),
            (VNNI, GgmlDType::Q4_0, any, 0),
            (VNNI, GgmlDType::Q8_0, Products::None, 0),
        ] {
            let found = processor.packed_bytes(dtype, shape, products);
            assert_eq!(found, bytes, "{dtype:?} {products:?}");
        }
        let amx = Processor {
            has_amx: true,
            ..VNNI
        };
        let of_amx = |products| amx.packed_bytes(GgmlDType::Q4K, shape, products);
        assert_eq!(
            (of_amx(any), of_amx(one)),
            (tiles * (3072 + 5120), tiles * 3072)
        );
        let avx2 = Processor {
            has_vnni: false,
            ..VNNI
        };
        assert_eq!(avx2.packed_bytes(GgmlDType::Q8_0, shape, any), 0);
        for shape in [(1024, 576), (1000, 1024)] {
            assert_eq!(VNNI.packed_bytes(GgmlDType::Q8_0, shape, any), 0);
        }
        let arm = Processor {
            has_dot: true,
            ..Processor::default()
        };
        for dtype in [
            GgmlDType::Q4_0,
            GgmlDType::Q5K,
            GgmlDType::Q6K,
            GgmlDType::Q8_0,
        ] {
            assert_eq!(
                arm.packed_bytes(dtype, shape, any),
                original(dtype),
                "{dtype:?}"
            );
        }
        assert_eq!(arm.packed_bytes(GgmlDType::Q4_1, shape, any), 0);
    }

    #[test]
    fn embeddings_are_packed_only_as_output_projections() {
        let of = |name, has_output| Products::of(name, has_output, false);
        assert_eq!(of("token_embd.weight", true), Products::None);
        assert_eq!(of("token_embd.weight", false), Products::OneRow);
        assert_eq!(of("output.weight", true), Products::OneRow);
        assert_eq!(of("blk.0.attn_q.weight", true), Products::AnyRows);
        assert_eq!(
            Products::of("blk.0.attn_q.weight", true, true),
            Products::OneRow
        );
    }
}
