//! Options of rendering a conversation.

/// What a chat template renders besides the user's turn.
///
/// ```
/// use energy_models::{ChatOptions, ChatTemplate};
///
/// # fn main() -> energy_models::Result<()> {
/// let source = "{% if enable_thinking %}<think>{% endif %}{{ messages[0].content }}, {{ name }}";
/// let template = ChatTemplate::new(source, [("bos_token", "<s>")]);
/// let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
/// let options = ChatOptions {
///     variables: vec![variable("enable_thinking", "false"), variable("name", "Ada")],
///     ..Default::default()
/// };
/// assert_eq!(template.render("hello", &options)?, "hello, Ada");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatOptions {
    /// System turn before the user's; the template's own if `None`.
    pub system: Option<String>,
    /// Names and values of the template's variables, such as `enable_thinking`. A value is
    /// JSON, or else text.
    pub variables: Vec<(String, String)>,
    /// Time that the template's `strftime_now` formats, in seconds since 1970; the present if
    /// `None`.
    pub now_s: Option<i64>,
}
