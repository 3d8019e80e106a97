//! Tokens of a prompt with its chat template.

use crate::error::Result;
use crate::generate::options::GenerateOptions;
use crate::text::chat::template::ChatTemplate;
use crate::text::tokenizer::Tokenizer;

/// Returns the tokens that the model reads for a prompt: those of the chat template included,
/// unless the options are raw or the model has no template.
pub(crate) fn prompt_tokens(
    tokenizer: &Tokenizer,
    chat: Option<&ChatTemplate>,
    prompt: &str,
    options: &GenerateOptions,
) -> Result<Vec<u32>> {
    match chat.filter(|_| !options.raw) {
        Some(chat) => tokenizer.encode(&chat.render(prompt, &options.of_chat())?),
        None => tokenizer.encode(prompt),
    }
}
