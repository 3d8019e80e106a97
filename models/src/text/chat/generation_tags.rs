//! `{% generation %}` blocks, which mark the model's turns for training. Their content is kept.

/// Tags and their replacements, which open a scope as the marked block does.
const TAGS: [(&str, &str); 2] = [("generation", "with"), ("endgeneration", "endwith")];

/// Returns a template whose generation tags are replaced. Signs that trim whitespace are kept.
pub(super) fn replaced(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = match rest.as_bytes().get(1) {
            Some(b'%') => rest.find("%}"),
            Some(b'{') => rest.find("}}"),
            Some(b'#') => rest.find("#}"),
            _ => None,
        };
        let (part, after) = rest.split_at(end.map_or(1, |end| end + 2));
        match replacement(part) {
            Some(tag) => result.push_str(&tag),
            None => result.push_str(part),
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

/// Returns the replacement of a generation tag, `None` for anything else.
fn replacement(part: &str) -> Option<String> {
    let inner = part.strip_prefix("{%")?.strip_suffix("%}")?;
    let is_sign = |sign: char| matches!(sign, '-' | '+');
    let word = inner.trim_matches(is_sign).trim();
    let (_, by) = TAGS.iter().find(|(tag, _)| *tag == word)?;
    Some(part.replacen(word, by, 1))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_whole_tags_are_replaced() {
        for (source, expected) in [
            (
                "{% generation %}a{% endgeneration %}",
                "{% with %}a{% endwith %}",
            ),
            ("{%- generation -%}", "{%- with -%}"),
            ("{%-endgeneration+%}", "{%-endwith+%}"),
            ("{% set generation = 1 %}", "{% set generation = 1 %}"),
            ("{{ '{% x' }}{# {% y #}{", "{{ '{% x' }}{# {% y #}{"),
            ("é{% é %}é", "é{% é %}é"),
            ("{% open", "{% open"),
        ] {
            assert_eq!(replaced(source), expected);
        }
    }
}
