//! Number formats of weights, as people name them.

/// Returns the formats in which a model's weights were used, joined by `+`, and those of its file
/// that were converted: `q8_0, q4_1->q8_0` is `q8_0 (from q4_1)`.
pub fn precision_name(precision: &str) -> String {
    let converted = parts(precision).filter_map(|(from, to)| from.filter(|from| *from != to));
    let converted: Vec<&str> = converted.collect();
    let used = used_precision(precision);
    match converted.is_empty() {
        true => used,
        false => format!("{used} (from {})", converted.join("+")),
    }
}

/// Returns the formats in which a model's weights were used, joined by `+`.
pub fn used_precision(precision: &str) -> String {
    let mut used = Vec::new();
    for (_, to) in parts(precision) {
        if !used.contains(&to) {
            used.push(to);
        }
    }
    used.join("+")
}

/// Returns the formats of the file, if they were converted, with those in use.
fn parts(precision: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    precision
        .split(',')
        .map(str::trim)
        .map(|part| match part.split_once("->") {
            Some((from, to)) => (Some(from), to),
            None => (None, part),
        })
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
            let used = name.split(" (").next();
            assert_eq!(Some(used_precision(stored).as_str()), used);
        }
    }
}
