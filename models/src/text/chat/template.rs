//! Renders conversation turns to one prompt with the model's chat template.

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::{ErrorKind, Value, context};

use super::apart::apart;
use super::environment::environment;
use super::options::ChatOptions;
use super::rewriting::rewritten;
use crate::error::{Error, Result};

const NAME: &str = "chat";
/// Longest source, several times that of real templates.
const LONGEST_BYTES: usize = 128 << 10;
/// Stack of a rendering without a source.
const STACK_BYTES: usize = 64 << 20;
/// Stack for each byte of the source: one byte may be one level of the syntax tree.
const STACK_BYTES_PER_BYTE: usize = 8 << 10;
/// Longest time of a rendering. Real templates take milliseconds.
const LONGEST: Duration = Duration::from_secs(10);

/// A model's chat template with the special tokens that it may name.
///
/// ```
/// use energy_models::{ChatOptions, ChatTemplate};
///
/// # fn main() -> energy_models::Result<()> {
/// let source = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content.strip() }} {% endfor %}";
/// let template = ChatTemplate::new(source, [("bos_token", "<s>")]);
/// let text = template.render(" hello ", &ChatOptions::default())?;
/// assert_eq!(text, "<s>[user] hello ");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    special: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// Creates a template. `special` are the names and texts of special tokens: `bos_token`,
    /// `eos_token`, ...
    pub fn new<N: Into<String>, T: Into<String>>(
        source: &str,
        special: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let special = special.into_iter();
        Self {
            source: source.to_owned(),
            special: special
                .map(|(name, text)| (name.into(), text.into()))
                .collect(),
        }
    }

    /// Renders a prompt of one user turn, after a system turn if there is one, up to the
    /// start of the model's answer.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] if the template is longer than 128 KiB, uses something unknown, does
    /// not end, or refuses these turns itself.
    pub fn render(&self, user: &str, options: &ChatOptions) -> Result<String> {
        let length = self.source.len();
        if length > LONGEST_BYTES {
            let text = format!("it has {length} bytes; at most {LONGEST_BYTES} are rendered");
            return Err(Error::ChatTemplate(text));
        }
        let (template, user, options) = (self.clone(), user.to_owned(), options.clone());
        let work = move || {
            let rendered = template.try_render(&user, &options);
            rendered.map_err(|error| message(&error))
        };
        let stack = STACK_BYTES + STACK_BYTES_PER_BYTE * length;
        let rendered = apart(stack, LONGEST, work).and_then(|rendered| rendered);
        rendered.map_err(Error::ChatTemplate)
    }

    fn try_render(&self, user: &str, options: &ChatOptions) -> Result<String, minijinja::Error> {
        let source = rewritten(&self.source);
        let environment = environment(options.now_s)?;
        let turn = |role: &str, text: &str| context! { role => role, content => text };
        let system = options.system.as_deref().map(|text| turn("system", text));
        let messages: Vec<Value> = system.into_iter().chain([turn("user", user)]).collect();
        let of_chat = context! {
            messages => messages,
            tools => (),
            documents => (),
            add_generation_prompt => true,
        };
        let variables = options.variables.iter();
        let variables = variables.map(|(name, text)| (name.as_str(), value(text)));
        let special = self.special.iter();
        let special = special.map(|(name, text)| (name.as_str(), text.as_str()));
        // The first that has a name decides.
        let all = context! {
            ..Value::from_pairs(variables),
            ..of_chat,
            ..Value::from_pairs(special)
        };
        // Without a place among the environment's templates, it cannot include itself.
        let template = environment.template_from_named_str(NAME, &source)?;
        template.render(all)
    }
}

