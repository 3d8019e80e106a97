//! Renders conversation turns to one prompt with the model's chat template.

use std::collections::BTreeMap;

use minijinja::{ErrorKind, Value, context};

use super::environment::environment;
use super::generation_tags::replaced;
use super::options::ChatOptions;
use crate::error::{Error, Result};

const NAME: &str = "chat";

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
            source: replaced(source),
            special: special
                .map(|(name, text)| (name.into(), text.into()))
                .collect(),
        }
    }

    /// Renders a prompt of one user turn, after a system turn if there is one, up to the
    /// start of the model's answer.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] if the template uses something unknown, does not end, or refuses
    /// these turns itself.
    pub fn render(&self, user: &str, options: &ChatOptions) -> Result<String> {
        let rendered = self.try_render(user, options);
        rendered.map_err(|error| Error::ChatTemplate(message(&error)))
    }

    fn try_render(&self, user: &str, options: &ChatOptions) -> Result<String, minijinja::Error> {
        let mut environment = environment(options.now_s)?;
        environment.add_template(NAME, &self.source)?;
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
        environment.get_template(NAME)?.render(all)
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
        ] {
            let error = render(source, &ChatOptions::default()).unwrap_err();
            assert!(matches!(error, Error::ChatTemplate(_)), "{error}");
        }
    }
}
