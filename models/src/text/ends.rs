//! Tokens that end a text: files state one or two, but models have more. The others are known by
//! their text, as in llama.cpp.

use crate::text::vocabulary::{NORMAL, Vocabulary};

/// Texts that end a turn or a text whatever the file states about the token.
const ENDS: [&str; 22] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
    "<|fim_pad|>",
];

/// Texts that are ordinary in some vocabularies: HTML's end of strikethrough, for example. They
/// end a text unless the file states that they are ordinary.
const ENDS_IF_SPECIAL: [&str; 12] = [
    "</s>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
    "<|fim_sep|>",
];

/// A token does not end a text if the vocabulary has all of some others: there it ends a part.
const NOT_ENDS: [(&str, &[&str]); 3] = [
    ("<|end|>", &["<|return|>", "<|call|>"]),
    ("<|end|>", &["<|flush|>", "<|calls|>"]),
    ("</s>", &["<|tool_response>"]),
];

/// Returns the ids of tokens that end a generation by their text.
pub(super) fn by_text(vocabulary: &Vocabulary<'_>) -> Vec<u32> {
    let has = |text: &&str| vocabulary.tokens.contains(text);
    let is_part = |text: &str| {
        let mut rules = NOT_ENDS.iter().filter(|(end, _)| *end == text);
        rules.any(|(_, others)| others.iter().all(has))
    };
    let is_end = |(text, kind): (&&str, &i64)| {
        ENDS.contains(text) || (*kind != NORMAL && ENDS_IF_SPECIAL.contains(text))
    };
    let all = vocabulary.tokens.iter().zip(&vocabulary.types).zip(0..);
    all.filter(|((text, kind), _)| is_end((text, kind)) && !is_part(text))
        .map(|(_, id)| id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::vocabulary::CONTROL;

    fn ends(tokens: &[(&'static str, i64)]) -> Vec<u32> {
        let (tokens, types) = tokens.iter().copied().unzip();
        by_text(&Vocabulary { tokens, types })
    }

    #[test]
    fn ends_are_known_by_their_text() {
        assert_eq!(
            ends(&[("a", 1), ("<|eot_id|>", CONTROL), ("<|end|>", 1)]),
            [1, 2]
        );
        // An ordinary token of a vocabulary of code.
        assert_eq!(ends(&[("</s>", NORMAL), ("<|im_end|>", CONTROL)]), [1]);
        assert_eq!(ends(&[("</s>", CONTROL)]), [0]);
        // Channels of an answer end with `<|end|>`.
        let parts = [
            ("<|end|>", CONTROL),
            ("<|return|>", CONTROL),
            ("<|call|>", CONTROL),
        ];
        assert_eq!(ends(&parts), [1, 2]);
        assert_eq!(
            ends(&[("</s>", CONTROL), ("<|tool_response>", CONTROL)]),
            [1]
        );
    }
}