/// Returns the value of a variable; the members of objects keep their order.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Returns the reason with the line.
fn message(error: &minijinja::Error) -> String {
    match error.kind() {
        ErrorKind::OutOfFuel => {
            let line = error
                .line()
                .map_or(String::new(), |line| format!(" (line {line})"));
            format!("it does not end, or makes too much text{line}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, options: &ChatOptions) -> Result<String> {
        let special = [("bos_token", "<s>"), ("eos_token", "</s>")];
        ChatTemplate::new(source, special).render("hi", options)
    }

    #[test]
    fn turns_come_in_order() {
        let source = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}";
        let options = ChatOptions {
            system: Some("be brief".to_owned()),
            ..Default::default()
        };
        let text = render(source, &options).unwrap();
        assert_eq!(text, "<s>[system]be brief[user]hi>");
    }

    #[test]
    fn a_template_may_refuse() {
        let error = render(
            "{{ raise_exception('no system') }}",
            &ChatOptions::default(),
        );
        let error = error.unwrap_err();
        assert!(error.to_string().contains("no system"), "{error}");
    }

    #[test]
    fn variables_replace_those_of_the_chat() {
        let options = ChatOptions {
            variables: vec![
                ("enable_thinking".to_owned(), "false".to_owned()),
                ("bos_token".to_owned(), "B".to_owned()),
            ],
            ..Default::default()
        };
        let source = "{{ bos_token }}{{ enable_thinking is false }}{{ tools is none }}";
        assert_eq!(render(source, &options).unwrap(), "BTrueTrue");
    }

    #[test]
    fn an_endless_template_is_refused() {
        for source in [
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
            "{% set n = namespace(t='xxxxxxxx') %}{% for i in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}",
            "{{ 'x' * 1000000000000 }}",
            "{{ messages | map('upper') | list | tojson(indent=9999) }}",
            "{% set n = namespace(x=[]) %}{% for i in range(100000) %}{% set n.x = n.x + [i] %}{% endfor %}",
            "{% set n = namespace(x=[]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}",
            "{% set n = namespace(x=[]) %}{% for i in range(200) %}{% set n.x = [n.x] %}{% endfor %}",
            &format!("{}{{{{ x }}}}", "{% set x = [x, x] %}".repeat(60)),
            &format!("{}{{{{ x | tojson }}}}", "{% set x = [x, x] %}".repeat(60)),
            &format!("{}{{{{ x | pprint }}}}", "{% set x = [x, x] %}".repeat(60)),
        ] {
            let error = render(source, &ChatOptions::default()).unwrap_err();
            assert!(matches!(error, Error::ChatTemplate(_)), "{error}");
        }
    }

    #[test]
    fn a_namespace_holds_no_namespace() {
        let refused = |tag: &str| {
            let source =
                format!("{{% set n = namespace(a=1) %}}{tag}{{{{ n }}}}{{{{ n == n.a }}}}");
            let error = render(&source, &ChatOptions::default()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("a namespace cannot hold"), "{tag}: {text}");
        };
        for value in [
            "n",
            "[n]",
            "{'a': [n]}",
            "{'a': n}.values()",
            "{'a': n}.items()",
            "[n] + [1]",
            "[[n]] | map('list')",
            "[n] | zip([1])",
            "[n] | chain([1])",
            "[n] * 2",
            "[n][:1]",
            "1, n",
            "n if n else 1",
            "namespace()",
            "self_or(n)",
        ] {
            refused(&format!(
                "{{% macro self_or(x) %}}{{% set n.a = x %}}{{% endmacro %}}{{% set n.a = {value} %}}"
            ));
        }
        for tag in [
            "{% set (n.a, b) = (n, 1) %}",
            "{%set n.a=n%}",
            "{%-\tset n . a = n -%}",
            "{% set n.a | default(n, true) %}{% endset %}",
            "{% for x in [n, n] %}{% set n.a = loop %}{% endfor %}",
            "{% set n = namespace(a=n) %}",
            "{% set n = namespace({'a': [n]}) %}",
            "{% set n = namespace(n) %}",
            "{{ '{#' }}{# {% raw %} #}{% set n.a = n %}",
        ] {
            refused(tag);
        }
    }

    #[test]
    fn other_values_of_namespaces_are_kept() {
        for (source, expected) in [
            ("{% set n.a = [1] + [{'b': 2}] %}{{ n.a[1].b }}", "2"),
            ("{% set n.a = 1, 2 %}{{ n.a[1] }}", "2"),
            ("{% set n.a, b = 1, 2 %}{{ n.a }}{{ b }}", "12"),
            ("{% set n.a = none if true %}{{ n.a is none }}", "True"),
            ("{% set n.a = missing %}{{ n.a is defined }}", "False"),
            ("{% set n.a | upper %}x{% endset %}{{ n.a }}", "X"),
            ("{% set n.a %}x{% endset %}{{ n.a }}", "x"),
            ("{% set n.a = 'a%}' ~ \"'\" %}{{ n.a }}", "a%}'"),
            ("{% set m = [n] %}{{ m[0].t }}", "7"),
            (
                "{{ {'a': 1} | pprint }}{{ debug is defined }}",
                "{\n    'a': 1,\n}False",
            ),
        ] {
            let source = format!("{{% set n = namespace(t=7) %}}{source}");
            let text = render(&source, &ChatOptions::default()).unwrap();
            assert_eq!(text, expected, "{source}");
        }
    }

    #[test]
    fn values_do_not_become_deep() {
        let lists = "{% set n.a = [n.a] %}";
        for (step, refusal) in [
            ("n.a[0:]", ""),
            ("n.a[::-1]", ""),
            ("n.a + []", ""),
            ("n.a * 1", ""),
            ("n.a | chain([])", ""),
            ("n.a | reverse", ""),
            ("[n.a]", "at most 128 deep"),
            ("{'a': n.a}", "at most 128 deep"),
            ("n.a | zip([1])", "at most 128 deep"),
            ("[n.a[0][0:]]", "does not end"),
            ("[n.a[0] + []]", "does not end"),
        ] {
            let source = format!(
                "{{% set n = namespace(a=[[1]]) %}}{{% for i in range(20000) %}}{{% set n.a = {step} %}}{{% endfor %}}{{{{ n.a == n.a[0:] }}}}"
            );
            match render(&source, &ChatOptions::default()) {
                Ok(text) => assert_eq!((text.as_str(), refusal), ("True", ""), "{step}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        !refusal.is_empty() && text.contains(refusal),
                        "{step}: {text}"
                    );
                }
            }
        }
        let sequence = lists.repeat(3000);
        let source = format!("{{% set n = namespace(a=1) %}}{sequence}{{{{ n }}}}");
        assert!(render(&source, &ChatOptions::default()).is_err());
        for step in [
            "[x]",
            "x[0:]",
            "{'a': x}",
            "x + [1]",
            "x | chain({})",
            "x | chain([])",
        ] {
            let steps = format!("{{% set x = {step} %}}").repeat(3000);
            let source = format!(
                "{{% macro f(x) %}}{steps}{{{{ f([[[x]]]) }}}}{{% endmacro %}}{{{{ f([]) }}}}"
            );
            assert!(render(&source, &ChatOptions::default()).is_err(), "{step}");
        }
    }

    #[test]
    fn a_template_cannot_include_itself() {
        for tag in ["include 'chat'", "import 'chat' as m", "extends 'chat'"] {
            let error = render(&format!("{{% {tag} %}}"), &ChatOptions::default()).unwrap_err();
            assert!(error.to_string().contains("template not found"), "{error}");
        }
    }

    #[test]
    fn long_chains_have_room() {
        let chain = |part: &str| part.repeat(LONGEST_BYTES / part.len() - 20);
        for part in [
            "not ",
            "-",
            "1 ** ",
            "1 and ",
            "1 if 1 else ",
            "|e",
            ".b",
            "[0]",
            "()",
            " is a",
            "[",
            "{% elif 1 %}",
            "{% if 1 %}",
        ] {
            let links = chain(part);
            let source = match part.chars().next() {
                Some('{') => format!("{{% if 0 %}}{links}{{% endif %}}"),
                Some('|' | '.' | '[' | '(' | ' ') => format!("{{{{ x{links} }}}}"),
                _ => format!("{{{{ {links}1 }}}}"),
            };
            // Most are errors; all return.
            let _ = render(&source, &ChatOptions::default());
        }
        // Constants are joined again for each sign, when the template is read.
        let source = format!("{{{{ {}1 }}}}", "1 ~ ".repeat(3000));
        let text = render(&source, &ChatOptions::default()).unwrap();
        assert_eq!(text, "1".repeat(3001));
        let error = render(&chain("-").repeat(2), &ChatOptions::default()).unwrap_err();
        assert!(error.to_string().contains("at most 131072"), "{error}");
    }
}
