//! Number formats of GGUF files.

/// Formats that cannot be read here, with their numbers in the file.
const UNSUPPORTED: [(u32, &str); 24] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (36, "IQ4_NL_4_4"),
    (39, "MXFP4"),
    (40, "NVFP4"),
];

/// The largest number of a format that can be read, of those without a gap before it.
const LAST_OF_K: u32 = 15;
/// The number of bf16.
const BF16: u32 = 30;

/// Returns the name of a format that cannot be read; `None` for one that can.
pub(super) fn unsupported(kind: u32) -> Option<String> {
    let named = UNSUPPORTED.iter().find(|(number, _)| *number == kind);
    match named {
        Some((_, name)) => Some((*name).to_owned()),
        None if kind <= LAST_OF_K || kind == BF16 => None,
        None => Some(format!("number {kind}")),
    }
}
