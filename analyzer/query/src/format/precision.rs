//! Number formats of weights, as people name them.

/// Returns the formats in which a model's weights were used, joined by `+`, and those of its file
/// that were converted: `q8_0, q4_1->q8_0` is `q8_0 (from q4_1)`.
pub fn precision_name(precision: &str) -> String {
    let (mut used, mut converted) = (Vec::new(), Vec::new());
    for part in precision.split(',').map(str::trim) {
        let (from, to) = match part.split_once("->") {
            Some((from, to)) => (Some(from), to),
            None => (None, part),
        };
        if !used.contains(&to) {
            used.push(to);
        }
        converted.extend(from.filter(|from| *from != to));
    }
    match converted.is_empty() {
        true => used.join("+"),
        false => format!("{} (from {})", used.join("+"), converted.join("+")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_named_by_their_results() {
        for (stored, name) in [
            ("q8_0", "q8_0"),
            ("q4_1, q8_0", "q4_1+q8_0"),
            ("q4_1->q8_0, q8_0", "q8_0 (from q4_1)"),
            ("q4_1->f32, q8_0->f32", "f32 (from q4_1+q8_0)"),
            ("bf16->q8_0, f32", "q8_0+f32 (from bf16)"),
            ("", ""),
        ] {
            assert_eq!(precision_name(stored), name);
        }
    }
}
