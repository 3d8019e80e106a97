//! `{% generation %}` blocks, which mark the model's turns for training. Their content is kept.

/// Tags and their replacements, which open a scope as the marked block does.
const TAGS: [(&str, &str); 2] = [("generation", "with"), ("endgeneration", "endwith")];

/// Replaces the generation tags of a template. Signs that trim whitespace are kept, and so is raw
/// text.
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
        match word(part) {
            Some("raw") => {
                let end = raw_end(after);
                result.push_str(part);
                result.push_str(&after[..end]);
                rest = &after[end..];
                continue;
            }
            Some(tag) => result.push_str(&replacement(part, tag)),
            None => result.push_str(part),
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

/// Returns the content of a tag, `None` for other parts.
fn word(part: &str) -> Option<&str> {
    let inner = part.strip_prefix("{%")?.strip_suffix("%}")?;
    let is_sign = |sign: char| matches!(sign, '-' | '+');
    Some(inner.trim_matches(is_sign).trim())
}

/// Returns a tag, replaced if it is one of generations.
fn replacement(part: &str, word: &str) -> String {
    match TAGS.iter().find(|(tag, _)| *tag == word) {
        Some((_, by)) => part.replacen(word, by, 1),
        None => part.to_owned(),
    }
}

/// Returns where the tag begins that ends raw text.
fn raw_end(text: &str) -> usize {
    let mut tags = text.match_indices("{%").map(|(at, _)| at);
    let is_end = |at: &usize| {
        let end = text[*at..]
            .find("%}")
            .map_or(text.len(), |end| at + end + 2);
        word(&text[*at..end]) == Some("endraw")
    };
    tags.find(is_end).unwrap_or(text.len())
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
            (
                "{%- raw %}{% generation %}{{{% endraw -%}{% generation %}",
                "{%- raw %}{% generation %}{{{% endraw -%}{% with %}",
            ),
        ] {
            assert_eq!(replaced(source), expected);
        }
    }
}
