//! Prompts with an exact number of tokens, cut from a built-in text by the model's tokenizer.

use std::path::Path;

use energy_models::{Checkpoint, LoadOptions};

use super::RunOptions;
use super::sampling::sampling;
use crate::error::{Error, Result};

/// The built-in text; longer prompts repeat it.
const PROSE: &str = include_str!("prose.txt");
/// Number of characters around the expected end at which the text may be cut.
const NEAR: usize = 96;
/// Number of beginnings that are tried: tokenizers can make a count impossible at one of them.
const BEGINNINGS: usize = 32;

/// Returns the options with a made prompt, or `None` if the prompt is given.
///
/// # Errors
/// If the model cannot be opened, or the number of tokens is impossible with its chat template.
pub(crate) fn with_made_prompt(options: &RunOptions, model: &Path) -> Result<Option<RunOptions>> {
    let Some(tokens) = options.prompt_tokens else {
        return Ok(None);
    };
    if options.each_line {
        let text = "--each-line needs given prompts; omit it, or --prompt-tokens";
        return Err(Error::Request(text.to_owned()));
    }
    let load = LoadOptions {
        assume: options.assume,
        ..LoadOptions::default()
    };
    let checkpoint = Checkpoint::open_with(model, &load);
    let checkpoint = checkpoint.map_err(|error| Error::Model(error.to_string()))?;
    let generate = sampling(options);
    let count = |text: &str| {
        let count = checkpoint.prompt_tokens(text, &generate);
        count.map_err(|error| Error::Model(error.to_string()))
    };
    Ok(Some(RunOptions {
        prompt: made_prompt(tokens, count)?,
        ..options.clone()
    }))
}

/// Returns a text for which `count` returns exactly `tokens`.
///
/// # Errors
/// If there is none, or `count` fails.
fn made_prompt(tokens: usize, count: impl Fn(&str) -> Result<usize>) -> Result<String> {
    let least = count(PROSE.get(..1).unwrap_or_default())?;
    if least > tokens {
        return Err(Error::Request(format!(
            "a prompt of {tokens} tokens is impossible: one character and the chat template have \
             {least}; use --prompt-tokens {least} or more, or --raw"
        )));
    }
    let words: Vec<usize> = PROSE.match_indices(' ').map(|(at, _)| at + 1).collect();
    let starts = std::iter::once(0).chain(words).take(BEGINNINGS);
    for start in starts {
        let text = RepeatedText::from(start);
        if let Some(found) = cut(tokens, &text, &count)? {
            return Ok(found);
        }
    }
    Err(Error::Request(format!(
        "no prompt of exactly {tokens} tokens can be made for this tokenizer; use another \
         --prompt-tokens, or give a prompt"
    )))
}

/// The built-in text from one place on, repeated without end, in one line.
struct RepeatedText {
    start: usize,
}

impl RepeatedText {
    fn from(start: usize) -> Self {
        Self { start }
    }

    /// Returns the first `length` characters.
    fn first(&self, length: usize) -> String {
        let all = PROSE.chars().map(|c| if c == '\n' { ' ' } else { c });
        all.cycle().skip(self.start).take(length).collect()
    }
}

/// Returns the beginning of the text that has `tokens` tokens, if there is one.
fn cut(
    tokens: usize,
    text: &RepeatedText,
    count: &impl Fn(&str) -> Result<usize>,
) -> Result<Option<String>> {
    // Longer texts have more tokens, up to a few at the cut.
    let mut high = 8;
    while count(&text.first(high))? < tokens {
        high *= 2;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        match count(&text.first(middle))? < tokens {
            true => low = middle,
            false => high = middle,
        }
    }
    let near = (0..NEAR).flat_map(|distance| [high + distance, high.saturating_sub(distance)]);
    for length in near.filter(|length| *length > 0) {
        let prefix = text.first(length);
        if count(&prefix)? == tokens {
            return Ok(Some(prefix));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_characters_are_counted_exactly() {
        let words = |text: &str| Ok(text.split_whitespace().count());
        for tokens in [1, 2, 100, 5_000] {
            let text = made_prompt(tokens, words).unwrap();
            assert_eq!(words(&text).unwrap(), tokens);
            assert!(!text.contains('\n'));
        }
        let template = |text: &str| Ok(text.chars().count() + 7);
        assert_eq!(made_prompt(20, template).unwrap().chars().count(), 13);
        assert_eq!(made_prompt(8, template).unwrap(), "T");
        let error = made_prompt(7, template).unwrap_err().to_string();
        assert!(error.contains("--prompt-tokens 8 or more"), "{error}");
    }

    #[test]
    fn impossible_counts_are_refused() {
        let even = |text: &str| Ok(text.chars().count().div_ceil(2) * 2);
        assert_eq!(even(&made_prompt(6, even).unwrap()).unwrap(), 6);
        let error = made_prompt(7, even).unwrap_err().to_string();
        assert!(error.contains("exactly 7 tokens"), "{error}");
    }

    #[test]
    fn the_built_in_text_is_plain() {
        assert!(PROSE.is_ascii() && PROSE.len() > 4000);
        assert!(PROSE.ends_with('\n') && !PROSE.contains("  "));
    }
}
