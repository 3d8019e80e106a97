//! What a template's source becomes before it is read.
//!
//! `{% generation %}` blocks, which mark the model's turns for training, become plain blocks. What
//! is assigned to names and to attributes of namespaces passes through filters.

use super::tags::{Tag, tags};

/// Tags and their replacements, which open a scope as the marked block does.
const TAGS: [(&str, &str); 2] = [("generation", "with"), ("endgeneration", "endwith")];
/// Filter of values that are assigned to names.
pub(super) const OF_NAME: &str = "of_name";
/// Filter of values that are assigned to attributes.
pub(super) const OF_ATTRIBUTE: &str = "of_attribute";

/// Rewrites the tags of a template. Signs that trim whitespace, lines and raw text are kept.
pub(super) fn rewritten(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut copied = 0;
    for tag in tags(source) {
        result.push_str(&source[copied..tag.start]);
        match replacement(source, &tag) {
            Some(text) => result.push_str(&text),
            None => result.push_str(&source[tag.start..tag.end]),
        }
        copied = tag.end;
    }
    result.push_str(&source[copied..]);
    result
}

/// Returns the new content of a tag, `None` to keep it.
fn replacement(source: &str, tag: &Tag) -> Option<String> {
    let content = &source[tag.start..tag.end];
    let word = content.trim();
    if let Some((_, by)) = TAGS.iter().find(|(tag, _)| *tag == word) {
        return Some(content.replacen(word, by, 1));
    }
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    let target = word.strip_prefix("set")?;
    if target.starts_with(is_of_name) || !tag.is_balanced {
        return None;
    }
    let filter = |target: &str| match target.contains('.') {
        true => OF_ATTRIBUTE,
        false => OF_NAME,
    };
    match tag.assignment {
        Some(at) => {
            let (target, value) = (&source[tag.start..at], &source[at + 1..tag.end]);
            let has_value = !value.trim().is_empty();
            has_value.then(|| format!("{target}=({value})|{} ", filter(target)))
        }
        // The text of a block, through filters.
        None => content
            .contains('|')
            .then(|| format!("{content}|{} ", filter(content))),
    }
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn only_whole_tags_are_replaced() {
        for (source, expected) in [
            (
                "{% generation %}a{% endgeneration %}",
                "{% with %}a{% endwith %}",
            ),
            ("{%- generation -%}", "{%- with -%}"),
            ("{%-endgeneration+%}", "{%-endwith+%}"),
            ("{{ generation }}", "{{ generation }}"),
            ("{{ '{% x' }}{# {% y #}{", "{{ '{% x' }}{# {% y #}{"),
            ("é{% é %}é", "é{% é %}é"),
            ("{% open", "{% open"),
            ("{{ '}}{% generation %}' }}", "{{ '}}{% generation %}' }}"),
            (
                "{%- raw %}{% generation %}{{{% endraw -%}{% generation %}",
                "{%- raw %}{% generation %}{{{% endraw -%}{% with %}",
            ),
        ] {
            assert_eq!(rewritten(source), expected);
        }
    }

    #[test]
    fn values_of_attributes_are_filtered() {
        for (source, expected) in [
            ("{% set n.a=1 -%}", "{% set n.a=(1 )|of_attribute -%}"),
            (
                "{%set(n.a, b) = '%}' == x, {'=': [1]}%}",
                "{%set(n.a, b) =( '%}' == x, {'=': [1]})|of_attribute %}",
            ),
            (
                "{% set n.a | upper %}x{% endset %}",
                "{% set n.a | upper |of_attribute %}x{% endset %}",
            ),
            ("{% set n.a %}x{% endset %}", "{% set n.a %}x{% endset %}"),
            ("{% set a = n.a %}", "{% set a =( n.a )|of_name %}"),
            ("{% set n.a = %}", "{% set n.a = %}"),
            ("{% set n.a = n) or (1 %}", "{% set n.a = n) or (1 %}"),
            ("{% setn.a = 1 %}", "{% setn.a = 1 %}"),
        ] {
            assert_eq!(rewritten(source), expected);
        }
    }

    #[test]
    fn a_million_openings_are_read_once() {
        for opening in ["{#", "{{", "{%", "{", "{% raw %}{%", "{%'", "{%("] {
            let source = opening.repeat(1_000_000);
            assert_eq!(rewritten(&source), source);
        }
    }
}
